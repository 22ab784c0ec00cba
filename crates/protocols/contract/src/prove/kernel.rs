//! Inner products of small integers with extension elements, by lazy reduction.
//!
//! A weight w in K has three coefficients; each is written as `low + 2^32 high` with -2^31 <= low, high < 2^31. Cells below
//! 2^30 in absolute value are multiplied by the six limbs in 64-bit integers; sums of products are reduced modulo p when
//! `2^31 * (sum of the cells' bounds)` would no longer fit 63 bits.

use tacit_algebra::field::{BasedVectorSpace, PrimeCharacteristicRing, PrimeField64};
use tacit_algebra::{F, K, P, signed};
use tacit_circuit::Cell;

/// Limbs of one weight.
pub const LIMBS: usize = 6;
/// Cells at or above this bound take the slow path.
const WIDE: u64 = 1 << 30;
/// The sum of the bounds of cells that may be accumulated without reduction.
const ROOM: u64 = (1 << 32) - 1;
/// Columns that are accumulated together.
const CHUNK: usize = 256;
/// Positions of an inner product between two looks at the cells' bound.
const RUN: usize = 1024;

/// `[low_0, high_0, low_1, high_1, low_2, high_2]`.
pub fn limbs(weight: K) -> [i32; LIMBS] {
    let mut out = [0; LIMBS];
    let coefficients: &[F] = weight.as_basis_coefficients_slice();
    for (pair, coefficient) in out.chunks_exact_mut(2).zip(coefficients) {
        let word = coefficient.as_canonical_u64();
        // The representative in [-2^63 + 2^31 - 1, 2^63 - 2^31): exactly those whose high limb fits.
        let centred = if word >= (1 << 63) - (1 << 31) { -((P - word) as i64) } else { word as i64 };
        pair[0] = centred as i32;
        pair[1] = ((centred - i64::from(pair[0])) >> 32) as i32;
    }
    out
}

/// The extension element of six accumulated limbs.
fn assemble(limbs: [i64; LIMBS]) -> K {
    let two_32 = F::from_u64(1 << 32);
    let coefficient = |i: usize| signed(limbs[2 * i]) + signed(limbs[2 * i + 1]) * two_32;
    K::from_basis_coefficients_fn(coefficient)
}

/// The largest absolute value, rounded up to a bit mask.
fn bound<T: Cell>(cells: &[T]) -> u64 {
    let bits = |cell: &T| (cell.value() ^ (cell.value() >> 63)) as u64;
    cells.iter().fold(0, |all, cell| all | bits(cell)).saturating_add(1)
}

#[inline]
fn product<T: Cell>(cell: T, limb: i32) -> i64 {
    i64::from(cell.value() as i32) * i64::from(limb)
}

/// Six sums per column, reduced when they could overflow.
struct Columns {
    sums: [[i64; CHUNK]; LIMBS],
    used: u64,
}

impl Columns {
    fn flush(&mut self, out: &mut [K]) {
        if self.used > 0 {
            for (i, value) in out.iter_mut().enumerate() {
                *value += assemble(std::array::from_fn(|l| self.sums[l][i]));
            }
            self.sums.iter_mut().for_each(|sums| sums.fill(0));
            self.used = 0;
        }
    }

    fn add<T: Cell, const N: usize>(&mut self, rows: [&[T]; N], weights: &[K], out: &mut [K]) {
        let width = out.len();
        let bound = rows.iter().fold(0, |all, row| bound(row).max(all));
        if bound >= WIDE {
            for (row, &weight) in rows.iter().zip(weights) {
                out.iter_mut().zip(*row).for_each(|(value, &cell)| *value += weight * signed(cell.value()));
            }
            return;
        }
        if self.used + N as u64 * bound > ROOM {
            self.flush(out);
        }
        self.used += N as u64 * bound;
        let limbs: [[i32; LIMBS]; N] = std::array::from_fn(|n| limbs(weights[n]));
        let rows = rows.map(|row| &row[..width]);
        let [s0, s1, s2, s3, s4, s5] = &mut self.sums;
        let (s0, s1, s2) = (&mut s0[..width], &mut s1[..width], &mut s2[..width]);
        let (s3, s4, s5) = (&mut s3[..width], &mut s4[..width], &mut s5[..width]);
        for i in 0..width {
            for n in 0..N {
                s0[i] += product(rows[n][i], limbs[n][0]);
                s1[i] += product(rows[n][i], limbs[n][1]);
                s2[i] += product(rows[n][i], limbs[n][2]);
                s3[i] += product(rows[n][i], limbs[n][3]);
                s4[i] += product(rows[n][i], limbs[n][4]);
                s5[i] += product(rows[n][i], limbs[n][5]);
            }
        }
    }
}

