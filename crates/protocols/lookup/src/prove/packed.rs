//! The fraction gate on blocks of `WIDTH` consecutive elements.

use std::hint::black_box;

use tacit_algebra::field::{PackedFieldPow2, PackedValue, PrimeCharacteristicRing};
use tacit_algebra::{F, K};

use super::integers::Integer;

pub(crate) use tacit_algebra::packed::{Lanes, Packed, WIDTH, pack};

/// Two children `(n0, e0, n1, e1)` of each of `WIDTH` nodes. In a sumcheck the third is `n1 + lambda e1`.
pub(crate) type Quad = [Packed; 4];
pub(crate) const ZEROS: Quad = [Packed::ZERO; 4];

/// Blocks that [`touch`] brings into the cache at a time.
pub(crate) const TILE: usize = 8;

/// Loads a word of every cache line. In loops with this much arithmetic a processor looks few lines ahead, and waits for each of them;
/// loads without arithmetic it makes many of at once.
#[inline(always)]
pub(crate) fn touch(blocks: &[Packed]) {
    for Packed(lanes) in blocks {
        for lanes in lanes {
            let _: F = black_box(lanes.as_slice()[0]);
        }
    }
}

/// Even and odd elements of the sequence `x y`.
#[inline(always)]
pub(crate) fn split_lanes(mut x: Lanes, mut y: Lanes) -> (Lanes, Lanes) {
    let mut block = WIDTH / 2;
    while block > 0 {
        (x, y) = x.interleave(y, block);
        block /= 2;
    }
    (x, y)
}

#[inline(always)]
pub(crate) fn split(Packed(x): Packed, Packed(y): Packed) -> (Packed, Packed) {
    let (a, b, c) = (split_lanes(x[0], y[0]), split_lanes(x[1], y[1]), split_lanes(x[2], y[2]));
    (Packed([a.0, b.0, c.0]), Packed([a.1, b.1, c.1]))
}

/// `N = n0 (1 + e1) + n1 (1 + e0)`, `E = e0 + e1 + e0 e1`.
#[inline(always)]
pub(crate) fn gate(&[n0, e0, n1, e1]: &Quad) -> [Packed; 2] {
    [n0 + n1 + n0 * e1 + n1 * e0, e0 + e1 + e0 * e1]
}

/// The gate on one node.
pub(crate) fn gate_scalar([n0, e0, n1, e1]: [K; 4]) -> [K; 2] {
    [n0 + n1 + n0 * e1 + n1 * e0, e0 + e1 + e0 * e1]
}

/// The first element of each of four sequences.
pub(crate) fn first(quad: &Quad) -> [K; 4] {
    quad.map(|packed| packed.extract(0))
}

pub(crate) fn lane_sum(value: Packed) -> K {
    value.lanes().sum()
}

/// Even and odd elements of `values[at .. at + 2 WIDTH]`, zero beyond the end.
#[inline(always)]
pub(crate) fn load_pairs<T: Integer>(values: &[T], at: usize) -> (Lanes, Lanes) {
    match values.get(at..at + 2 * WIDTH) {
        Some(run) => {
            split_lanes(Lanes::from_fn(|lane| run[lane].element()), Lanes::from_fn(|lane| run[WIDTH + lane].element()))
        }
        None => {
            let element = |i: usize| values.get(i).map_or(F::ZERO, |value| value.element());
            (Lanes::from_fn(|lane| element(at + 2 * lane)), Lanes::from_fn(|lane| element(at + 2 * lane + 1)))
        }
    }
}

/// Of `values[at .. at + 2 S WIDTH]`, all of which exist: the elements whose number modulo 2 S is `2 s`, for every s, and `2 s + 1`.
#[inline(always)]
pub(crate) fn load_runs<T: Integer, const S: usize>(values: &[T], at: usize) -> [[Lanes; S]; 2] {
    let run = &values[at..at + 2 * S * WIDTH];
    let lanes = |n: usize| Lanes::from_fn(|lane| run[n * WIDTH + lane].element());
    let mut both = [[Lanes::ZERO; S]; 2];
    let [even, odd] = &mut both;
    for (s, (even, odd)) in even.iter_mut().zip(odd).enumerate() {
        (*even, *odd) = split_lanes(lanes(2 * s), lanes(2 * s + 1));
    }
    both.map(apart)
}

/// A sequence of S blocks, S = 1, 2 or 4 -> the elements whose number modulo S is s, for every s.
#[inline(always)]
fn apart<const S: usize>(mut x: [Lanes; S]) -> [Lanes; S] {
    if S == 2 {
        (x[0], x[1]) = split_lanes(x[0], x[1]);
    }
    if S == 4 {
        let ((p, q), (r, t)) = (split_lanes(x[0], x[1]), split_lanes(x[2], x[3]));
        ((x[0], x[2]), (x[1], x[3])) = (split_lanes(p, r), split_lanes(q, t));
    }
    x
}
