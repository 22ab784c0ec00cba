//! The prover's variables, and its part of the check of the triples.

#[cfg(test)]
mod tests;

use tacit_algebra::field::{BasedVectorSpace, PrimeCharacteristicRing};
use tacit_algebra::multilinear::eq_table;
use tacit_algebra::{F, K, centred, signed};
use tacit_transcript::{Randomness, Sender};

use crate::Variables;
use crate::reading::DUMMIES;
use crate::triples::{CHALLENGE, ROUND, TAU, VALUE, rounds, triples};

/// The values of all variables, of one proof; wiped when they are dropped.
#[derive(Debug, Clone)]
pub struct Pads {
    variables: Variables,
    /// In the order of their column.
    values: Vec<K>,
}

impl Pads {
    /// Pads and dummies from a stream of randomness that serves nothing else; products are computed.
    pub fn new(variables: &Variables, randomness: &Randomness, stream: u64) -> Self {
        let (pads, dummies) = (variables.pads as usize, DUMMIES as usize);
        let cells = randomness.cells(stream, 3 * (pads + dummies));
        let drawn: Vec<K> =
            cells.as_chunks::<3>().0.iter().map(|c| K::from_basis_coefficients_fn(|i| signed(c[i]))).collect();
        let mut values = drawn[..pads].to_vec();
        for &(a, b) in &variables.products {
            values.push(values[variables.position(a)] * values[variables.position(b)]);
        }
        for dummy in drawn[pads..].as_chunks::<3>().0 {
            values.extend([dummy[0], dummy[1], dummy[0] * dummy[1]]);
        }
        Self { variables: variables.clone(), values }
    }

    fn wipe(&mut self) {
        self.values.fill(K::ZERO);
        // What is never read may be left out by a compiler; this reads it.
        std::hint::black_box(&self.values);
    }

    /// The cells of their column, of shape `[variables, 3]`.
    pub fn cells(&self) -> Vec<i64> {
        let words = |value: &K| -> Vec<i64> {
            <K as BasedVectorSpace<F>>::as_basis_coefficients_slice(value).iter().map(|&word| centred(word)).collect()
        };
        self.values.iter().flat_map(words).collect()
    }

    /// The pads of the messages, in order.
    pub fn messages(&self) -> Vec<K> {
        self.values[..self.variables.pads as usize].to_vec()
    }

    fn triples(&self) -> Vec<[K; 3]> {
        let value = |variable| self.values[self.variables.position(variable)];
        triples(&self.variables.products).into_iter().map(|triple| triple.map(value)).collect()
    }
}

impl Drop for Pads {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// Proves that the products are products.
pub fn prove_triples(pads: &Pads, sender: &mut Sender) {
    let triples = pads.triples();
    let count = rounds(triples.len());
    let column = |place: usize| -> Vec<K> {
        let held = triples.iter().map(|triple| triple[place]);
        held.chain(std::iter::repeat(K::ZERO)).take(1 << count).collect()
    };
    let tau = sender.draw_many(TAU, count);
    let mut factors = [eq_table(&tau), column(0), column(1), column(2)];
    for _ in 0..count {
        let half = factors[0].len() / 2;
        let mut sums = [K::ZERO; 4];
        for j in 0..half {
            let [(e, de), (a, da), (b, db), (c, dc)] =
                factors.each_ref().map(|factor| (factor[j], factor[half + j] - factor[j]));
            let (p0, p1, p2) = (a * b - c, a * db + da * b - dc, da * db);
            let terms = [e * p0, e * p1 + de * p0, e * p2 + de * p1, de * p2];
            sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
        }
        sender.send_many(ROUND, &[sums[0], sums[2], sums[3]]);
        let r = sender.draw(CHALLENGE);
        for factor in &mut factors {
            let (low, high) = factor.split_at(half);
            *factor = low.iter().zip(high).map(|(&low, &high)| low + (high - low) * r).collect();
        }
    }
    factors[1..].iter().for_each(|factor| sender.disclose(VALUE, factor[0]));
}
