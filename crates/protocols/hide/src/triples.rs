//! The check that committed products are products: `sum_i eq(tau, i) (a_i b_i - c_i) = 0`, a sumcheck of degree 3 over the same abstract
//! values. Its last three values go in clear: two dummy triples make them uniform.

use tacit_algebra::K;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::multilinear::{bits, eq, eq_table};
use tacit_transcript::{Invalid, Reading};

use crate::{Affine, Hidden, Variable};

pub(crate) const TAU: &str = "triples: tau";
pub(crate) const ROUND: &str = "triples: round";
pub(crate) const CHALLENGE: &str = "triples: challenge";
pub(crate) const VALUE: &str = "triples: value";

/// All triples, the dummies last.
pub(crate) fn triples(products: &[(Variable, Variable)]) -> Vec<[Variable; 3]> {
    let committed = (0u32..).zip(products).map(|(number, &(a, b))| [a, b, Variable::Product(number)]);
    let dummies = [[0, 1, 2], [3, 4, 5]].map(|numbers| numbers.map(Variable::Dummy));
    committed.chain(dummies).collect()
}

/// Rounds of the check for so many triples.
pub(crate) fn rounds(triples: usize) -> usize {
    bits(triples as u64)
}

impl<R: Reading<Value = K>> Hidden<R> {
    pub(crate) fn check_triples(&mut self) -> Result<(), Invalid> {
        let triples = triples(self.products());
        let rounds = rounds(triples.len());
        let tau = self.draw_many(TAU, rounds);
        let (mut target, mut point) = (Affine::from(K::ZERO), Vec::with_capacity(rounds));
        for _ in 0..rounds {
            // The coefficients of 1, X^2 and X^3; h(0) + h(1) is the target.
            let (constant, square, cube) = (self.receive(ROUND)?, self.receive(ROUND)?, self.receive(ROUND)?);
            let r = self.draw(CHALLENGE);
            let linear = target - constant.clone() * K::TWO - square.clone() - cube.clone();
            target = constant + linear * r + square * r.square() + cube * (r.square() * r);
            point.push(r);
        }
        let mut disclosed = || self.inner.receive(VALUE);
        let (a, b, c) = (disclosed()?, disclosed()?, disclosed()?);
        self.zeros.push(target - Affine::from(eq(&tau, &point) * (a * b - c)));
        let weights = eq_table(&point);
        for (place, value) in [a, b, c].into_iter().enumerate() {
            let variables = triples.iter().filter_map(|triple| triple.get(place)).zip(&weights);
            let terms = variables.map(|(&variable, &weight)| (variable, weight)).collect();
            self.zeros.push(Affine::new(-value, terms));
        }
        Ok(())
    }
}
