//! The sumcheck of `<weight, vector>` (prover). Rounds bind the most significant digit, so halves are contiguous.

#![allow(clippy::indexing_slicing)]

use p3_field::{Algebra, ExtensionField, Field, PackedFieldExtension, PackedValue, PrimeCharacteristicRing};
use rayon::prelude::*;
use tacit_algebra::{F, K};

/// `LANES` elements of F.
pub(crate) type PackedF = <F as Field>::Packing;
/// `LANES` elements of K, coordinate by coordinate.
pub(crate) type PackedK = <K as ExtensionField<F>>::ExtensionPacking;
pub(crate) const LANES: usize = <PackedF as PackedValue>::WIDTH;

/// Elements that one task handles.
const CHUNK: usize = 1 << 10;
/// Packed vectors shorter than this are unpacked.
const SHORTEST: usize = 4;

/// What a round sends: h(0) and the coefficient of X^2.
pub(crate) type Message = (K, K);

pub(crate) fn pack(values: &[K]) -> Vec<PackedK> {
    values.par_chunks_exact(LANES).map(PackedK::from_ext_slice).collect()
}

fn lanes(value: PackedK) -> impl DoubleEndedIterator<Item = K> {
    (0..LANES).map(move |lane| PackedFieldExtension::<F, K>::extract(&value, lane))
}

pub(crate) fn unpack(values: &[PackedK]) -> Vec<K> {
    values.iter().copied().flat_map(lanes).collect()
}

pub(crate) fn lanes_sum(value: PackedK) -> K {
    lanes(value).sum()
}

/// Vector and weight, elements or lanes of them.
struct Pair<T> {
    vector: Vec<T>,
    weight: Vec<T>,
}

fn add<T: PrimeCharacteristicRing>(a: (T, T), b: (T, T)) -> (T, T) {
    (a.0 + b.0, a.1 + b.1)
}

impl<T: Algebra<K> + Copy + Send + Sync> Pair<T> {
    /// h(0) = sum of v w over the lower half, and the sum of (v' - v)(w' - w) over the two halves.
    fn message(&self) -> (T, T) {
        let half = self.vector.len() / 2;
        let (v0, v1) = self.vector.split_at(half);
        let (w0, w1) = self.weight.split_at(half);
        (v0.par_chunks(CHUNK), v1.par_chunks(CHUNK), w0.par_chunks(CHUNK), w1.par_chunks(CHUNK))
            .into_par_iter()
            .map(|(v0, v1, w0, w1)| products(v0, v1, w0, w1))
            .reduce(|| (T::ZERO, T::ZERO), add)
    }

    /// Binds the top digit to `at`.
    fn fold(&mut self, at: K) {
        for values in [&mut self.vector, &mut self.weight] {
            let half = values.len() / 2;
            let (low, high) = values.split_at_mut(half);
            low.par_chunks_mut(CHUNK).zip(high.par_chunks(CHUNK)).for_each(|(low, high)| fold_chunk(low, high, at));
            values.truncate(half);
        }
    }

    /// [`Self::fold`] and the next [`Self::message`] in one pass over memory.
    fn fold_and_message(&mut self, at: K) -> (T, T) {
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
            .reduce(|| (T::ZERO, T::ZERO), add);
        self.vector.truncate(half);
        self.weight.truncate(half);
        message
    }
}

#[inline]
fn products<T: PrimeCharacteristicRing + Copy>(v0: &[T], v1: &[T], w0: &[T], w1: &[T]) -> (T, T) {
    let mut sum = (T::ZERO, T::ZERO);
    for (((&v0, &v1), &w0), &w1) in v0.iter().zip(v1).zip(w0).zip(w1) {
        sum.0 += v0 * w0;
        sum.1 += (v1 - v0) * (w1 - w0);
    }
    sum
}

#[inline]
fn fold_chunk<T: Algebra<K> + Copy>(low: &mut [T], high: &[T], at: K) {
    for (low, &high) in low.iter_mut().zip(high) {
        *low += (high - *low) * at;
    }
}

enum Store {
    Packed(Pair<PackedK>),
    Plain(Pair<K>),
}

/// The vector and the weight of the current claim.
pub(crate) struct Sumcheck(Store);

impl Sumcheck {
    pub(crate) fn plain(vector: Vec<K>, weight: Vec<K>) -> Self {
        Self(Store::Plain(Pair { vector, weight }))
    }

    pub(crate) fn packed(vector: Vec<PackedK>, weight: Vec<PackedK>) -> Self {
        Self(Store::Packed(Pair { vector, weight })).shortened()
    }

