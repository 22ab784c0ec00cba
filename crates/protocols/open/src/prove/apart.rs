//! Weights of rank one: a scalar for every address times the powers of one element for every row.
//!
//! `<scalar (x) powers, limbs> = <scalar, values>`, with the value of a limb at that element: what these weights add to the rounds over
//! addresses is a sumcheck of vectors as long as the addresses, and what is left of them afterwards is one vector of powers.

use p3_field::PrimeCharacteristicRing;
use rayon::prelude::*;
use tacit_algebra::K;
use tacit_algebra::packed::{WIDTH, pack};
use tacit_transcript::on_pool;

use super::batch::CHUNK;
use super::limbs::{Limbs, Part};
use super::narrow::Halves;
use super::sumcheck::Message;

/// What the prover knows of such weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RankOne {
    pub base: K,
    /// By address.
    pub scalars: Vec<K>,
    /// [`values_at`] `base`, of the first limbs; the others are read.
    pub known: Vec<K>,
}

/// `sum_t z^t cell_t` of limbs, each of `2^log_rows` cells.
pub fn values_at(cells: &impl Limbs, limbs: impl IntoIterator<Item = usize>, log_rows: usize, z: K) -> Vec<K> {
    let rows = (CHUNK * WIDTH).min(1 << log_rows);
    let powers = pack(&z.powers().collect_n(rows));
    let step = z.exp_u64(rows as u64);
    let value = |limb: usize| -> K {
        let part = |(held, halves): &mut (Part, Halves), chunk: usize| -> K {
            held.read(cells, limb, chunk * rows, rows).inner_product(0, &powers, halves)
        };
        let chunks = 0..(1 << log_rows) / rows;
        let parts: Vec<K> = on_pool(|| chunks.into_par_iter().map_init(Default::default, part).collect());
        parts.into_iter().rev().fold(K::ZERO, |sum, part| sum * step + part)
    };
    limbs.into_iter().map(value).collect()
}

/// Scalars and limbs' values, by address, as rounds bind the digits of these.
pub(crate) struct Apart {
    base: K,
    scalars: Vec<K>,
    values: Vec<K>,
}

impl Apart {
    /// `limbs`: by address.
    pub(crate) fn new(weights: &RankOne, limbs: &[Option<usize>], log_rows: usize, cells: &impl Limbs) -> Self {
        let count = limbs.iter().flatten().count();
        let mut values = weights.known.clone();
        values.extend(values_at(cells, values.len()..count, log_rows, weights.base));
        let values = limbs.iter().map(|limb| limb.map_or(K::ZERO, |limb| values[limb])).collect();
        Self { base: weights.base, scalars: weights.scalars.clone(), values }
    }

    /// Adds what these weights add to a round's message.
    pub(crate) fn join(&self, (constant, leading): Message) -> Message {
        let half = self.scalars.len() / 2;
        let ((s0, s1), (v0, v1)) = (self.scalars.split_at(half), self.values.split_at(half));
        let halves = s0.iter().zip(s1).zip(v0.iter().zip(v1));
        halves.fold((constant, leading), |(constant, leading), ((&s0, &s1), (&v0, &v1))| {
            (constant + s0 * v0, leading + (s1 - s0) * (v1 - v0))
        })
    }

    /// Binds the top digit.
    pub(crate) fn bind(&mut self, at: K) {
        for values in [&mut self.scalars, &mut self.values] {
            let high = values.split_off(values.len() / 2);
            values.iter_mut().zip(high).for_each(|(low, high)| *low += (high - *low) * at);
        }
    }

    /// The powers that are left when all digits are bound: `(base, coefficient)`.
    pub(crate) fn left(&self) -> (K, K) {
        (self.base, self.scalars[0])
    }
}
