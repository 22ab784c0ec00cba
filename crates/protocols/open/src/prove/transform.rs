//! Evaluation of many polynomials on one coset, in memory order.
//!
//! A node is a block of `L = 2^l` rows: the residue of every column's polynomial modulo `x^L - y`. It splits into the residues
//! modulo `x^(L/2) -+ t`, `t^2 = y`: `(a, b) -> (a + t b, a - t b)`, one factor for the whole node. With node q of length L over
//! points `p = q L, ..`, `t = shift^(L/2) w^(rev(q))`, `w` of order `2 N / L`, for a domain of N points; read as binary fractions the
//! exponents do not depend on L, so one table serves all layers. Row p ends as the values at `shift w_N^rev(p)`.

use std::ops::Range;

use p3_field::{PackedValue, PrimeCharacteristicRing, TwoAdicField};
use rayon::prelude::*;
use tacit_algebra::F;
use tacit_algebra::packed::Lanes;

/// Elements that fit the second-level cache beside a task's other data.
const CACHED: usize = 1 << 16;
/// log2 of the rows that are ready together, at least.
pub(crate) const LOG_DONE: usize = 6;
/// log2 of the slices that one strided pass joins, and elements taken from each.
const LOG_SLICES: usize = 8;
const WINDOW: usize = 256;

/// Evaluates the columns of `rows` (row-major, `width` columns, `2^log_domain` rows, coefficients in the first `2^log_message` rows)
/// on the coset `shift <w>` of `2^log_domain` points. What `done` makes of the number of the first row and the rows, as soon as some
/// are ready and still in the cache: `2^LOG_DONE` rows or a multiple, unless the message has fewer.
pub(crate) fn evaluate<D: Send>(
    rows: &mut [F],
    width: usize,
    log_message: usize,
    log_domain: usize,
    shift: F,
    done: impl Fn(u64, &[F]) -> D + Sync,
) -> Vec<D> {
    passes(rows, width, log_message, cached(width, log_message), &Factors::new(log_domain, shift), done)
}

/// Evaluates node `q`, whose `2^log_node` rows hold the residues of all columns; `done` as for [`evaluate`].
pub(crate) fn evaluate_node<D: Send>(
    rows: &mut [F],
    width: usize,
    factors: &Factors,
    log_node: usize,
    q: usize,
    done: impl Fn(u64, &[F]) -> D + Sync,
) -> Vec<D> {
    descend(rows, width, log_node, q, cached(width, log_node), factors, done)
}

/// Memory of [`evaluate_groups`], to be used again.
#[derive(Default)]
pub(crate) struct Room {
    node: Vec<F>,
    scratch: Vec<F>,
}

/// The values of one polynomial at the points of some nodes of `2^log_group` points: `groups` are their numbers, ascending and
/// distinct, `out` has their points group after group. Only what leads to these nodes is computed.
pub(crate) fn evaluate_groups(
    coefficients: &[F],
    factors: &Factors,
    log_group: usize,
    groups: &[usize],
    room: &mut Room,
    out: &mut [F],
) {
    let log_message = coefficients.len().ilog2() as usize;
    let below = log_message - log_group;
    let Room { node, scratch } = room;
    node.resize(coefficients.len(), F::ZERO);
    let mut rest = out;
    for run in groups.chunk_by(|a, b| a >> below == b >> below) {
        let (values, after) = std::mem::take(&mut rest).split_at_mut(run.len() << log_group);
        rest = after;
        // As many layers as have few nodes that nobody asked for.
        let (q, layers) = (run[0] >> below, (run.len().ilog2() as usize).min(below).min(LOG_SLICES));
        strided(node, Some(coefficients), factors, log_message, q, layers);
        let log_child = log_message - layers;
        scratch.resize(1 << log_child, F::ZERO);
        let mut values = values;
        for child in run.chunk_by(|a, b| a >> (log_child - log_group) == b >> (log_child - log_group)) {
            let (here, after) = values.split_at_mut(child.len() << log_group);
            values = after;
            let number = child[0] >> (log_child - log_group);
            let residue = &node[(number - (q << layers)) << log_child..][..1 << log_child];
            descend_to(residue, factors, log_group, child, scratch, here);
        }
    }
}

