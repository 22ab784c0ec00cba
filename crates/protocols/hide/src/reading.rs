//! The hiding reading of the verifier, and what its claims become.

use std::collections::BTreeMap;
use std::sync::Arc;

use tacit_algebra::field::{BasedVectorSpace, PrimeCharacteristicRing};
use tacit_algebra::{F, K};
use tacit_circuit::ColumnId;
use tacit_columns::{Form, FormTerm, Weight};
use tacit_transcript::{Invalid, Reading, Transcript};

use crate::{Affine, Variable};

/// A verifier that sees padded messages. `R` brings messages and challenges.
#[derive(Debug)]
pub struct Hidden<R> {
    pub(crate) inner: R,
    pads: u32,
    products: Vec<(Variable, Variable)>,
    numbers: BTreeMap<(Variable, Variable), u32>,
    /// What must be zero.
    pub(crate) zeros: Vec<Affine>,
}

impl<R: Reading<Value = K>> Hidden<R> {
    pub fn new(inner: R) -> Self {
        Self { inner, pads: 0, products: Vec::new(), numbers: BTreeMap::new(), zeros: Vec::new() }
    }

    /// The committed product of two variables; it is given the next number when it is first asked for.
    fn product(&mut self, a: Variable, b: Variable) -> Variable {
        let pair = if a <= b { (a, b) } else { (b, a) };
        let next = self.products.len() as u32;
        let number = *self.numbers.entry(pair).or_insert(next);
        if number == next {
            self.products.push(pair);
        }
        Variable::Product(number)
    }

    pub(crate) fn products(&self) -> &[(Variable, Variable)] {
        &self.products
    }

    /// Checks the triples, which ends the hidden messages. Returns the inner reading, what must be zero, and the variables.
    ///
    /// # Errors
    /// When the proof ends early or a message is not canonical.
    pub fn close(mut self) -> Result<(R, Vec<Affine>, Variables), Invalid> {
        self.check_triples()?;
        let Self { inner, pads, products, zeros, .. } = self;
        Ok((inner, zeros, Variables { pads, products }))
    }
}

impl<R: Reading<Value = K>> Reading for Hidden<R> {
    type Value = Affine;

    fn receive(&mut self, label: &'static str) -> Result<Affine, Invalid> {
        let message = self.inner.receive(label)?;
        let pad = Variable::Pad(self.pads);
        self.pads = self.pads.checked_add(1).ok_or(Invalid::Circuit("too many messages"))?;
        Ok(Affine::new(message, vec![(pad, -K::ONE)]))
    }

    fn draw(&mut self, label: &'static str) -> K {
        self.inner.draw(label)
    }

    /// Term by term, through the products of variables.
    fn multiply(&mut self, a: &Affine, b: &Affine) -> Affine {
        let mut terms = Vec::new();
        terms.extend(a.terms().iter().map(|&(variable, x)| (variable, x * b.constant)));
        terms.extend(b.terms().iter().map(|&(variable, y)| (variable, y * a.constant)));
        for &(first, x) in a.terms() {
            for &(second, y) in b.terms() {
                terms.push((self.product(first, second), x * y));
            }
        }
        Affine::new(a.constant * b.constant, terms)
    }

    fn require_zero(&mut self, value: Affine, _: &'static str) -> Result<(), Invalid> {
        self.zeros.push(value);
        Ok(())
    }
}

/// Messages that say nothing and challenges that follow from no proof: a verifier over it counts what it needs.
#[derive(Debug)]
pub struct Blank(Transcript);

impl Blank {
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(Transcript::new("blank"))
    }
}

impl Reading for Blank {
    type Value = K;

    fn receive(&mut self, _: &'static str) -> Result<K, Invalid> {
        Ok(K::ONE)
    }

    fn draw(&mut self, label: &'static str) -> K {
        self.0.draw(label)
    }

    fn multiply(&mut self, a: &K, b: &K) -> K {
        *a * *b
    }

    fn require_zero(&mut self, _: K, _: &'static str) -> Result<(), Invalid> {
        Ok(())
    }
}

/// What a verifier's run needs: pads, products (of variables that come before), and the six of the dummies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variables {
    pub pads: u32,
    pub products: Vec<(Variable, Variable)>,
}

/// Elements of two dummy triples.
pub(crate) const DUMMIES: u32 = 6;

impl Variables {
    /// How many there are in all.
    pub fn count(&self) -> u64 {
        u64::from(self.pads).saturating_add(self.products.len() as u64).saturating_add(u64::from(DUMMIES))
    }

    /// Where a variable stands in their column.
    pub(crate) fn position(&self, variable: Variable) -> usize {
        let base = match variable {
            Variable::Pad(_) => 0,
            Variable::Product(_) => self.pads as usize,
            Variable::Dummy(_) => (self.pads as usize).saturating_add(self.products.len()),
        };
        let (Variable::Pad(number) | Variable::Product(number) | Variable::Dummy(number)) = variable;
        base.saturating_add(number as usize)
    }
}

/// The variables' part of `sum zeta^i value_i`: with `<form, data> = value` for every claim, `form - variables = constants`. The column has
/// the shape `[variables, 3]`, an element of K being three cells times 1, X, X^2.
///
/// # Errors
/// When a value names a variable that does not exist.
pub fn pad_form(values: &[Affine], zeta: K, variables: &Variables, column: ColumnId) -> Result<FormTerm, Invalid> {
    let mut weights = vec![K::ZERO; variables.count() as usize];
    for (value, power) in values.iter().zip(zeta.powers()) {
        for &(variable, coefficient) in value.terms() {
            let weight = weights.get_mut(variables.position(variable));
            *weight.ok_or(Invalid::Circuit("a variable does not exist"))? += power * coefficient;
        }
    }
    let basis = (0..3).filter_map(<K as BasedVectorSpace<F>>::ith_basis_element).collect();
    let weights = vec![Arc::new(Weight::Dense(weights)), Arc::new(Weight::Dense(basis))];
    Ok(FormTerm { coefficient: -K::ONE, column, weights })
}

/// `sum over mask limbs j and rows i of z^((j + 1)(i + 1)) cell`, times `scale`.
pub fn mask_form(masks: &[(ColumnId, u64)], z: K, scale: K) -> Form {
    let term = |(&(column, rows), base): (&(ColumnId, u64), K)| {
        let weights = base.powers().skip(1).take(rows as usize).collect();
        FormTerm { coefficient: scale, column, weights: vec![Arc::new(Weight::Dense(weights))] }
    };
    masks.iter().zip(z.powers().skip(1)).map(term).collect()
}
