//! Reed-Solomon encoding and commitments (prover).

#![allow(clippy::indexing_slicing)]

use p3_field::PrimeCharacteristicRing;
use rayon::prelude::*;
use tacit_algebra::F;
use tacit_algebra::progress::{Progress, Stopped};
use tacit_transcript::Digest;
use tacit_transcript::merkle::{Tree, row_bytes};

use crate::schedule::Schedule;
use crate::transform::evaluate;

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
    pub(crate) limbs: Vec<Vec<F>>,
    pub(crate) codeword: Codeword,
}

impl Commitment {
    pub fn root(&self) -> Digest {
        self.codeword.root()
    }

    /// The committed cells.
    pub fn limbs(&self) -> &[Vec<F>] {
        &self.limbs
    }
}

/// Commits to `limbs`, each of `2^log_rows` cells. All commitments of one opening share the schedule.
///
/// # Errors
/// [`Stopped`] when `progress` asks for it.
///
/// # Panics
/// When there is no limb, or one has another length.
pub fn commit(schedule: &Schedule, limbs: Vec<Vec<F>>, progress: &Progress) -> Result<Commitment, Stopped> {
    assert!(!limbs.is_empty(), "a commitment has a limb");
    assert!(limbs.iter().all(|limb| limb.len() == 1 << schedule.log_rows()), "a limb has 2^log_rows cells");
    let cells = (limbs.len() as u64) << schedule.log_rows();
    progress.expect(cells);
    progress.advance(0)?;
    let width = limbs.len();
    let codeword = Codeword::new(schedule, 0, width, |first, rows| {
        for (column, limb) in limbs.iter().enumerate() {
            for (row, &cell) in rows.chunks_exact_mut(width).zip(&limb[first..]) {
                row[column] = cell;
            }
        }
    });
    progress.advance(cells)?;
    Ok(Commitment { limbs, codeword })
}
