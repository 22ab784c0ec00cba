//! A model whose prover can be made to cheat at any step of the transcript.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, dead_code)]

use std::cell::RefCell;
use std::rc::Rc;

use tacit_algebra::progress::Progress;
use tacit_circuit::Values;
use tacit_proof::{Model, Receipt, Refused, VerifyingKey, finish};
use tacit_transcript::tamper::{How, with};

use crate::{every, toy};

/// A model, its key, and the columns of one input.
pub struct Subject {
    pub model: Model,
    pub key: VerifyingKey,
    pub values: Values,
}

#[derive(Debug, Clone)]
pub struct Step {
    pub how: How,
    pub label: String,
    pub number: usize,
    pub bytes: Vec<u8>,
}

impl Subject {
    fn new(circuit: &[u8], weights: &[u8], public: &[u8], witness: &[u8]) -> Self {
        let model = Model::setup(circuit, weights, &Progress::default()).unwrap();
        let values = model.values(public, witness).unwrap();
        let key = VerifyingKey::decode(&model.key()).unwrap();
        Self { model, key, values }
    }

    pub fn toy() -> Self {
        let buffers = toy::buffers(0);
        let circuit = finish(&toy::circuit().encode()).unwrap();
        Self::new(&circuit, &buffers.weights, &buffers.public, &buffers.witness)
    }

    pub fn every(input: usize) -> Self {
        let case = every::case(input);
        Self::new(&case.circuit.encode(), &case.weights, &case.public, &case.witness)
    }

    /// The receipt of a prover whose steps pass through the hook.
    pub fn prove(&self, values: &Values, hook: impl FnMut(How, &str, usize, &mut Vec<u8>) + 'static) -> Receipt {
        with(hook, || self.model.prove_values(values, b"context", &Progress::default()).unwrap())
    }

    pub fn verdict(
        &self,
        values: &Values,
        hook: impl FnMut(How, &str, usize, &mut Vec<u8>) + 'static,
    ) -> Result<(), Refused> {
        self.key.verify(&self.prove(values, hook), b"context")
    }

    /// The steps of the honest proof.
    pub fn steps(&self) -> Vec<Step> {
        let steps = Rc::new(RefCell::new(Vec::new()));
        let kept = Rc::clone(&steps);
        let record = move |how, label: &str, number, bytes: &mut Vec<u8>| {
            kept.borrow_mut().push(Step { how, label: label.into(), number, bytes: bytes.clone() });
        };
        assert_eq!(self.verdict(&self.values, record), Ok(()));
        steps.take()
    }
}
