//! The first `k0` rounds, which join all limbs to one vector (prover).
//!
//! With `x` the top digits of an address and `a` the others, all messages of the rounds that bind `x` follow from the small matrix
//! `G[x][y] = sum_a <w_(x a), v_(y a)>`: round after round a bilinear form in the bound coefficients. So limbs and weights are read
//! twice, a few rows at a time, and only `sum_x eq(r, x) v_(x a)` and `sum_x eq(r, x) w_(x a)` are held whole.

use std::ops::Range;

use p3_field::PrimeCharacteristicRing;
use rayon::prelude::*;
use tacit_algebra::K;
use tacit_algebra::multilinear::eq_table;
use tacit_algebra::packed::{Packed, WIDTH};

use super::apart::{Apart, RankOne};
use super::limbs::{Limbs, Part, combine, inner_products};
use super::narrow::{Halves, MOST, TOGETHER};
use super::sumcheck::{Message, Sumcheck};

/// Packed elements of a limb that one task reads.
pub(crate) const CHUNK: usize = 1 << 7;
/// Weights of at least so many packed rows are looked at as multiples of vectors.
const RUN: usize = 1 << 4;
/// The matrix costs a product per row and pair of limbs that share `a`: at most so many limbs share one ..
const SHARED: usize = 9;
/// .. unless the joined vector would have more than `JOINED` elements, or at most `SHARED_MOST` then.
const JOINED: usize = 1 << 24;
const SHARED_MOST: usize = 16;

/// What the prover knows of the form: its weight of every row of the limb at every address, called for aligned ranges of rows by all
/// threads.
pub trait Weights: Sync {
    /// Adds `scale` times the weights of the rows `first ..`; lanes beyond a limb shorter than `WIDTH` stay as they are.
    fn add(&self, address: u64, first: usize, scale: K, rows: &mut [Packed]);

    /// The weights of `count` packed rows as `(scalar, vector)`, where they are the sum of some vectors that are held, times scalars.
    fn multiples(&self, address: u64, first: usize, count: usize) -> Option<Vec<(K, &[Packed])>>;

    /// Weights that are to be added to those of [`Self::add`].
    fn rank_one(&self) -> Option<&RankOne> {
        None
    }
}

/// A vector, and the limbs `x` whose weights are scalars times it.
type Multiples<'a> = (&'a [Packed], Vec<(usize, K)>);

/// Limbs and weights of one opening by address.
pub(crate) struct Batch<'a, C, W> {
    /// The limb at every address.
    pub limbs: Vec<Option<usize>>,
    /// log2 of the rows of a limb.
    pub log_rows: usize,
    pub cells: &'a C,
    pub weights: &'a W,
}