/// The groups below the node that `residue` belongs to; `scratch` is as long as the residue.
fn descend_to(residue: &[F], factors: &Factors, log_group: usize, groups: &[usize], scratch: &mut [F], out: &mut [F]) {
    let log_node = residue.len().ilog2() as usize;
    let below = log_node - log_group;
    let q = groups[0] >> below;
    if below == 0 {
        out.copy_from_slice(residue);
        return contiguous(out, factors, log_node, q);
    }
    let factor = factors.of(log_node, q);
    let (low, high) = residue.split_at(residue.len() / 2);
    let (child, scratch) = scratch.split_at_mut(residue.len() / 2);
    let middle = groups.partition_point(|group| group >> (below - 1) & 1 == 0);
    let (left, right) = groups.split_at(middle);
    let (out_left, out_right) = out.split_at_mut(left.len() << log_group);
    for (groups, out, factor) in [(left, out_left, factor), (right, out_right, -factor)] {
        if !groups.is_empty() {
            child_of(child, low, high, factor);
            descend_to(child, factors, log_group, groups, scratch, out);
        }
    }
}

/// How many of the lowest layers fit the cache; at least `LOG_DONE`.
fn cached(width: usize, log_rows: usize) -> usize {
    ((CACHED / width).max(1).ilog2() as usize).max(LOG_DONE).min(log_rows)
}

/// The lowest `cached` layers work on contiguous blocks in cache; those above on strided windows.
fn passes<D: Send>(
    rows: &mut [F],
    width: usize,
    log_message: usize,
    cached: usize,
    factors: &Factors,
    done: impl Fn(u64, &[F]) -> D + Sync,
) -> Vec<D> {
    let layers = LOG_SLICES.min(log_message - cached);
    let (message, copies) = rows.split_at_mut(width << log_message);
    for (q, node) in (1..).zip(copies.chunks_exact_mut(width << log_message)) {
        strided(node, Some(message), factors, log_message, q, layers);
    }
    strided(message, None, factors, log_message, 0, layers);
    descend(rows, width, log_message - layers, 0, cached, factors, done)
}

/// All layers of the nodes of `2^log_node` rows, of which `q` is the first.
fn descend<D: Send>(
    rows: &mut [F],
    width: usize,
    mut log_node: usize,
    mut q: usize,
    cached: usize,
    factors: &Factors,
    done: impl Fn(u64, &[F]) -> D + Sync,
) -> Vec<D> {
    while log_node > cached {
        let layers = LOG_SLICES.min(log_node - cached);
        for (number, node) in (q..).zip(rows.chunks_exact_mut(width << log_node)) {
            strided(node, None, factors, log_node, number, layers);
        }
        (log_node, q) = (log_node - layers, q << layers);
    }
    let nodes = rows.par_chunks_exact_mut(width << log_node).enumerate();
    let evaluated = nodes.map(|(number, node)| {
        contiguous(node, factors, log_node, q + number);
        done(((q + number) as u64) << log_node, node)
    });
    evaluated.collect()
}

/// The factors `t` of all nodes.
pub(crate) struct Factors {
    /// `shift^(2^l)`.
    shifts: Vec<F>,
    /// `w^rev(q)`: digit d of q adds `2^-(d+2)` of a turn.
    turns: Vec<F>,
}

impl Factors {
    pub(crate) fn new(log_domain: usize, shift: F) -> Self {
        let mut turns = vec![F::ONE];
        for d in 0..log_domain.saturating_sub(1) {
            let turn = F::two_adic_generator(d + 2);
            turns.extend_from_within(..);
            turns[1 << d..].par_iter_mut().for_each(|value| *value *= turn);
        }
        Self { shifts: (0..=log_domain).map(|l| shift.exp_power_of_2(l)).collect(), turns }
    }

    /// `y` of node `q` of length `2^log_node`, whose rows hold the residues modulo `x^(2^log_node) - y`.
    pub(crate) fn residue(&self, log_node: usize, q: usize) -> F {
        let square = self.of(log_node, q);
        square * square
    }