/// `out[i] += sum_(h, w) w * cells[h * stride + i]` for every i below `out.len()`.
pub fn add_rows<T: Cell>(cells: &[T], stride: usize, positions: &[usize], weights: &[K], out: &mut [K]) {
    for (chunk, out) in out.chunks_mut(CHUNK).enumerate() {
        let mut columns = Columns { sums: [[0; CHUNK]; LIMBS], used: 0 };
        let width = out.len();
        let row = |h: usize| &cells[h * stride + chunk * CHUNK..][..width];
        let (mut at, mut of) = (positions.chunks_exact(4), weights.chunks_exact(4));
        for (at, of) in at.by_ref().zip(of.by_ref()) {
            columns.add::<T, 4>([row(at[0]), row(at[1]), row(at[2]), row(at[3])], of, out);
        }
        for (&at, of) in at.remainder().iter().zip(of.remainder().chunks_exact(1)) {
            columns.add::<T, 1>([row(at)], of, out);
        }
        columns.flush(out);
    }
}

/// A vector of weights on consecutive positions.
pub struct Run {
    start: usize,
    weights: Vec<K>,
    limbs: [Vec<i32>; LIMBS],
}

impl Run {
    /// Weights on positions `start ..`.
    pub fn new(start: usize, weights: Vec<K>) -> Self {
        let all: Vec<[i32; LIMBS]> = weights.iter().map(|&w| limbs(w)).collect();
        let limbs = std::array::from_fn(|l| all.iter().map(|limbs| limbs[l]).collect());
        Self { start, weights, limbs }
    }

    /// `sum_i weight(i) * line[start + i]`.
    pub fn dot<T: Cell>(&self, line: &[T]) -> K {
        let line = &line[self.start..][..self.weights.len()];
        let mut total = K::ZERO;
        for (run, cells) in line.chunks(RUN).enumerate() {
            let bound = bound(cells);
            if bound >= WIDE {
                total += cells
                    .iter()
                    .zip(&self.weights[run * RUN..])
                    .map(|(&cell, &weight)| weight * signed(cell.value()))
                    .sum::<K>();
                continue;
            }
            let safe = ((ROOM / bound) as usize).min(RUN);
            for (part, cells) in cells.chunks(safe).enumerate() {
                let from = run * RUN + part * safe;
                total += assemble(dot(cells, std::array::from_fn(|l| &self.limbs[l][from..][..cells.len()])));
            }
        }
        total
    }
}

fn dot<T: Cell>(cells: &[T], limbs: [&[i32]; LIMBS]) -> [i64; LIMBS] {
    let [l0, l1, l2, l3, l4, l5] = limbs.map(|limb| &limb[..cells.len()]);
    let mut sums = [0i64; LIMBS];
    for (i, &cell) in cells.iter().enumerate() {
        sums[0] += product(cell, l0[i]);
        sums[1] += product(cell, l1[i]);
        sums[2] += product(cell, l2[i]);
        sums[3] += product(cell, l3[i]);
        sums[4] += product(cell, l4[i]);
        sums[5] += product(cell, l5[i]);
    }
    sums
}

#[cfg(test)]
mod tests {
    use tacit_algebra::integer;

    use super::*;

    fn word(state: &mut u64) -> u64 {
        *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (*state >> 31) ^ (*state << 17)
    }

    fn element(state: &mut u64) -> K {
        K::from_basis_coefficients_fn(|_| F::from_u64(word(state)))
    }

    #[test]
    fn limbs_of_extreme_weights() {
        let edge = (1u64 << 63) - (1 << 31);
        for word in [0, 1, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, edge - 1, edge, edge + 1, P / 2, P / 2 + 1, P - 1] {
            let weight = K::from(F::from_u64(word));
            assert_eq!(assemble(limbs(weight).map(i64::from)), weight, "{word}");
        }
    }

    #[test]
    fn both_kernels_agree_with_plain_sums() {
        let mut state = 1;
        for (rows, width, size) in
            [(1, 1, 8), (5, 3, 20), (7, 300, 29), (1500, 9, 29), (130, 257, 30), (2100, 5, 7), (3, 600, 62)]
        {
            let stride = width + 2;
            let mut cells: Vec<i64> = (0..rows * stride).map(|_| (word(&mut state) as i64) >> (63 - size)).collect();
            // The bound itself, with both signs.
            cells[0] = (1 << size) - 1;
            cells[stride - 1] = -(1 << size);
            let weights: Vec<K> = (0..rows).map(|_| element(&mut state)).collect();
            let positions: Vec<usize> = (0..rows).rev().collect();
            let plain =
                |i: usize| positions.iter().zip(&weights).map(|(&h, &w)| w * integer(cells[h * stride + i])).sum::<K>();
            let mut out = vec![K::ZERO; width];
            add_rows(&cells, stride, &positions, &weights, &mut out);
            assert!(out.iter().enumerate().all(|(i, &value)| value == plain(i)), "{rows} {width} {size}");
            let line: Vec<i64> = std::iter::once(3).chain((0..rows).map(|h| cells[h * stride])).collect();
            let sum: K = weights.iter().zip(&line[1..]).map(|(&w, &cell)| w * integer(cell)).sum();
            assert_eq!(Run::new(1, weights).dot(&line), sum);
        }
    }
}
