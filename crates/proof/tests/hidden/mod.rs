//! A model whose proofs hide, with chosen randomness, and whose prover can be made to cheat at any step of the transcript.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, dead_code)]

use std::cell::RefCell;
use std::rc::Rc;

use tacit_algebra::progress::Progress;
use tacit_circuit::Values;
use tacit_proof::{HideSet, Model, Receipt, VerifyingKey, Wanted, finish_with};
use tacit_transcript::Randomness;
use tacit_transcript::tamper::{How, with};

use crate::toy;

pub fn set(weights: bool, publics: &[bool]) -> HideSet {
    HideSet { weights, publics: publics.to_vec() }
}

/// Weights and both tensors of the toy.
pub fn everything() -> HideSet {
    set(true, &[true, true])
}

/// A model of the toy, all columns of one input, and the key.
pub fn model(seed: i64) -> (Model, Values, VerifyingKey) {
    let buffers = toy::buffers(seed);
    let circuit = finish_with(&toy::circuit().encode(), &Wanted { openings: 2, ..Wanted::default() }).unwrap();
    let model = Model::setup_blinded(&circuit, &buffers.weights, [9; 32], &Progress::default()).unwrap();
    let values = model.values(&buffers.public, &buffers.witness).unwrap();
    let key = VerifyingKey::decode(&model.key()).unwrap();
    (model, values, key)
}

/// The receipt of a prover who is honest but for its columns.
pub fn hide(model: &Model, values: &Values, set: &HideSet, fresh: u8) -> Receipt {
    hide_named(model, values, set, &[], fresh)
}

/// As [`hide`], with commitments of single tensors: bindings and what the secret of each repeats.
pub fn hide_named(model: &Model, values: &Values, set: &HideSet, named: &[(u32, u8)], fresh: u8) -> Receipt {
    let named: Vec<_> = named.iter().map(|&(binding, secret)| (binding, Randomness::new([secret; 32]))).collect();
    model.hide_values(values, set, &named, &Randomness::new([fresh; 32]), b"context", &Progress::default()).unwrap()
}

#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub how: How,
    pub label: String,
    pub number: usize,
    pub bytes: Vec<u8>,
}

/// The steps of an honest proof of these columns, but for what the prover does when it reads its own messages as a verifier.
pub fn steps(model: &Model, values: &Values, fresh: u8) -> Vec<Step> {
    let steps = Rc::new(RefCell::new(Vec::new()));
    let kept = Rc::clone(&steps);
    let record = move |how, label: &str, number, bytes: &mut Vec<u8>| {
        kept.borrow_mut().push(Step { how, label: label.into(), number, bytes: bytes.clone() });
    };
    // The first proof with a hide set counts pads by a run of the verifier, whose steps are none of the proof's.
    let _ = hide(model, values, &everything(), fresh);
    with(record, || hide(model, values, &everything(), fresh));
    let mut steps = steps.take();
    let sent = steps.iter().position(|step| step.label == "mask combine").unwrap();
    let opened = steps.iter().position(|step| step.label == "opening: schedule").unwrap();
    steps.drain(sent + 1..opened);
    steps
}