impl<C, W> Batch<'_, C, W>
where
    C: Limbs,
    W: Weights,
{
    /// Runs all `k0` rounds.
    pub(crate) fn run(&self, mut exchange: impl FnMut(Message) -> K) -> Sumcheck {
        let rounds = self.limbs.len().ilog2() as usize;
        let rank_one = self.weights.rank_one();
        let mut apart = rank_one.map(|weights| Apart::new(weights, &self.limbs, self.log_rows, self.cells));
        let mut exchange = |message: Message| {
            let at = exchange(apart.as_ref().map_or(message, |apart| apart.join(message)));
            apart.iter_mut().for_each(|apart| apart.bind(at));
            at
        };
        let first = matrix_rounds(self.limbs.iter().flatten().count(), rounds, self.log_rows);
        let mut matrix = self.matrix(first);
        let point: Vec<K> = (0..first)
            .map(|_| {
                let at = exchange(message(&matrix));
                matrix = bind(&matrix, at);
                at
            })
            .collect();
        let mut joined = self.fold(&point).run(rounds - first, &mut exchange);
        joined.compact();
        apart.iter().for_each(|apart| joined.add_powers(apart.left(), &[]));
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
        let sums = || vec![K::ZERO; side * side];
        let task = |mut sums: Vec<K>, chunk: usize| {
            let mut held: Vec<Part> = vec![Part::default(); side];
            let mut halves = Halves::default();
            for a in 0..classes {
                let sharing: Vec<(usize, u64)> = self.sharing(a, classes).map(|(x, _, address)| (x, address)).collect();
                let limbs = self.sharing(a, classes).zip(&mut held);
                let limbs: Vec<(usize, &Part)> =
                    limbs.map(|((y, limb, _), held)| (y, held.read(self.cells, limb, chunk * rows, rows))).collect();
                self.each_run(&sharing, chunk * rows, 0..packed, &mut |at, vector, scales| {
                    halves.clear();
                    let mut add = |y: usize, product: K| {
                        scales.iter().for_each(|&(x, scale)| sums[x * side + y] += product * scale);
                    };
                    let (groups, rest) = limbs.as_chunks::<TOGETHER>();
                    for group in groups {
                        let products = inner_products(group.map(|(_, part)| part), at, vector, &mut halves);
                        group.iter().zip(products).for_each(|((y, _), product)| add(*y, product));
                    }
                    for (y, part) in rest {
                        add(*y, part.inner_product(at, vector, &mut halves));
                    }
                });
            }
            sums
        };
        let join = |mut a: Vec<K>, b: Vec<K>| {
            a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
            a
        };
        let sums = (0..(1 << self.log_rows) / rows).into_par_iter().fold(sums, task).reduce(sums, join);
        sums.chunks_exact(side).map(<[K]>::to_vec).collect()
    }

    /// The weights of some packed rows of the limbs `(x, address)` that share `a`, as vectors and the limbs whose weights have
    /// multiples of them, with the scalars: `run(first packed row, vector, (x, scalar))`. `rows` are counted from `first` on.
    fn each_run(
        &self,
        sharing: &[(usize, u64)],
        first: usize,
        rows: Range<usize>,
        run: &mut impl FnMut(usize, &[Packed], &[(usize, K)]),
    ) {
        let (at, count) = (first + rows.start * WIDTH, rows.len());
        let multiples = |&(x, address): &(usize, u64)| (x, address, self.weights.multiples(address, at, count));
        let found: Vec<_> = sharing.iter().map(multiples).collect();
        if count > RUN && found.iter().any(|limb| limb.2.is_none()) {
            let middle = rows.start + count / 2;
            self.each_run(sharing, first, rows.start..middle, run);
            return self.each_run(sharing, first, middle..rows.end, run);
        }
        let mut vectors: Vec<Multiples<'_>> = Vec::new();
        for (x, address, multiples) in found {
            let Some(multiples) = multiples else {
                let mut weights = vec![Packed::ZERO; count];
                self.weights.add(address, at, K::ONE, &mut weights);
                run(rows.start, &weights, &[(x, K::ONE)]);
                continue;
            };
            for (scale, vector) in multiples {
                match vectors.iter_mut().find(|(other, _)| std::ptr::eq(*other, vector)) {
                    Some((_, scales)) => scales.push((x, scale)),
                    None => vectors.push((vector, vec![(x, scale)])),
                }
            }
        }
        vectors.iter().for_each(|(vector, scales)| run(rows.start, vector, scales));
    }

    /// The vector and the weight after the top digits were bound to `point`.
    fn fold(&self, point: &[K]) -> Sumcheck {
        let (rows, packed) = self.chunk();
        let classes = self.limbs.len() >> point.len();
        let tasks = (1 << self.log_rows) / rows;
        let coefficients = eq_table(point);
        // First touched by all threads.
        let zeros = || -> Vec<Packed> { (0..classes * tasks * packed).into_par_iter().map(|_| Packed::ZERO).collect() };
        let (mut vector, mut weight) = (zeros(), zeros());
        let parts = vector.par_chunks_mut(packed).zip(weight.par_chunks_mut(packed));
        parts.enumerate().for_each_init(
            || vec![Part::default(); coefficients.len()],
            |held, (number, (vector, weight))| {
                let (a, first) = (number / tasks, number % tasks * rows);
                let limbs = self.sharing(a, classes).zip(held.iter_mut());
                let limbs: Vec<(K, &Part)> = limbs
                    .map(|((x, limb, _), held)| (coefficients[x], held.read(self.cells, limb, first, rows)))
                    .collect();
                combine(&limbs, vector);
                let sharing: Vec<(usize, u64)> = self.sharing(a, classes).map(|(x, _, address)| (x, address)).collect();
                self.each_run(&sharing, first, 0..packed, &mut |at, vector, scales| {
                    let scale = Packed::from(scales.iter().map(|&(x, scale)| coefficients[x] * scale).sum::<K>());
                    weight[at..].iter_mut().zip(vector).for_each(|(sum, &weight)| *sum += weight * scale);
                });
            },
        );
        Sumcheck::new(vector, weight, rows.min(WIDTH))
    }
}