    /// The factor of node `q` of length `2^log_node`.
    fn of(&self, log_node: usize, q: usize) -> F {
        self.shifts[log_node - 1] * self.turns[q]
    }
}

/// The top `layers` layers of node `q`, window by window; the coefficients come from `source` when there is one.
fn strided(node: &mut [F], source: Option<&[F]>, factors: &Factors, log_node: usize, q: usize, layers: usize) {
    let slice = node.len() >> layers;
    let mut windows: Vec<Vec<&mut [F]>> =
        (0..slice.div_ceil(WINDOW)).map(|_| Vec::with_capacity(1 << layers)).collect();
    for slice in node.chunks_exact_mut(slice) {
        for (window, part) in windows.iter_mut().zip(slice.chunks_mut(WINDOW)) {
            window.push(part);
        }
    }
    windows.par_iter_mut().enumerate().for_each(|(number, window)| {
        let read = |slice: usize, source: &'_ [F]| -> Range<usize> {
            let first = slice * (source.len() >> layers) + number * WINDOW;
            first..(first + WINDOW).min((slice + 1) * (source.len() >> layers))
        };
        if let (Some(source), 0) = (source, layers) {
            window[0].copy_from_slice(&source[read(0, source)]);
        }
        for layer in 0..layers {
            for (child, nodes) in window.chunks_exact_mut(1 << (layers - layer)).enumerate() {
                let factor = factors.of(log_node - layer, (q << layer) + child);
                let half = 1 << (layers - layer - 1);
                let (low, high) = nodes.split_at_mut(half);
                for (slice, (low, high)) in low.iter_mut().zip(high).enumerate() {
                    match source.filter(|_| layer == 0) {
                        Some(source) => {
                            let [a, b] = [slice, slice + half].map(|slice| &source[read(slice, source)]);
                            butterflies_of(a, b, low, high, factor);
                        }
                        None => butterflies(low, high, factor),
                    }
                }
            }
        }
    });
}

/// All layers of node `q`.
fn contiguous(node: &mut [F], factors: &Factors, log_node: usize, q: usize) {
    for layer in 0..log_node {
        let len = node.len() >> layer;
        for (child, node) in node.chunks_exact_mut(len).enumerate() {
            let (low, high) = node.split_at_mut(len / 2);
            butterflies(low, high, factors.of(log_node - layer, (q << layer) + child));
        }
    }
}

#[inline]
fn butterflies(low: &mut [F], high: &mut [F], factor: F) {
    let lanes = Lanes::from(factor);
    let (low, low_rest) = Lanes::pack_slice_with_suffix_mut(low);
    let (high, high_rest) = Lanes::pack_slice_with_suffix_mut(high);
    for (a, b) in low.iter_mut().zip(high) {
        let product = *b * lanes;
        *b = *a - product;
        *a += product;
    }
    for (a, b) in low_rest.iter_mut().zip(high_rest) {
        let product = *b * factor;
        *b = *a - product;
        *a += product;
    }
}

/// One of the two.
#[inline]
fn child_of(child: &mut [F], a: &[F], b: &[F], factor: F) {
    let lanes = Lanes::from(factor);
    let ((a, a_rest), (b, b_rest)) = (Lanes::pack_slice_with_suffix(a), Lanes::pack_slice_with_suffix(b));
    let (child, child_rest) = Lanes::pack_slice_with_suffix_mut(child);
    child.iter_mut().zip(a).zip(b).for_each(|((child, &a), &b)| *child = a + b * lanes);
    child_rest.iter_mut().zip(a_rest).zip(b_rest).for_each(|((child, &a), &b)| *child = a + b * factor);
}

