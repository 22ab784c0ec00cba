//! The sumcheck of `<weight, vector>` (prover). Rounds bind the most significant digit, so halves are contiguous.

use std::ops::{Add, AddAssign, Mul, Sub};

use p3_field::PrimeCharacteristicRing;
use rayon::prelude::*;
use tacit_algebra::packed::{Packed, WIDTH};
use tacit_algebra::{F, K};

use super::powers;

/// Elements that one task handles.
const CHUNK: usize = 1 << 10;
/// Packed vectors shorter than this are unpacked.
const SHORTEST: usize = 4;

/// What a round sends: h(0) and the coefficient of X^2.
pub(crate) type Message = (K, K);

/// An element or a block of them.
trait Block:
    Copy + Send + Sync + From<K> + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + AddAssign
{
}

impl Block for K {}
impl Block for Packed {}

/// Vector and weight, elements or blocks of them.
struct Pair<T> {
    vector: Vec<T>,
    weight: Vec<T>,
}

impl<T: Block> Pair<T> {
    /// h(0) = sum of v w over the lower half, and the sum of (v' - v)(w' - w) over the two halves.
    fn message(&self) -> (T, T) {
        let half = self.vector.len() / 2;
        let (v0, v1) = self.vector.split_at(half);
        let (w0, w1) = self.weight.split_at(half);
        (v0.par_chunks(CHUNK), v1.par_chunks(CHUNK), w0.par_chunks(CHUNK), w1.par_chunks(CHUNK))
            .into_par_iter()
            .map(|(v0, v1, w0, w1)| products(v0, v1, w0, w1))
            .reduce(nothing, add)
    }

    /// Binds the top digit to `at`.
    fn fold(&mut self, at: K) {
        let at = T::from(at);
        for values in [&mut self.vector, &mut self.weight] {
            let half = values.len() / 2;
            let (low, high) = values.split_at_mut(half);
            low.par_chunks_mut(CHUNK).zip(high.par_chunks(CHUNK)).for_each(|(low, high)| fold_chunk(low, high, at));
            values.truncate(half);
        }
    }

    /// [`Self::fold`] and the next [`Self::message`] in one pass over memory.
    fn fold_and_message(&mut self, at: K) -> (T, T) {
        let at = T::from(at);
        let half = self.vector.len() / 2;
        let quarter = half / 2;
        let (v, v_high) = self.vector.split_at_mut(half);
        let (w, w_high) = self.weight.split_at_mut(half);
        let (v0, v1) = v.split_at_mut(quarter);
        let (w0, w1) = w.split_at_mut(quarter);
        let (v2, v3) = v_high.split_at(quarter);
        let (w2, w3) = w_high.split_at(quarter);
        let low =
            (v0.par_chunks_mut(CHUNK), v1.par_chunks_mut(CHUNK), w0.par_chunks_mut(CHUNK), w1.par_chunks_mut(CHUNK));
        let high = (v2.par_chunks(CHUNK), v3.par_chunks(CHUNK), w2.par_chunks(CHUNK), w3.par_chunks(CHUNK));
        let message = low
            .into_par_iter()
            .zip(high.into_par_iter())
            .map(|((v0, v1, w0, w1), (v2, v3, w2, w3))| {
                fold_chunk(v0, v2, at);
                fold_chunk(v1, v3, at);
                fold_chunk(w0, w2, at);
                fold_chunk(w1, w3, at);
                products(v0, v1, w0, w1)
            })
            .reduce(nothing, add);
        self.vector.truncate(half);
        self.weight.truncate(half);
        message
    }
}

fn nothing<T: Block>() -> (T, T) {
    (T::from(K::ZERO), T::from(K::ZERO))
}

fn add<T: Block>(a: (T, T), b: (T, T)) -> (T, T) {
    (a.0 + b.0, a.1 + b.1)
}

#[inline]
fn products<T: Block>(v0: &[T], v1: &[T], w0: &[T], w1: &[T]) -> (T, T) {
    let mut sum = nothing::<T>();
    for (((&v0, &v1), &w0), &w1) in v0.iter().zip(v1).zip(w0).zip(w1) {
        sum.0 += v0 * w0;
        sum.1 += (v1 - v0) * (w1 - w0);
    }
    sum
}

#[inline]
fn fold_chunk<T: Block>(low: &mut [T], high: &[T], at: T) {
    for (low, &high) in low.iter_mut().zip(high) {
        *low += (high - *low) * at;
    }
}

enum Store {
    Packed(Pair<Packed>),
    Plain(Pair<K>),
}

/// The vector and the weight of the current claim.
pub(crate) struct Sumcheck(Store);

