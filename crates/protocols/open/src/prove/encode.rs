//! Reed-Solomon encoding and commitments (prover).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use p3_field::{PackedValue, PrimeCharacteristicRing};
use rayon::prelude::*;
use tacit_algebra::F;
use tacit_algebra::packed::Lanes;
use tacit_algebra::progress::{Progress, Stopped};
use tacit_transcript::merkle::{Tree, row_bytes};
use tacit_transcript::{Digest, Randomness};

use super::limbs::Limbs;
use super::narrow::{MOST, combine_slices};
use super::stored::Stored;
use super::transform::{Factors, LOG_DONE, Room, evaluate, evaluate_groups, evaluate_node};
use crate::schedule::Schedule;

/// Leaves whose salts one task computes.
const STRIP: usize = 64;
/// Elements that one task of the transposition writes: they fit the second-level cache, and limbs are read in as long ranges as may be.
const TRANSPOSED: usize = 1 << 15;
/// log2 of the leaves under a lowest digest that is kept: the tree above costs next to nothing, and 64 leaves are hashed again at once.
pub(super) const LOG_GROUP: usize = LOG_DONE;

/// Evaluations of columns, one row per point of the domain, and the tree over the rows.
#[derive(Debug, Clone)]
pub(crate) struct Codeword {
    /// Row-major; row p belongs to `Schedule::point(i, p)`. Empty when only the tree is kept.
    pub(super) rows: Vec<F>,
    /// Rows that are not held, in a file.
    pub(super) stored: Option<Arc<Stored>>,
    pub(super) width: usize,
    pub(super) tree: Tree,
    pub(super) salts: Salts,
}

/// Rows of so many columns that are written together: a power of two.
fn strip(width: usize) -> usize {
    1 << (TRANSPOSED / width).max(STRIP).ilog2()
}

/// `rows * factor + more`.
fn times_and(rows: &mut [F], factor: F, more: &[F]) {
    let ((rows, rows_rest), (more, more_rest)) =
        (Lanes::pack_slice_with_suffix_mut(rows), Lanes::pack_slice_with_suffix(more));
    rows.iter_mut().zip(more).for_each(|(row, &cell)| *row = *row * factor + cell);
    rows_rest.iter_mut().zip(more_rest).for_each(|(row, &cell)| *row = *row * factor + cell);
}

/// Writes a column into rows of `width` elements.
pub(super) fn scatter(column: &[F], at: usize, width: usize, rows: &mut [F]) {
    rows.iter_mut().skip(at).step_by(width).zip(column).for_each(|(row, &cell)| *row = cell);
}

/// Some rows of a column modulo x^L - y: `sum_s y^s slice_s`, the slices having L rows.
#[derive(Default)]
struct Residue {
    column: Vec<F>,
    more: Vec<F>,
    small: Vec<i32>,
}

impl Residue {
    /// Computes `rows` rows from `first` on, with L = `2^log_node`; `powers` are those of y, one for each slice.
    fn read(&mut self, cells: &impl Limbs, limb: usize, first: usize, log_node: usize, powers: &[F], rows: usize) {
        let (Self { column, more, small }, last) = (self, powers.len() - 1);
        let at = |slice: usize| (slice << log_node) + first;
        column.resize(rows, F::ZERO);
        if last > 0 && last < MOST {
            small.resize(rows * powers.len(), 0);
            let mut slices = small.chunks_exact_mut(rows).enumerate();
            if slices.all(|(slice, small)| cells.read_small(limb, at(slice), small)) {
                return combine_slices(powers, small, column);
            }
        }
        // Horner's rule, the last slice first.
        cells.read_cells(limb, at(last), column);
        for slice in (0..last).rev() {
            more.resize(rows, F::ZERO);
            cells.read_cells(limb, at(slice), more);
            times_and(column, powers[1], more);
        }
    }
}

/// The stream that oracle 0's salts come from; those of oracle i come from the i-th after it.
pub const SALTS: u64 = 1 << 32;

/// `size` bytes a leaf, at `size * position` of a stream.
#[derive(Debug, Clone)]
pub(super) struct Salts {
    randomness: Randomness,
    stream: u64,
    size: usize,
}

impl Salts {
    pub(super) fn new(schedule: &Schedule, i: usize, randomness: &Randomness) -> Self {
        Self { randomness: randomness.clone(), stream: SALTS + i as u64, size: schedule.salt() }
    }