/// The same of other memory.
#[inline]
fn butterflies_of(a: &[F], b: &[F], low: &mut [F], high: &mut [F], factor: F) {
    let lanes = Lanes::from(factor);
    let ((a, a_rest), (b, b_rest)) = (Lanes::pack_slice_with_suffix(a), Lanes::pack_slice_with_suffix(b));
    let (low, low_rest) = Lanes::pack_slice_with_suffix_mut(low);
    let (high, high_rest) = Lanes::pack_slice_with_suffix_mut(high);
    for (((low, high), &a), &b) in low.iter_mut().zip(high).zip(a).zip(b) {
        let product = b * lanes;
        (*low, *high) = (a + product, a - product);
    }
    for (((low, high), &a), &b) in low_rest.iter_mut().zip(high_rest).zip(a_rest).zip(b_rest) {
        let product = b * factor;
        (*low, *high) = (a + product, a - product);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_agree() {
        let start: Vec<F> = (0..6 << 10).map(|i| F::from_u64(i * i + 7)).collect();
        let run = |cached: usize| {
            let mut rows = start.clone();
            rows.resize(6 << 12, F::ZERO);
            passes(&mut rows, 6, 10, cached, &Factors::new(12, F::from_u64(7)), |_, _| ());
            rows
        };
        let contiguous = run(10);
        for cached in [0, 1, 2, 9] {
            assert!(run(cached) == contiguous, "{cached} cached layers");
        }
    }

    #[test]
    fn groups_agree_with_all_rows() {
        for (log_message, rate, log_group) in [(10, 2, 3), (9, 1, 0), (6, 2, 6), (12, 2, 5), (1, 1, 1)] {
            let log_domain = log_message + rate;
            let factors = Factors::new(log_domain, F::from_u64(7));
            let message: Vec<F> = (0..1u64 << log_message).map(|i| F::from_u64(i * i * i + 11)).collect();
            let mut rows = message.clone();
            rows.resize(1 << log_domain, F::ZERO);
            evaluate(&mut rows, 1, log_message, log_domain, F::from_u64(7), |_, _| ());
            let (all, mut room) = (1usize << (log_domain - log_group), Room::default());
            for step in [1, 3, 7, all] {
                let groups: Vec<usize> = (0..all).skip(all.min(step) - 1).step_by(step).collect();
                let mut found = F::zero_vec(groups.len() << log_group);
                evaluate_groups(&message, &factors, log_group, &groups, &mut room, &mut found);
                let expected = groups.iter().flat_map(|group| &rows[group << log_group..(group + 1) << log_group]);
                assert!(found.iter().eq(expected), "{log_message} {rate} {log_group} {step}");
            }
        }
    }

    /// Sizes on both sides of every limit of the passes.
    #[test]
    fn agrees_with_evaluation() {
        for (width, log_message, rate) in
            [(1, 0, 1), (3, 0, 3), (1, 1, 2), (11, 3, 2), (53, 5, 1), (5, 9, 2), (300, 9, 1), (20000, 4, 1)]
        {
            let log_domain = log_message + rate;
            let shift = F::from_u64(49);
            let mut rows = F::zero_vec(width << log_domain);
            for (i, cell) in rows[..width << log_message].iter_mut().enumerate() {
                *cell = F::from_u64((i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            }
            let message = rows[..width << log_message].to_vec();
            let done = evaluate(&mut rows, width, log_message, log_domain, shift, |first, rows| (first, rows.to_vec()));
            let ready: Vec<F> = done.iter().flat_map(|(_, rows)| rows.clone()).collect();
            assert!(
                ready == rows
                    && done
                        .iter()
                        .scan(0, |at, (first, rows)| {
                            let fits = *first == *at
                                && (log_message < LOG_DONE || rows.len().is_multiple_of(width << LOG_DONE));
                            *at += (rows.len() / width) as u64;
                            Some(fits)
                        })
                        .all(|fits| fits)
            );
            let points = 1usize << log_domain;
            for p in (0..points).step_by(points.div_ceil(16)) {
                let exponent = (p.reverse_bits() as u64).checked_shr(u64::BITS - log_domain as u32).unwrap_or(0);
                let x = shift * F::two_adic_generator(log_domain).exp_u64(exponent);
                for column in (0..width).step_by(width.div_ceil(5)) {
                    let value = message.iter().skip(column).step_by(width).rev().fold(F::ZERO, |sum, &c| sum * x + c);
                    assert_eq!(rows[p * width + column], value, "{width} {log_message} {p} {column}");
                }
            }
        }
    }
}
