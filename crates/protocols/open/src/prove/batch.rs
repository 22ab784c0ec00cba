//! The first `k0` rounds, which join all limbs to one vector (prover).
//!
//! With `x` the top digits of an address and `a` the others, all messages of the rounds that bind `x` follow from the small matrix
//! `G[x][y] = sum_a <w_(x a), v_(y a)>`: round after round a bilinear form in the bound coefficients. So limbs and weights are read
//! twice, a few rows at a time, and only `sum_x eq(r, x) v_(x a)` and `sum_x eq(r, x) w_(x a)` are held whole.

use p3_field::{PackedValue, PrimeCharacteristicRing};
use rayon::prelude::*;
use tacit_algebra::multilinear::eq_table;
use tacit_algebra::packed::{Lanes, Packed, WIDTH};
use tacit_algebra::{F, K};

use super::sumcheck::{Message, Sumcheck};

/// Packed elements of a limb that one task reads.
const CHUNK: usize = 1 << 7;
/// The matrix costs a product per row and pair of limbs that share `a`: at most so many limbs share one ..
const SHARED: usize = 5;
/// .. unless the joined vector would have more than `JOINED` elements, or at most `SHARED_MOST` then.
const JOINED: usize = 1 << 25;
const SHARED_MOST: usize = 16;
/// Memory of so many joined elements is kept for the next proof.
const KEPT: usize = 1 << 23;

/// What the prover knows of the form: its weight of every row of the limb at every address, called for aligned ranges of rows by all
/// threads.
pub trait Weights: Sync {
    /// Adds `scale` times the weights of the rows `first ..`; lanes beyond a limb shorter than `WIDTH` stay as they are.
    fn add(&self, address: u64, first: usize, scale: K, rows: &mut [Packed]);

    /// The weights of `count` packed rows as `(scalar, vector)`, where they are a scalar times a vector that is held.
    fn multiple(&self, address: u64, first: usize, count: usize) -> Option<(K, &[Packed])>;
}

/// The memory of the joined vector and weight, to be used again: new memory costs more than the rounds themselves.
#[derive(Debug, Default)]
pub struct Scratch {
    vector: Vec<Packed>,
    weight: Vec<Packed>,
}

/// Limbs and weights of one opening by address.
pub(crate) struct Batch<'a, C, W> {
    /// The limb at every address.
    pub limbs: Vec<Option<usize>>,
    /// log2 of the rows of a limb.
    pub log_rows: usize,
    /// `cells(limb, first, rows)` writes the cells `first ..` of a limb.
    pub cells: &'a C,
    pub weights: &'a W,
}

impl<C, W> Batch<'_, C, W>
where
    C: Fn(usize, usize, &mut [F]) + Sync,
    W: Weights,
{
    /// Runs all `k0` rounds.
    pub(crate) fn run(&self, scratch: &mut Scratch, mut exchange: impl FnMut(Message) -> K) -> Sumcheck {
        let rounds = self.limbs.len().ilog2() as usize;
        let first = matrix_rounds(self.limbs.iter().flatten().count(), rounds, self.log_rows);
        let mut matrix = self.matrix(first);
        let point: Vec<K> = (0..first)
            .map(|_| {
                let at = exchange(message(&matrix));
                matrix = bind(&matrix, at);
                at
            })
            .collect();
        let mut joined = self.fold(&point, scratch).run(rounds - first, exchange);
        let used = joined.compact();
        if used.0.capacity() * WIDTH <= KEPT {
            (scratch.vector, scratch.weight) = used;
        }
        joined
    }

    /// Elements and packed elements of one task's rows; the latter are padded with zeros.
    fn chunk(&self) -> (usize, usize) {
        let rows = (CHUNK * WIDTH).min(1 << self.log_rows);
        (rows, rows.div_ceil(WIDTH))
    }

    /// `(x, limb, address)` of the limbs that share `a`.
    fn sharing(&self, a: usize, classes: usize) -> impl Iterator<Item = (usize, usize, u64)> {
        let address = (a..self.limbs.len()).step_by(classes);
        address.enumerate().filter_map(|(x, address)| self.limbs[address].map(|limb| (x, limb, address as u64)))
    }

    /// `G`, for the top `rounds` digits.
    fn matrix(&self, rounds: usize) -> Vec<Vec<K>> {
        let (rows, packed) = self.chunk();
        let (side, classes) = (1 << rounds, self.limbs.len() >> rounds);
        let sums = || vec![Packed::ZERO; side * side];
        let task = |mut sums: Vec<Packed>, chunk: usize| {
            let mut cells = vec![F::ZERO; packed * WIDTH];
            for a in 0..classes {
                let mut limbs: Vec<(usize, Vec<Lanes>)> = Vec::new();
                for (x, limb, _) in self.sharing(a, classes) {
                    (self.cells)(limb, chunk * rows, &mut cells[..rows]);
                    limbs.push((x, Lanes::pack_slice(&cells).to_vec()));
                }
                for (x, _, address) in self.sharing(a, classes) {
                    self.with_weights(address, chunk * rows, packed, |scale, weights| {
                        for (y, cells) in &limbs {
                            sums[x * side + y] += inner_product(weights, cells) * scale;
                        }
                    });
                }
            }
            sums
        };
        let join = |mut a: Vec<Packed>, b: Vec<Packed>| {
            a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
            a
        };
        let sums = (0..(1 << self.log_rows) / rows).into_par_iter().fold(sums, task).reduce(sums, join);
        sums.chunks_exact(side).map(|row| row.iter().map(|sum| sum.lanes().sum()).collect()).collect()
    }

    /// The weights of `count` packed rows as a scalar times a vector.
    fn with_weights(&self, address: u64, first: usize, count: usize, mut run: impl FnMut(Packed, &[Packed])) {
        match self.weights.multiple(address, first, count) {
            Some((scale, vector)) => run(Packed::from(scale), vector),
            None => {
                let mut weights = vec![Packed::ZERO; count];
                self.weights.add(address, first, K::ONE, &mut weights);
                run(Packed::ONE, &weights);
            }
        }
    }

    /// The vector and the weight after the top digits were bound to `point`.
    fn fold(&self, point: &[K], scratch: &mut Scratch) -> Sumcheck {
        let (rows, packed) = self.chunk();
        let classes = self.limbs.len() >> point.len();
        let tasks = (1 << self.log_rows) / rows;
        let coefficients = eq_table(point);
        let take = |held: &mut Vec<Packed>| resized(std::mem::take(held), classes * tasks * packed);
        let (mut vector, mut weight) = (take(&mut scratch.vector), take(&mut scratch.weight));
        let parts = vector.par_chunks_mut(packed).zip(weight.par_chunks_mut(packed));
        parts.enumerate().for_each_init(
            || vec![F::ZERO; packed * WIDTH],
            |cells, (number, (vector, weight))| {
                vector.fill(Packed::ZERO);
                weight.fill(Packed::ZERO);
                let (a, first) = (number / tasks, number % tasks * rows);
                for (x, limb, address) in self.sharing(a, classes) {
                    (self.cells)(limb, first, &mut cells[..rows]);
                    let coefficient = Packed::from(coefficients[x]);
                    for (sum, &cells) in vector.iter_mut().zip(Lanes::pack_slice(cells)) {
                        *sum += coefficient.times(cells);
                    }
                    self.weights.add(address, first, coefficients[x], weight);
                }
            },
        );
        Sumcheck::new(vector, weight, rows.min(WIDTH))
    }
}

