//! What a prover reads of the limbs.

use p3_field::{PackedValue, PrimeCharacteristicRing};
use tacit_algebra::packed::{Lanes, Packed, WIDTH};
use tacit_algebra::{F, K};

use super::narrow::{self, Halves, TOGETHER};

/// The cells of all limbs, counted over all commitments; read for aligned ranges of rows, by all threads.
pub trait Limbs: Sync {
    /// Writes the cells `first ..` of a limb.
    fn read_cells(&self, limb: usize, first: usize, rows: &mut [F]);

    /// The same as integers, where all of them are below [`super::SMALL`] in magnitude; otherwise false, and what was written means
    /// nothing.
    fn read_small(&self, _limb: usize, _first: usize, _rows: &mut [i32]) -> bool {
        false
    }
}

impl<C: Fn(usize, usize, &mut [F]) + Sync> Limbs for C {
    fn read_cells(&self, limb: usize, first: usize, rows: &mut [F]) {
        self(limb, first, rows);
    }
}

/// The cells of a limb in a range of rows, as integers if they are small; behind them zeros up to a multiple of `WIDTH`.
#[derive(Clone, Default)]
pub(crate) struct Part {
    small: bool,
    integers: Vec<i32>,
    elements: Vec<F>,
}

impl Part {
    /// Reads the cells `first ..`.
    pub(crate) fn read(&mut self, limbs: &impl Limbs, limb: usize, first: usize, rows: usize) -> &Self {
        let padded = rows.next_multiple_of(WIDTH);
        self.integers.resize(padded, 0);
        self.small = limbs.read_small(limb, first, &mut self.integers[..rows]);
        if !self.small {
            self.elements.resize(padded, F::ZERO);
            limbs.read_cells(limb, first, &mut self.elements[..rows]);
        }
        self
    }

    /// The inner product of a vector with the cells from a packed element on. `halves`: of no vector, or of this one.
    pub(crate) fn inner_product(&self, at: usize, vector: &[Packed], halves: &mut Halves) -> K {
        let cells = at * WIDTH..(at + vector.len()) * WIDTH;
        if !self.small {
            return field_product(vector, Lanes::pack_slice(&self.elements[cells])).lanes().sum();
        }
        halves.of(vector).inner_product(&self.integers[cells])
    }
}

/// The same of some limbs.
pub(crate) fn inner_products(
    limbs: [&Part; TOGETHER],
    at: usize,
    vector: &[Packed],
    halves: &mut Halves,
) -> [K; TOGETHER] {
    let cells = at * WIDTH..(at + vector.len()) * WIDTH;
    if limbs.iter().all(|limb| limb.small) {
        return halves.of(vector).inner_products(limbs.map(|limb| &limb.integers[cells.clone()]));
    }
    limbs.map(|limb| limb.inner_product(at, vector, halves))
}

/// `sum_l coefficient_l cells_l`.
pub(crate) fn combine(limbs: &[(K, &Part)], out: &mut [Packed]) {
    let (small, large): (Vec<(K, &Part)>, Vec<_>) = limbs.iter().partition(|(_, part)| part.small);
    let small: Vec<(K, &[i32])> = small.iter().map(|&(c, part)| (c, part.integers.as_slice())).collect();
    narrow::combine(&small, out);
    for (coefficient, part) in large {
        let coefficient = Packed::from(coefficient);
        for (sum, &cells) in out.iter_mut().zip(Lanes::pack_slice(&part.elements)) {
            *sum += coefficient.times(cells);
        }
    }
}

#[inline]
fn field_product(weights: &[Packed], cells: &[Lanes]) -> Packed {
    let (weights, weights_rest) = weights.as_chunks::<4>();
    let (cells, cells_rest) = cells.as_chunks::<4>();
    let sum = weights.iter().zip(cells).fold(Packed::ZERO, |sum, (w, v)| sum + Packed::dot(w, v));
    weights_rest.iter().zip(cells_rest).fold(sum, |sum, (w, &v)| sum + w.times(v))
}
