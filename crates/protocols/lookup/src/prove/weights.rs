//! Eq weights of a region's elements as a product of a short inner and an outer vector, in memory order.

use rayon::prelude::*;
use tacit_algebra::K;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::multilinear::bits;

use super::packed::{Packed, WIDTH, pack};
use super::shape::Shape;

/// Element `o * inner + i` has weight `outer[o] * inner[i]`. `inner` fills its blocks unless there is one outer entry.
#[derive(Debug)]
pub(crate) struct Weights {
    pub outer: Vec<K>,
    pub inner: Vec<Packed>,
}

/// Entries of the inner vector, at least, as far as the shape allows.
const SHORT: usize = 64;
const RUN_DIGITS: usize = 8;
const RUN: usize = 1 << RUN_DIGITS;

impl Weights {
    /// `point`: the digits of the shape, axis after axis.
    pub fn new(point: &[K], shape: &Shape) -> Self {
        let (mut rest, mut tables) = (point, Vec::with_capacity(shape.outer.len() + 2));
        for &len in &shape.outer {
            let (digits, lower) = rest.split_at(bits(len as u64));
            tables.push(eq_prefix(digits, len));
            rest = lower;
        }
        let width = shape.width;
        if width > RUN && (shape.outer.is_empty() || width.is_multiple_of(RUN)) {
            let (high, low) = rest.split_at(rest.len() - RUN_DIGITS);
            tables.push(eq_prefix(high, width.div_ceil(RUN)));
            tables.push(eq_prefix(low, RUN));
        } else {
            tables.push(eq_prefix(rest, width));
        }
        let mut inner = tables.pop().unwrap_or_default();
        while (inner.len() < SHORT || !inner.len().is_multiple_of(WIDTH)) && !tables.is_empty() {
            inner = product(&tables.pop().unwrap_or_default(), &inner);
        }
        let outer = tables.iter().fold(vec![K::ONE], |outer, table| product(&outer, table));
        Self { outer, inner: pack(&inner) }
    }
}

fn product(outer: &[K], inner: &[K]) -> Vec<K> {
    let mut values = vec![K::ZERO; outer.len() * inner.len()];
    let row = |(row, &a): (&mut [K], &K)| row.iter_mut().zip(inner).for_each(|(value, &b)| *value = a * b);
    values.par_chunks_mut(inner.len().max(1)).zip(outer).with_min_len(RUN.div_ceil(inner.len().max(1))).for_each(row);
    values
}

/// `[eq(point, i) for i < len]`.
fn eq_prefix(point: &[K], len: usize) -> Vec<K> {
    eq_range(point, 0, len)
}

/// `[eq(point, start + i) for i < len]`, with `start + len <= 2^point.len()`.
pub(crate) fn eq_range(point: &[K], start: u64, len: usize) -> Vec<K> {
    let Some(last) = (len as u64).checked_sub(1).map(|n| start + n) else {
        return Vec::new();
    };
    let mut table = vec![K::ONE];
    let mut first = 0;
    for (b, &r) in (0..point.len()).rev().zip(point) {
        let (from, to) = (start >> b, last >> b);
        table = (from..=to)
            .map(|i| {
                let above = table[(i / 2 - first) as usize];
                if i % 2 == 1 { above * r } else { above - above * r }
            })
            .collect();
        first = from;
    }
    table
}