    fn shortened(self) -> Self {
        match self.0 {
            Store::Packed(pair) if pair.vector.len() < SHORTEST => {
                Self::plain(unpack(&pair.vector), unpack(&pair.weight))
            }
            store => Self(store),
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

    /// Elements of the vector.
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Store::Packed(pair) => pair.vector.len() * LANES,
            Store::Plain(pair) => pair.vector.len(),
        }
    }

    /// Element `index` of the vector.
    pub(crate) fn element(&self, index: usize) -> K {
        match &self.0 {
            Store::Packed(pair) => PackedFieldExtension::<F, K>::extract(&pair.vector[index / LANES], index % LANES),
            Store::Plain(pair) => pair.vector[index],
        }
    }

    /// The vector as elements.
    pub(crate) fn vector(&self) -> Vec<K> {
        match &self.0 {
            Store::Packed(pair) => unpack(&pair.vector),
            Store::Plain(pair) => pair.vector.clone(),
        }
    }

    /// Sum of `vector[t] z^t`.
    pub(crate) fn univariate(&self, z: K) -> K {
        match &self.0 {
            Store::Packed(pair) => {
                let step = PackedK::from(z.exp_u64(LANES as u64));
                let start = z.exp_u64((CHUNK * LANES) as u64);
                let horner = |chunk: &[PackedK]| chunk.iter().rev().fold(PackedK::ZERO, |sum, &v| sum * step + v);
                let parts: Vec<PackedK> = pair.vector.par_chunks(CHUNK).map(horner).collect();
                let joined = parts.into_iter().rev().fold(PackedK::ZERO, |sum, part| sum * start + part);
                lanes(joined).rev().fold(K::ZERO, |sum, value| sum * z + value)
            }
            Store::Plain(pair) => pair.vector.iter().rev().fold(K::ZERO, |sum, &v| sum * z + v),
        }
    }

    /// Adds `sum_j coefficient_j (1, x_j, x_j^2, ..)` to the weight.
    pub(crate) fn add_powers(&mut self, out_of_domain: (K, K), points: &[(F, K)]) {
        match &mut self.0 {
            Store::Packed(pair) => {
                let powers = Powers::new(out_of_domain, points);
                pair.weight.par_chunks_mut(TILE).enumerate().for_each(|(tile, weight)| powers.add(tile, weight));
            }
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

fn both(message: (PackedK, PackedK)) -> Message {
    (lanes_sum(message.0), lanes_sum(message.1))
}

/// Packed elements of one tile of the weight.
const TILE: usize = 32;

/// With t = tile * TILE * LANES + s: `sum_j c_j x_j^t = sum_j (c_j x_j^(tile TILE LANES)) x_j^s`, and the powers up to one tile
/// are the same for all tiles.
struct Powers<'a> {
    out_of_domain: (K, K),
    points: &'a [(F, K)],
    /// `TILE` packed powers of every point.
    table: Vec<PackedF>,
    /// x_j^(TILE LANES).
    strides: Vec<F>,
    z_powers: Vec<PackedK>,
}

impl<'a> Powers<'a> {
    fn new(out_of_domain: (K, K), points: &'a [(F, K)]) -> Self {
        let z: Vec<K> = out_of_domain.0.powers().take(TILE * LANES).collect();
        let powers = |&(x, _): &(F, K)| -> Vec<PackedF> {
            let powers: Vec<F> = x.powers().take(TILE * LANES).collect();
            powers.chunks_exact(LANES).map(|lanes| *PackedF::from_slice(lanes)).collect()
        };
        Self {
            out_of_domain,
            points,
            table: points.iter().flat_map(powers).collect(),
            strides: points.iter().map(|(x, _)| x.exp_u64((TILE * LANES) as u64)).collect(),
            z_powers: pack(&z),
        }
    }

    fn add(&self, tile: usize, weight: &mut [PackedK]) {
        let (z, coefficient) = self.out_of_domain;
        let start = coefficient * z.exp_u64((tile * TILE * LANES) as u64);
        for (weight, &power) in weight.iter_mut().zip(&self.z_powers) {
            *weight += power * start;
        }
        for ((&(_, coefficient), &stride), powers) in
            self.points.iter().zip(&self.strides).zip(self.table.chunks_exact(TILE))
        {
            let start = PackedK::from(coefficient * stride.exp_u64(tile as u64));
            for (weight, &power) in weight.iter_mut().zip(powers) {
                *weight += start * power;
            }
        }
    }
}
