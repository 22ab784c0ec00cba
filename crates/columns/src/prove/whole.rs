//! The part of a form that reads whole limbs: a vector of weights as long as a limb, and never held.

use tacit_algebra::K;
use tacit_algebra::field::PrimeCharacteristicRing;

use crate::{Form, Layout, Weight};

/// The weight `scalars[address] * base^row` of every row of the limb at every address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowersOfRows {
    pub base: K,
    /// By address; zero where the form reads no whole limb.
    pub scalars: Vec<K>,
}

impl Layout {
    /// The form's weights that [`Layout::weights`] leaves out; `None` where there are none.
    ///
    /// # Panics
    /// When the form has two such parts, or one that is not of powers: no verifier makes one.
    pub fn powers_of_rows(&self, form: &Form) -> Option<PowersOfRows> {
        let mut terms = form.iter().filter(|term| term.column == self.whole().column());
        let term = terms.next()?;
        assert!(terms.next().is_none(), "a form reads whole limbs once");
        let base = |axis: usize| match &*term.weights[axis] {
            Weight::Powers { base, .. } => Some(*base),
            _ => None,
        };
        let [step, base] = [0, 1].map(|axis| base(axis).expect("a form reads whole limbs at powers"));
        let mut scalars = vec![K::ZERO; 1 << self.log_limbs()];
        for (block, power) in self.whole().blocks().iter().zip(step.powers()) {
            scalars[block.address as usize] = term.coefficient * power;
        }
        Some(PowersOfRows { base, scalars })
    }
}