/// Rounds from the matrix, of `rounds` that join so many limbs.
fn matrix_rounds(limbs: usize, rounds: usize, log_rows: usize) -> usize {
    let within = |most: usize| (0..=rounds).rev().find(|&j| (limbs << j) >> rounds <= most).unwrap_or(0);
    let (few, many) = (within(SHARED), within(SHARED_MOST));
    (few..many).find(|&j| 1 << (rounds - j + log_rows) <= JOINED).unwrap_or(many)
}

/// `len` elements; new ones are first touched by all threads.
fn resized(mut held: Vec<Packed>, len: usize) -> Vec<Packed> {
    if held.capacity() < len {
        drop(held);
        return (0..len).into_par_iter().map(|_| Packed::ZERO).collect();
    }
    held.resize(len, Packed::ZERO);
    held
}

#[inline]
fn inner_product(weights: &[Packed], cells: &[Lanes]) -> Packed {
    let (weights, weights_rest) = weights.as_chunks::<4>();
    let (cells, cells_rest) = cells.as_chunks::<4>();
    let sum = weights.iter().zip(cells).fold(Packed::ZERO, |sum, (w, v)| sum + Packed::dot(w, v));
    weights_rest.iter().zip(cells_rest).fold(sum, |sum, (w, &v)| sum + w.times(v))
}

/// h(0) and the coefficient of X^2, the top digit of both indices being X.
fn message(matrix: &[Vec<K>]) -> Message {
    let half = matrix.len() / 2;
    (0..half).fold((K::ZERO, K::ZERO), |(constant, leading), x| {
        let y = x + half;
        (constant + matrix[x][x], leading + matrix[y][y] - matrix[y][x] - matrix[x][y] + matrix[x][x])
    })
}

/// Binds the top digit of both indices.
fn bind(matrix: &[Vec<K>], at: K) -> Vec<Vec<K>> {
    let (low, high) = matrix.split_at(matrix.len() / 2);
    let rows = low.iter().zip(high).map(|(low, high)| -> Vec<K> {
        let row: Vec<K> = low.iter().zip(high).map(|(&low, &high)| low + (high - low) * at).collect();
        let (low, high) = row.split_at(row.len() / 2);
        low.iter().zip(high).map(|(&low, &high)| low + (high - low) * at).collect()
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrix_takes_more_rounds_where_the_joined_vector_would_be_long() {
        assert_eq!(matrix_rounds(1, 0, 24), 0);
        assert_eq!(matrix_rounds(34, 6, 19), 3);
        assert_eq!(matrix_rounds(52, 6, 10), 2);
        assert_eq!(matrix_rounds(52, 6, 22), 3);
        assert_eq!(matrix_rounds(60, 6, 26), 4);
        for (limbs, rounds) in [(3, 2), (5, 3), (40, 6), (64, 6), (65, 7)] {
            for log_rows in [1, 20, 30] {
                let j = matrix_rounds(limbs, rounds, log_rows);
                assert!(j <= rounds && (limbs << j) >> rounds <= SHARED_MOST, "{limbs} {log_rows}");
            }
        }
    }
}