/// Rounds from the matrix, of `rounds` that join so many limbs.
fn matrix_rounds(limbs: usize, rounds: usize, log_rows: usize) -> usize {
    let all = rounds.min(MOST.ilog2() as usize);
    let within = |most: usize| (0..=all).rev().find(|&j| (limbs << j) >> rounds <= most).unwrap_or(0);
    let (few, many) = (within(SHARED), within(SHARED_MOST));
    (few..many).find(|&j| 1 << (rounds - j + log_rows) <= JOINED).unwrap_or(many)
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
    use p3_field::BasedVectorSpace;
    use tacit_algebra::F;

    use super::*;

    #[test]
    fn the_matrix_takes_more_rounds_where_the_joined_vector_would_be_long() {
        assert_eq!(matrix_rounds(1, 0, 24), 0);
        assert_eq!(matrix_rounds(34, 6, 19), 4);
        assert_eq!(matrix_rounds(52, 6, 10), 3);
        assert_eq!(matrix_rounds(52, 6, 22), 4);
        assert_eq!(matrix_rounds(52, 6, 21), 3);
        assert_eq!(matrix_rounds(60, 6, 26), 4);
        for (limbs, rounds) in [(3, 2), (5, 3), (40, 6), (64, 6), (65, 7)] {
            for log_rows in [1, 20, 30] {
                let j = matrix_rounds(limbs, rounds, log_rows);
                assert!(j <= rounds && (limbs << j) >> rounds <= SHARED_MOST, "{limbs} {log_rows}");
            }
        }
    }

    fn element(seed: u64) -> K {
        K::from_basis_coefficients_fn(|i| F::from_u64((seed * 3 + i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// Of every address: weights row by row, and, of some, runs of packed rows that are multiples of one of two vectors.
    struct Mixed {
        rows: Vec<Vec<Packed>>,
        vectors: [Vec<Packed>; 2],
        runs: Vec<Option<(usize, usize)>>,
    }

    impl Mixed {
        fn new(limbs: usize, blocks: usize) -> Self {
            let vector = |seed: u64| {
                (0..blocks.max(64)).map(move |i| Packed::from_fn(|lane| element(seed + (i * WIDTH + lane) as u64)))
            };
            let vectors = [vector(1000).collect::<Vec<_>>(), vector(90_000).collect()];
            // (length of a run, vector); runs of 4 packed rows are too short to be looked at, and no weights at all are possible.
            let runs = [Some((16, 0)), Some((64, 0)), None, Some((16, 1)), Some((4, 1)), Some((16, 0))];
            let runs: Vec<_> = (0..limbs).map(|limb| runs[limb % runs.len()]).collect();
            let of = |(limb, run): (usize, &Option<(usize, usize)>)| match run {
                _ if limb == 7 => vec![Packed::ZERO; blocks],
                None => vector(7 * limb as u64).take(blocks).collect(),
                Some((length, which)) => {
                    let scaled = |i: usize| vectors[*which][i % length] * Packed::from(Self::scale(limb, i / length));
                    (0..blocks).map(scaled).collect()
                }
            };
            Self { rows: runs.iter().enumerate().map(of).collect(), vectors, runs }
        }

        fn scale(limb: usize, run: usize) -> K {
            element((limb * 1000 + run) as u64)
        }
    }

    impl Weights for Mixed {
        fn add(&self, address: u64, first: usize, scale: K, rows: &mut [Packed]) {
            let weights = &self.rows[address as usize][first / WIDTH..];
            rows.iter_mut().zip(weights).for_each(|(row, &weight)| *row += weight * Packed::from(scale));
        }

        fn multiples(&self, address: u64, first: usize, count: usize) -> Option<Vec<(K, &[Packed])>> {
            let (length, which) = self.runs[address as usize].filter(|_| address != 7)?;
            let (run, at) = (first / WIDTH / length, first / WIDTH % length);
            let vector = self.vectors[which][..length].get(at..at + count)?;
            // In two parts where there are two runs, of which the other one has nothing to add.
            let scale = Self::scale(address as usize, run);
            let rest = (run > 0).then_some((scale - K::TWO, vector));
            Some([(scale - rest.map_or(K::ZERO, |rest| rest.0), vector)].into_iter().chain(rest).collect())
        }
    }

    #[test]
    fn the_matrix_and_the_fold_are_those_of_all_weights() {
        for (limbs, log_rows, rounds) in [(11, 11, 2), (16, 9, 3), (8, 4, 2), (5, 1, 1)] {
            let (side, rows) = (usize::next_power_of_two(limbs), 1 << log_rows);
            let weights = Mixed::new(side, usize::div_ceil(rows, WIDTH));
            let cell =
                |limb: usize, row: usize| F::from_u64(((limb * rows + row) as u64).wrapping_mul(0xd134_2543_de82_ef95));
            let cells = |limb: usize, first: usize, out: &mut [F]| {
                out.iter_mut().zip(first..).for_each(|(out, row)| *out = cell(limb, row));
            };
            let places = (0..side).map(|address| (address < limbs).then_some(address)).collect();
            let batch = Batch { limbs: places, log_rows, cells: &cells, weights: &weights };
            let (matrix, classes) = (batch.matrix(rounds), side >> rounds);
            let weight = |address: usize, row: usize| weights.rows[address][row / WIDTH].extract(row % WIDTH);
            for (x, row) in matrix.iter().enumerate() {
                for (y, &entry) in row.iter().enumerate() {
                    let pairs = (0..classes).map(|a| (x * classes + a, y * classes + a));
                    let held = pairs.filter(|&(w, v)| w < limbs && v < limbs);
                    let sum: K = held.flat_map(|(w, v)| (0..rows).map(move |row| weight(w, row) * cell(v, row))).sum();
                    assert_eq!(entry, sum, "{limbs} {log_rows} {x} {y}");
                }
            }
            let point: Vec<K> = (0..rounds as u64).map(element).collect();
            let eq = eq_table(&point);
            let found = batch.fold(&point).into_parts();
            for at in 0..classes * rows {
                let (a, row) = (at / rows, at % rows);
                let held = || (0..1 << rounds).map(|x| (x, x * classes + a)).filter(|&(_, address)| address < limbs);
                let vector: K = held().map(|(x, address)| eq[x] * cell(address, row)).sum();
                let weighted: K = held().map(|(x, address)| eq[x] * weight(address, row)).sum();
                assert_eq!((found.0[at], found.1[at]), (vector, weighted), "{limbs} {log_rows} {at}");
            }
        }
    }
}
