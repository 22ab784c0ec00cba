//! Commitments to limbs (prover): codewords that are held, computed again, or read from a file.

use std::fs::File;
use std::sync::Arc;

use p3_field::PrimeCharacteristicRing;
use tacit_algebra::F;
use tacit_algebra::progress::{Progress, Stopped};
use tacit_transcript::merkle::Tree;
use tacit_transcript::{Digest, Randomness, on_pool};

use super::OpenError;
use super::encode::{Codeword, LOG_GROUP, Salts, nodes, scatter};
use super::limbs::Limbs;
use super::stored::{ELEMENT, Stored};
use crate::schedule::Schedule;

/// A commitment whose codeword has more elements does not keep it: opened rows are computed again, or read from a file.
pub const HELD: usize = 1 << 27;
/// Elements of the part of such a codeword that is held while the tree is computed, at least ..
const PART: usize = 1 << 26;
/// .. and log2 of how many parts are as long as the cells, at most, where parts stay below [`HELD`]: every part reads all cells.
const LOG_SLICES: usize = 2;

/// Elements of the parts in which a codeword that is not held is computed.
fn part(schedule: &Schedule, width: usize, held: usize) -> usize {
    (width << schedule.log_message(0) >> LOG_SLICES).max(PART).min(held)
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

    /// What [`Commitment::from_digests`] takes; `None` when the codeword is held.
    pub fn digests(&self) -> Option<&[Digest]> {
        let codeword = &self.codeword;
        codeword.rows.is_empty().then(|| codeword.tree.layer(LOG_GROUP))
    }

    /// A commitment that was made before; `None` when the number of digests is another one. Whoever made the digests decides what
    /// the root is: it is to be compared with the one expected.
    pub fn from_digests(
        schedule: &Schedule,
        width: usize,
        randomness: &Randomness,
        digests: Vec<Digest>,
    ) -> Option<Self> {
        let groups = schedule.log_domain(0).checked_sub(LOG_GROUP)?;
        let fits = width > 0 && schedule.log_message(0) >= LOG_GROUP && digests.len() == 1 << groups;
        let salts = Salts::new(schedule, 0, randomness);
        let tree = |digests| Tree::above(digests, LOG_GROUP);
        let codeword = |digests| Codeword { rows: Vec::new(), stored: None, width, tree: tree(digests), salts };
        fits.then(|| Self { codeword: codeword(digests) })
    }

    /// Bytes of a codeword that is not held.
    pub fn stored_bytes(&self, schedule: &Schedule) -> Option<u64> {
        let codeword = &self.codeword;
        codeword.rows.is_empty().then(|| ((codeword.width * ELEMENT) as u64) << schedule.log_domain(0))
    }

    /// Writes a codeword that is not held into a file, from which openings read the rows that they show from now on. `cells` must be
    /// those that were committed to.
    ///
    /// # Errors
    /// When `progress` asks to stop, when the cells are others, and when the file cannot be written.
    pub fn store(
        &mut self,
        schedule: &Schedule,
        file: File,
        cells: impl Limbs,
        progress: &Progress,
    ) -> Result<(), OpenError> {
        let Codeword { width, tree, salts, .. } = &self.codeword;
        let (stored, width) = (Stored::new(file), *width);
        progress.expect((width as u64) << schedule.log_rows());
        on_pool(|| {
            nodes(schedule, width, part(schedule, width, HELD), salts, &cells, progress, |first, rows, digests| {
                let known = tree.layer(LOG_GROUP).get(first >> LOG_GROUP..).unwrap_or_default();
                if !known.starts_with(&digests) {
                    return Err(OpenError::Cells);
                }
                Ok(stored.write(first * width, rows)?)
            })
        })?;
        stored.sync()?;
        self.codeword.stored = Some(Arc::new(stored));
        Ok(())
    }

    /// Takes a file that [`Self::store`] wrote for an equal commitment; `false`, and nothing changes, where its length or its first or
    /// last rows are others. Rows that an opening finds changed are encoded again.
    pub fn take(&mut self, schedule: &Schedule, file: File) -> bool {
        let stored = Stored::new(file);
        let fits = self.stored_bytes(schedule) == stored.len().ok().map(|length| length * ELEMENT as u64);
        let before = self.codeword.stored.replace(Arc::new(stored));
        let groups = [0, (1 << (schedule.log_domain(0) - LOG_GROUP)) - 1];
        let rows = || self.codeword.rows_at_hand(&groups);
        let same = fits && rows().is_some_and(|rows| self.codeword.trees(&groups, &rows).is_some());
        if !same {
            self.codeword.stored = before;
        }
        same
    }
}

/// Commits to `width` limbs, each of `2^log_rows` cells, which `cells` counts from 0 on. All commitments of one opening
/// share the schedule. Salts come from the stream [`SALTS`] of `randomness`.
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
    cells: impl Limbs,
    progress: &Progress,
) -> Result<Commitment, Stopped> {
    commit_within(HELD, schedule, width, randomness, cells, progress)
}

/// The same; a codeword of more than `held` elements is not kept: an opening computes the rows that it shows again.
///
/// # Errors
/// As [`commit`].
///
/// # Panics
/// As [`commit`].
pub fn commit_within(
    held: usize,
    schedule: &Schedule,
    width: usize,
    randomness: &Randomness,
    cells: impl Limbs,
    progress: &Progress,
) -> Result<Commitment, Stopped> {
    assert!(width > 0, "a commitment has a limb");
    let units = (width as u64) << schedule.log_rows();
    progress.expect(units);
    progress.advance(0)?;
    let fill = |first: usize, rows: &mut [F]| {
        let mut column = vec![F::ZERO; rows.len() / width];
        for limb in 0..width {
            cells.read_cells(limb, first, &mut column);
            scatter(&column, limb, width, rows);
        }
    };
    let thin = width << schedule.log_domain(0) > held && schedule.log_message(0) >= LOG_GROUP;
    let codeword = on_pool(|| {
        if thin {
            return Codeword::thin(schedule, width, part(schedule, width, held), randomness, &cells, progress);
        }
        let codeword = Codeword::new(schedule, 0, width, randomness, fill);
        progress.advance(units)?;
        Ok(codeword)
    })?;
    Ok(Commitment { codeword })
}
