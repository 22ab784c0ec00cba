//! Reed-Solomon encoding and commitments (prover).

use p3_field::PrimeCharacteristicRing;
use rayon::prelude::*;
use tacit_algebra::F;
use tacit_algebra::progress::{Progress, Stopped};
use tacit_transcript::Digest;
use tacit_transcript::merkle::{Tree, row_bytes};

use super::transform::evaluate;
use crate::schedule::Schedule;

/// Rows that one task of the transposition writes.
const STRIP: usize = 64;

/// Evaluations of columns, one row per point of the domain, and the tree over the rows.
#[derive(Debug, Clone)]
pub(crate) struct Codeword {
    /// Row-major; row p belongs to `Schedule::point(i, p)`.
    rows: Vec<F>,
    width: usize,
    tree: Tree,
}

impl Codeword {
    /// Encodes `width` columns as oracle `i`. `fill(first, rows)` writes coefficients `first ..` of all columns, row-major.
    pub(crate) fn new(schedule: &Schedule, i: usize, width: usize, fill: impl Fn(usize, &mut [F]) + Sync) -> Self {
        let message = width << schedule.log_message(i);
        let mut rows = F::zero_vec(width << schedule.log_domain(i));
        rows[..message].par_chunks_mut(STRIP * width).enumerate().for_each(|(n, rows)| fill(n * STRIP, rows));
        evaluate(&mut rows, width, schedule.log_message(i), schedule.log_domain(i), Schedule::shift(i));
        let tree = Tree::new(&rows, width, &[], schedule.salt());
        Self { rows, width, tree }
    }

    pub(crate) fn root(&self) -> Digest {
        self.tree.root()
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Canonical bytes of a row.
    pub(crate) fn row(&self, position: u64) -> impl Iterator<Item = u8> + '_ {
        row_bytes(&self.rows[position as usize * self.width..][..self.width])
    }

    pub(crate) fn siblings(&self, positions: &[u64]) -> Vec<Digest> {
        self.tree.siblings(positions)
    }
}

/// A committed list of limbs (prover's side).
#[derive(Debug, Clone)]
pub struct Commitment {
    pub(crate) codeword: Codeword,
}

impl Commitment {
    pub fn root(&self) -> Digest {
        self.codeword.root()
    }
}

/// Commits to `width` limbs, each of `2^log_rows` cells; `cells(limb, first, rows)` writes the cells `first ..` of a limb. All
/// commitments of one opening share the schedule.
///
/// # Errors
/// [`Stopped`] when `progress` asks for it.
///
/// # Panics
/// When there is no limb.
pub fn commit(
    schedule: &Schedule,
    width: usize,
    cells: impl Fn(usize, usize, &mut [F]) + Sync,
    progress: &Progress,
) -> Result<Commitment, Stopped> {
    assert!(width > 0, "a commitment has a limb");
    let units = (width as u64) << schedule.log_rows();
    progress.expect(units);
    progress.advance(0)?;
    let codeword = Codeword::new(schedule, 0, width, |first, rows| {
        let mut column = vec![F::ZERO; rows.len() / width];
        for limb in 0..width {
            cells(limb, first, &mut column);
            rows.iter_mut().skip(limb).step_by(width).zip(&column).for_each(|(row, &cell)| *row = cell);
        }
    });
    progress.advance(units)?;
    Ok(Commitment { codeword })
}
