//! Values that nobody sees: a constant and a linear combination of committed variables.

use std::cmp::Ordering;
use std::ops::{Add, Mul, Sub};

use tacit_algebra::K;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_transcript::Value;

/// A committed element of K.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variable {
    /// The pad of a message, by its number.
    Pad(u32),
    /// The product of two variables, by its number.
    Product(u32),
    /// One of the six of the dummy triples.
    Dummy(u32),
}

/// `constant + sum coefficient * variable`, variables ascending. A term stays when its coefficient is zero: which terms there are
/// depends on the circuit alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affine {
    pub constant: K,
    terms: Vec<(Variable, K)>,
}

impl Affine {
    /// `constant + sum terms`; a variable that is named twice counts twice.
    pub fn new(constant: K, mut terms: Vec<(Variable, K)>) -> Self {
        terms.sort_by_key(|&(variable, _)| variable);
        terms.dedup_by(|(second, more), (first, sum)| {
            let same = first == second;
            if same {
                *sum += *more;
            }
            same
        });
        Self { constant, terms }
    }

    /// Variables and their coefficients, ascending.
    pub fn terms(&self) -> &[(Variable, K)] {
        &self.terms
    }

    /// `self + other * scale`.
    fn plus(self, other: Self, scale: K) -> Self {
        let mut terms = Vec::with_capacity(self.terms.len().saturating_add(other.terms.len()));
        let (mut mine, mut others) = (self.terms.into_iter().peekable(), other.terms.into_iter().peekable());
        while let (Some(&(a, x)), Some(&(b, y))) = (mine.peek(), others.peek()) {
            match a.cmp(&b) {
                Ordering::Less => terms.extend(mine.next()),
                Ordering::Greater => terms.extend(others.next().map(|(b, y)| (b, y * scale))),
                Ordering::Equal => {
                    terms.push((a, x + y * scale));
                    mine.next();
                    others.next();
                }
            }
        }
        terms.extend(mine);
        terms.extend(others.map(|(b, y)| (b, y * scale)));
        Self { constant: self.constant + other.constant * scale, terms }
    }
}

impl From<K> for Affine {
    fn from(constant: K) -> Self {
        Self { constant, terms: Vec::new() }
    }
}

impl Add for Affine {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.plus(other, K::ONE)
    }
}

impl Sub for Affine {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.plus(other, -K::ONE)
    }
}

impl Mul<K> for Affine {
    type Output = Self;

    fn mul(mut self, scale: K) -> Self {
        self.constant *= scale;
        self.terms.iter_mut().for_each(|(_, coefficient)| *coefficient *= scale);
        self
    }
}

impl Value for Affine {}