    /// Of the leaves from `first` on.
    fn of(&self, first: u64, leaves: usize) -> Vec<u8> {
        let mut salts = vec![0; self.size * leaves];
        if self.size > 0 {
            let fill = |(n, part): (u64, &mut [u8])| {
                let leaf = first + n * STRIP as u64;
                self.randomness.bytes(self.stream, leaf * self.size as u64 / 4, part);
            };
            salts.par_chunks_mut(STRIP * self.size).enumerate().for_each(|(n, part)| fill((n as u64, part)));
        }
        salts
    }

    /// The tree over some rows, the first of which is leaf `first`.
    fn tree(&self, rows: &[F], width: usize, first: u64) -> Tree {
        Tree::new(rows, width, &self.of(first, rows.len() / width), self.size)
    }

    /// The digests `height` layers above such leaves.
    fn groups(&self, rows: &[F], width: usize, first: u64, height: usize) -> Vec<Digest> {
        Tree::groups(rows, width, &self.of(first, rows.len() / width), self.size, height)
    }
}

/// Rows of one tree at the queried positions, row-major, with the salts and the siblings of their leaves.
pub(crate) struct Opened {
    rows: Vec<F>,
    width: usize,
    pub(crate) salts: Vec<u8>,
    pub(crate) siblings: Vec<Digest>,
}

impl Opened {
    /// Canonical bytes of the row of the n-th position.
    pub(crate) fn row(&self, n: usize) -> impl Iterator<Item = u8> + '_ {
        row_bytes(&self.rows[n * self.width..][..self.width])
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
        let mut rows = F::zero_vec(width << schedule.log_domain(i));
        rows[..width << schedule.log_message(i)]
            .par_chunks_mut(strip(width) * width)
            .enumerate()
            .for_each(|(n, rows)| fill(n * strip(width), rows));
        let salts = Salts::new(schedule, i, randomness);
        let cut = LOG_GROUP.min(schedule.log_message(i));
        let digest = |first: u64, rows: &[F]| salts.groups(rows, width, first, cut);
        let (message, domain) = (schedule.log_message(i), schedule.log_domain(i));
        let digests = evaluate(&mut rows, width, message, domain, Schedule::shift(i), digest).concat();
        Self { rows, stored: None, width, tree: Tree::above(digests, cut), salts }
    }

    /// The same of limbs as oracle 0, of which the tree's layers above groups of rows are kept and nothing else.
    pub(super) fn thin(
        schedule: &Schedule,
        width: usize,
        part: usize,
        randomness: &Randomness,
        cells: &impl Limbs,
        progress: &Progress,
    ) -> Result<Self, Stopped> {
        let salts = Salts::new(schedule, 0, randomness);
        let mut digests = Vec::with_capacity(1 << (schedule.log_domain(0) - LOG_GROUP));
        nodes(schedule, width, part, &salts, cells, progress, |_, _, groups| {
            digests.extend(groups);
            Ok::<(), Stopped>(())
        })?;
        Ok(Self { rows: Vec::new(), stored: None, width, tree: Tree::above(digests, LOG_GROUP), salts })
    }

    pub(crate) fn root(&self) -> Digest {
        self.tree.root()
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// The rows at ascending positions. `column(c, cells)` writes all coefficients of column c; it is called only for a codeword
    /// that is not held. `None` when the columns are not those that were encoded.
    pub(crate) fn open(
        &self,
        schedule: &Schedule,
        positions: &[u64],
        column: impl Fn(usize, &mut [F]) + Sync,
    ) -> Option<Opened> {
        let (width, cut) = (self.width, self.tree.cut());
        let mut groups: Vec<usize> = positions.iter().map(|position| (position >> cut) as usize).collect();
        groups.dedup();
        let found = self.rows_at_hand(&groups).and_then(|rows| Some((self.trees(&groups, &rows)?, rows)));
        let (below, rows) = match found {
            Some(found) => found,
            None if self.rows.is_empty() => {
                let rows = self.encoded_again(schedule, &groups, column);
                (self.trees(&groups, &rows)?, rows)
            }
            None => return None,
        };
        let row = |&position: &u64| {
            let number = groups.partition_point(|&group| (group as u64) < position >> cut);
            &rows[((number << cut) + (position as usize & ((1 << cut) - 1))) * width..][..width]
        };
        let shown = positions.iter().flat_map(row).copied().collect();
        let salts = positions.iter().flat_map(|&position| self.salts.of(position, 1)).collect();
        Some(Opened { rows: shown, width, salts, siblings: self.tree.siblings_over(positions, &below) })
    }

    /// The trees over the rows of these groups; `None` where one of them is another one than was committed to.
    pub(super) fn trees(&self, groups: &[usize], rows: &[F]) -> Option<HashMap<u64, Tree>> {
        let (width, cut) = (self.width, self.tree.cut());
        let small = |(rows, &group): (&[F], &usize)| {
            let tree = self.salts.tree(rows, width, (group as u64) << cut);
            (self.tree.layer(cut).get(group) == Some(&tree.root())).then_some((group as u64, tree))
        };
        rows.chunks(width << cut).zip(groups).map(small).collect()
    }

    /// The rows of these groups, where they are held or can be read.
    pub(super) fn rows_at_hand(&self, groups: &[usize]) -> Option<Vec<F>> {
        let size = self.width << self.tree.cut();
        if !self.rows.is_empty() {
            return Some(groups.iter().flat_map(|&group| &self.rows[group * size..][..size]).copied().collect());
        }
        let stored = self.stored.as_ref()?;
        let mut rows = F::zero_vec(groups.len() * size);
        let mut parts = rows.chunks_exact_mut(size).zip(groups);
        parts.all(|(rows, &group)| stored.read(group * size, rows).is_ok()).then_some(rows)
    }

    /// The rows of these groups, of a codeword that is not held.
    fn encoded_again(&self, schedule: &Schedule, groups: &[usize], column: impl Fn(usize, &mut [F]) + Sync) -> Vec<F> {
        let factors = Factors::new(schedule.log_domain(0), Schedule::shift(0));
        // Fresh memory costs as much as the work, so that columns use that of others.
        let rooms: Mutex<Vec<(Vec<F>, Room)>> = Mutex::default();
        let encode = |c: usize| {
            let (mut coefficients, mut room) =
                rooms.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
            coefficients.resize(1 << schedule.log_message(0), F::ZERO);
            column(c, &mut coefficients);
            let mut values = F::zero_vec(groups.len() << LOG_GROUP);
            evaluate_groups(&coefficients, &factors, LOG_GROUP, groups, &mut room, &mut values);
            rooms.lock().unwrap_or_else(PoisonError::into_inner).push((coefficients, room));
            values
        };
        let columns: Vec<Vec<F>> = (0..self.width).into_par_iter().with_max_len(1).map(encode).collect();
        let mut rows = F::zero_vec((groups.len() * self.width) << LOG_GROUP);
        rows.par_chunks_mut(self.width << LOG_GROUP).enumerate().for_each(|(group, rows)| {
            for (c, column) in columns.iter().enumerate() {
                let values = &column[group << LOG_GROUP..][..1 << LOG_GROUP];
                rows.iter_mut().skip(c).step_by(self.width).zip(values).for_each(|(row, &value)| *row = value);
            }
        });
        rows
    }
}

