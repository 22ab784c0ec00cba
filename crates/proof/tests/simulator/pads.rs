//! Pads that explain messages: whatever was sent, there are pads, true products of them and true dummy triples under which every check
//! holds. One pad of each check is solved for, all others are uniform.

use std::collections::BTreeSet;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use tacit_algebra::K;
use tacit_algebra::field::{Field, PrimeCharacteristicRing};
use tacit_hide::{Affine, Variable, Variables};

use super::oracle::element;

/// The free variables; products follow from them.
pub struct Pads {
    products: Vec<(Variable, Variable)>,
    pads: Vec<K>,
    /// a, b of both dummies.
    dummies: [K; 4],
}

impl Pads {
    pub fn uniform(variables: &Variables, seed: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut next = || element(&mut random);
        let pads = (0..variables.pads).map(|_| next()).collect();
        Self { products: variables.products.clone(), pads, dummies: [next(), next(), next(), next()] }
    }

    pub fn value(&self, variable: Variable) -> K {
        match variable {
            Variable::Pad(number) => self.pads[number as usize],
            Variable::Product(number) => {
                let (a, b) = self.products[number as usize];
                self.value(a) * self.value(b)
            }
            Variable::Dummy(number) => match number {
                0 | 1 => self.dummies[number as usize],
                2 => self.dummies[0] * self.dummies[1],
                3 | 4 => self.dummies[number as usize - 1],
                _ => self.dummies[2] * self.dummies[3],
            },
        }
    }

    pub fn evaluate(&self, value: &Affine) -> K {
        value
            .terms()
            .iter()
            .fold(value.constant, |sum, &(variable, coefficient)| sum + coefficient * self.value(variable))
    }

    /// The pads that a variable depends on.
    fn pads_of(&self, variable: Variable, found: &mut BTreeSet<u32>) {
        match variable {
            Variable::Pad(number) => drop(found.insert(number)),
            Variable::Product(number) => {
                let (a, b) = self.products[number as usize];
                self.pads_of(a, found);
                self.pads_of(b, found);
            }
            Variable::Dummy(_) => {}
        }
    }

    fn with(&mut self, pad: u32, value: K, zero: &Affine) -> K {
        self.pads[pad as usize] = value;
        self.evaluate(zero)
    }

    /// Makes every value zero, one after the other, through a pad that none before depends on, and then the three values of the triples.
    /// `left_out` is not solved for. Returns which of them are zero.
    pub fn solve(&mut self, zeros: &[Affine], left_out: Option<usize>) -> Vec<bool> {
        let (checks, ends) = zeros.split_at(zeros.len() - 3);
        let mut settled = BTreeSet::new();
        for (number, zero) in checks.iter().enumerate() {
            let mut own = BTreeSet::new();
            zero.terms().iter().for_each(|&(variable, _)| self.pads_of(variable, &mut own));
            if left_out != Some(number) {
                let solved = own.difference(&settled).any(|&pad| self.solve_for(pad, zero));
                assert!(solved, "no pad of check {number} is left");
            }
            settled.extend(own);
        }
        if left_out != Some(checks.len()) {
            self.solve_dummies(ends);
        }
        zeros.iter().map(|zero| self.evaluate(zero) == K::ZERO).collect()
    }

    /// Where the value is affine in the pad.
    fn solve_for(&mut self, pad: u32, zero: &Affine) -> bool {
        let held = self.pads[pad as usize];
        let [at0, at1, at2] = [K::ZERO, K::ONE, K::TWO].map(|t| self.with(pad, t, zero));
        let slope = at1 - at0;
        let affine = slope != K::ZERO && at2 - at1 == slope;
        self.pads[pad as usize] = if affine { -at0 * slope.inverse() } else { held };
        affine
    }

    /// `e x + e' x' = A`, `e y + e' y' = B`, `e x y + e' x' y' = C`, given x.
    fn solve_dummies(&mut self, ends: &[Affine]) {
        let weight = |number: u32| {
            let of = |&&(variable, _): &&(Variable, K)| variable == Variable::Dummy(number);
            ends[0].terms().iter().find(of).map(|&(_, weight)| weight).unwrap()
        };
        let (e, other) = (weight(0), weight(3));
        let x = self.dummies[0];
        self.dummies = [K::ZERO; 4];
        let [a, b, c] = [0, 1, 2].map(|place| -self.evaluate(&ends[place]));
        let x_other = (a - e * x) * other.inverse();
        let y = (c - x_other * b) * (e * (x - x_other)).inverse();
        self.dummies = [x, y, x_other, (b - e * y) * other.inverse()];
    }
}
