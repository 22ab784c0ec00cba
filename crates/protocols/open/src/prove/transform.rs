//! Evaluation of many polynomials on one coset, in memory order.
//!
//! A node is a block of `L = 2^l` rows: the residue of every column's polynomial modulo `x^L - y`. It splits into the residues
//! modulo `x^(L/2) -+ t`, `t^2 = y`: `(a, b) -> (a + t b, a - t b)`, one factor for the whole node. With node q of length L over
//! points `p = q L, ..`, `t = shift^(L/2) w^(rev(q))`, `w` of order `2 N / L`, for a domain of N points; read as binary fractions the
//! exponents do not depend on L, so one table serves all layers. Row p ends as the values at `shift w_N^rev(p)`.

use p3_field::{PackedValue, PrimeCharacteristicRing, TwoAdicField};
use rayon::prelude::*;
use tacit_algebra::F;
use tacit_algebra::packed::Lanes;

/// Elements that fit the second-level cache beside a task's other data.
const CACHED: usize = 1 << 16;
/// log2 of the slices that one strided pass joins, and elements taken from each.
const LOG_SLICES: usize = 8;
const WINDOW: usize = 256;

/// Evaluates the columns of `rows` (row-major, `width` columns, `2^log_domain` rows, coefficients in the first `2^log_message` rows)
/// on the coset `shift <w>` of `2^log_domain` points.
pub(crate) fn evaluate(rows: &mut [F], width: usize, log_message: usize, log_domain: usize, shift: F) {
    let cached = (CACHED / width).max(1).ilog2() as usize;
    passes(rows, width, log_message, cached.min(log_message), &Factors::new(log_domain, shift));
}

/// The lowest `cached` layers work on contiguous blocks in cache; those above on strided windows.
fn passes(rows: &mut [F], width: usize, log_message: usize, cached: usize, factors: &Factors) {
    let mut log_node = log_message;
    let layers = LOG_SLICES.min(log_node - cached);
    let (message, copies) = rows.split_at_mut(width << log_message);
    for (q, node) in (1..).zip(copies.chunks_exact_mut(width << log_message)) {
        strided(node, Some(message), factors, log_node, q, layers);
    }
    strided(message, None, factors, log_node, 0, layers);
    log_node -= layers;
    while log_node > cached {
        let layers = LOG_SLICES.min(log_node - cached);
        for (q, node) in rows.chunks_exact_mut(width << log_node).enumerate() {
            strided(node, None, factors, log_node, q, layers);
        }
        log_node -= layers;
    }
    rows.par_chunks_exact_mut(width << log_node)
        .enumerate()
        .for_each(|(q, node)| contiguous(node, factors, log_node, q));
}

/// The factors `t` of all nodes.
struct Factors {
    /// `shift^(2^l)`.
    shifts: Vec<F>,
    /// `w^rev(q)`: digit d of q adds `2^-(d+2)` of a turn.
    turns: Vec<F>,
}

impl Factors {
    fn new(log_domain: usize, shift: F) -> Self {
        let mut turns = vec![F::ONE];
        for d in 0..log_domain.saturating_sub(1) {
            let turn = F::two_adic_generator(d + 2);
            turns.extend_from_within(..);
            turns[1 << d..].par_iter_mut().for_each(|value| *value *= turn);
        }
        Self { shifts: (0..=log_domain).map(|l| shift.exp_power_of_2(l)).collect(), turns }
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
        if let Some(source) = source {
            for (part, source) in window.iter_mut().zip(source.chunks_exact(slice)) {
                part.copy_from_slice(&source[number * WINDOW..][..part.len()]);
            }
        }
        for layer in 0..layers {
            for (child, nodes) in window.chunks_exact_mut(1 << (layers - layer)).enumerate() {
                let factor = factors.of(log_node - layer, (q << layer) + child);
                let (low, high) = nodes.split_at_mut(1 << (layers - layer - 1));
                for (low, high) in low.iter_mut().zip(high) {
                    butterflies(low, high, factor);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_agree() {
        let start: Vec<F> = (0..6 << 10).map(|i| F::from_u64(i * i + 7)).collect();
        let run = |cached: usize| {
            let mut rows = start.clone();
            rows.resize(6 << 12, F::ZERO);
            passes(&mut rows, 6, 10, cached, &Factors::new(12, F::from_u64(7)));
            rows
        };
        let contiguous = run(10);
        for cached in [0, 1, 2, 9] {
            assert!(run(cached) == contiguous, "{cached} cached layers");
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
            evaluate(&mut rows, width, log_message, log_domain, shift);
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
