//! Reed-Solomon encoding and commitments (prover).

use p3_field::PrimeCharacteristicRing;
use rayon::prelude::*;
use tacit_algebra::F;
use tacit_algebra::progress::{Progress, Stopped};
use tacit_transcript::merkle::{Tree, row_bytes};
use tacit_transcript::{Digest, Randomness};

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
    salts: Salts,
}

/// The stream that oracle 0's salts come from; those of oracle i come from the i-th after it.
pub const SALTS: u64 = 1 << 32;

/// `size` bytes a leaf, at `size * position` of a stream.
#[derive(Debug, Clone)]
struct Salts {
    randomness: Randomness,
    stream: u64,
    size: usize,
}

impl Salts {
    fn of(&self, position: u64) -> Vec<u8> {
        let mut salt = vec![0; self.size];
        if self.size > 0 {
            self.randomness.bytes(self.stream, position * self.size as u64 / 4, &mut salt);
        }
        salt
    }

    /// Of all leaves.
    fn all(&self, leaves: usize) -> Vec<u8> {
        let mut salts = vec![0; self.size * leaves];
        if self.size > 0 {
            let fill = |(n, part): (usize, &mut [u8])| {
                self.randomness.bytes(self.stream, (n * STRIP * self.size / 4) as u64, part);
            };
            salts.par_chunks_mut(STRIP * self.size).enumerate().for_each(fill);
        }
        salts
    }
}

impl Codeword {
    /// Encodes `width` columns as oracle `i`. `fill(first, rows)` writes coefficients `first ..` of all columns, row-major.
    pub(crate) fn new(
        schedule: &Schedule,
        i: usize,
        width: usize,
        randomness: &Randomness,
        fill: impl Fn(usize, &mut [F]) + Sync,
    ) -> Self {
        let message = width << schedule.log_message(i);
        let mut rows = F::zero_vec(width << schedule.log_domain(i));
        rows[..message].par_chunks_mut(STRIP * width).enumerate().for_each(|(n, rows)| fill(n * STRIP, rows));
        evaluate(&mut rows, width, schedule.log_message(i), schedule.log_domain(i), Schedule::shift(i));
        let salts = Salts { randomness: randomness.clone(), stream: SALTS + i as u64, size: schedule.salt() };
        let tree = Tree::new(&rows, width, &salts.all(1 << schedule.log_domain(i)), schedule.salt());
        Self { rows, width, tree, salts }
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

    pub(crate) fn salt(&self, position: u64) -> Vec<u8> {
        self.salts.of(position)
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
/// commitments of one opening share the schedule. Salts come from the stream [`SALTS`] of `randomness`.
///
/// # Errors
/// [`Stopped`] when `progress` asks for it.
///
/// # Panics
/// When there is no limb.
pub fn commit(
    schedule: &Schedule,
    width: usize,
    randomness: &Randomness,
    cells: impl Fn(usize, usize, &mut [F]) + Sync,
    progress: &Progress,
) -> Result<Commitment, Stopped> {
    assert!(width > 0, "a commitment has a limb");
    let units = (width as u64) << schedule.log_rows();
    progress.expect(units);
    progress.advance(0)?;
    let codeword = Codeword::new(schedule, 0, width, randomness, |first, rows| {
        let mut column = vec![F::ZERO; rows.len() / width];
        for limb in 0..width {
            cells(limb, first, &mut column);
            rows.iter_mut().skip(limb).step_by(width).zip(&column).for_each(|(row, &cell)| *row = cell);
        }
    });
    progress.advance(units)?;
    Ok(Commitment { codeword })
}