impl Sumcheck {
    /// Of packed elements only the first `lanes` lanes count; fewer than `WIDTH` are for vectors that are shorter than one.
    pub(crate) fn new(vector: Vec<Packed>, weight: Vec<Packed>, lanes: usize) -> Self {
        let unpack = |values: Vec<Packed>| values.into_iter().flat_map(|value| value.lanes().take(lanes)).collect();
        if lanes < WIDTH || vector.len() < SHORTEST {
            Self(Store::Plain(Pair { vector: unpack(vector), weight: unpack(weight) }))
        } else {
            Self(Store::Packed(Pair { vector, weight }))
        }
    }

    fn shortened(self) -> Self {
        match self.0 {
            Store::Packed(pair) => Self::new(pair.vector, pair.weight, WIDTH),
            plain => Self(plain),
        }
    }

    /// Runs `rounds` rounds; `exchange` sends a message and returns the challenge.
    pub(crate) fn run(mut self, rounds: usize, mut exchange: impl FnMut(Message) -> K) -> Self {
        let mut message = None;
        for round in 0..rounds {
            let sent = message.take().unwrap_or_else(|| match &self.0 {
                Store::Packed(pair) => both(pair.message()),
                Store::Plain(pair) => pair.message(),
            });
            let at = exchange(sent);
            match &mut self.0 {
                Store::Packed(pair) if round + 1 < rounds => message = Some(both(pair.fold_and_message(at))),
                Store::Packed(pair) => pair.fold(at),
                Store::Plain(pair) => pair.fold(at),
            }
            self = self.shortened();
        }
        self
    }

    /// Moves into memory of the right size.
    pub(crate) fn compact(&mut self) {
        if let Store::Packed(pair) = &mut self.0 {
            pair.vector = pair.vector.clone();
            pair.weight = pair.weight.clone();
        }
    }

    /// Elements of the vector.
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Store::Packed(pair) => pair.vector.len() * WIDTH,
            Store::Plain(pair) => pair.vector.len(),
        }
    }

    /// Element `index` of the vector.
    pub(crate) fn element(&self, index: usize) -> K {
        match &self.0 {
            Store::Packed(pair) => pair.vector[index / WIDTH].extract(index % WIDTH),
            Store::Plain(pair) => pair.vector[index],
        }
    }

    /// The vector as elements.
    pub(crate) fn vector(&self) -> Vec<K> {
        match &self.0 {
            Store::Packed(pair) => pair.vector.iter().flat_map(|value| value.lanes()).collect(),
            Store::Plain(pair) => pair.vector.clone(),
        }
    }

    /// Vector and weight as elements.
    #[cfg(test)]
    pub(crate) fn into_parts(self) -> (Vec<K>, Vec<K>) {
        match self.0 {
            Store::Packed(pair) => {
                let all = |values: Vec<Packed>| values.into_iter().flat_map(Packed::lanes).collect();
                (all(pair.vector), all(pair.weight))
            }
            Store::Plain(pair) => (pair.vector, pair.weight),
        }
    }

    /// Sum of `vector[t] z^t`.
    pub(crate) fn univariate(&self, z: K) -> K {
        match &self.0 {
            Store::Packed(pair) => {
                let step = Packed::from(z.exp_u64(WIDTH as u64));
                let start = Packed::from(z.exp_u64((CHUNK * WIDTH) as u64));
                let horner = |chunk: &[Packed]| chunk.iter().rev().fold(Packed::ZERO, |sum, &v| sum * step + v);
                let parts: Vec<Packed> = pair.vector.par_chunks(CHUNK).map(horner).collect();
                let joined = parts.into_iter().rev().fold(Packed::ZERO, |sum, part| sum * start + part);
                joined.lanes().rev().fold(K::ZERO, |sum, value| sum * z + value)
            }
            Store::Plain(pair) => pair.vector.iter().rev().fold(K::ZERO, |sum, &v| sum * z + v),
        }
    }

    /// Adds `sum_j coefficient_j (1, x_j, x_j^2, ..)` to the weight.
    pub(crate) fn add_powers(&mut self, out_of_domain: (K, K), points: &[(F, K)]) {
        match &mut self.0 {
            Store::Packed(pair) => powers::add_powers(&mut pair.weight, out_of_domain, points),
            Store::Plain(pair) => {
                let (z, coefficient) = out_of_domain;
                let points = points.iter().map(|&(x, coefficient)| (K::from(x), coefficient));
                for (x, coefficient) in points.chain([(z, coefficient)]) {
                    let mut power = coefficient;
                    for weight in &mut pair.weight {
                        *weight += power;
                        power *= x;
                    }
                }
            }
        }
    }
}

fn both(message: (Packed, Packed)) -> Message {
    (message.0.lanes().sum(), message.1.lanes().sum())
}