/// Limbs as oracle 0, computed node by node (`transform.rs`), each of at most `part` elements: `each(first, rows, digests)` gets the
/// rows from `first` on and the digests of their groups.
pub(super) fn nodes<E: From<Stopped>>(
    schedule: &Schedule,
    width: usize,
    part: usize,
    salts: &Salts,
    cells: &impl Limbs,
    progress: &Progress,
    mut each: impl FnMut(usize, &[F], Vec<Digest>) -> Result<(), E>,
) -> Result<(), E> {
    let (log_message, log_domain) = (schedule.log_message(0), schedule.log_domain(0));
    let factors = Factors::new(log_domain, Schedule::shift(0));
    let log_node = (part / width).max(1).ilog2() as usize;
    let log_node = log_node.clamp(LOG_GROUP.min(log_message), log_message);
    let mut rows = F::zero_vec(width << log_node);
    for q in 0..1 << (log_domain - log_node) {
        progress.advance((width as u64) << log_message >> (log_domain - log_node))?;
        let powers = factors.residue(log_node, q).powers().collect_n(1 << (log_message - log_node));
        let strips = rows.par_chunks_mut(strip(width) * width).enumerate();
        strips.for_each_init(Residue::default, |residue, (n, rows)| {
            for limb in 0..width {
                residue.read(cells, limb, n * strip(width), log_node, &powers, rows.len() / width);
                scatter(&residue.column, limb, width, rows);
            }
        });
        let digest = |first: u64, rows: &[F]| salts.groups(rows, width, first, LOG_GROUP);
        let digests = evaluate_node(&mut rows, width, &factors, log_node, q, digest).concat();
        each(q << log_node, &rows, digests)?;
    }
    Ok(())
}
