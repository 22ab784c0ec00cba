//! Proofs that hide: complete, and as sound as the others.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]

mod toy;

use tacit_algebra::progress::Progress;
use tacit_circuit::Circuit;
use tacit_proof::{HideSet, Model, Receipt, VerifyingKey, Wanted, finish_with};

fn set(weights: bool, publics: &[bool]) -> HideSet {
    HideSet { weights, publics: publics.to_vec() }
}

fn model(seed: i64, openings: u32) -> Model {
    let circuit = finish_with(&toy::circuit().encode(), &Wanted { openings, ..Wanted::default() }).unwrap();
    Model::setup_blinded(&circuit, &toy::buffers(seed).weights, [9; 32], &Progress::default()).unwrap()
}

fn hide(model: &Model, seed: i64, set: &HideSet) -> Receipt {
    let buffers = toy::buffers(seed);
    model.prove_hiding(&buffers.public, &buffers.witness, set, &[], b"context", &Progress::default()).unwrap()
}

/// All hide sets of the toy's bindings.
fn sets(circuit: &Circuit) -> Vec<HideSet> {
    let count = circuit.publics.len();
    (1..2usize << count)
        .map(|bits| set(bits & 1 == 1, &(1..=count).map(|b| bits >> b & 1 == 1).collect::<Vec<_>>()))
        .collect()
}

#[test]
fn every_hide_set_is_proved_and_verified() {
    let model = model(0, 2);
    let key = VerifyingKey::decode(&model.key()).unwrap();
    for set in sets(&model.circuit) {
        let receipt = hide(&model, 0, &set);
        assert_eq!(key.verify(&receipt, b"context"), Ok(()), "{set:?}");
        assert_eq!(receipt.publics.len(), set.publics.iter().filter(|hidden| !**hidden).count());
        let bytes = receipt.encode();
        assert_eq!(Receipt::decode(&bytes).unwrap(), receipt);
    }
    // The same commitment serves transparent proofs.
    let buffers = toy::buffers(0);
    let receipt = model.prove(&buffers.public, &buffers.witness, b"context", &Progress::default()).unwrap();
    assert_eq!(key.verify(&receipt, b"context"), Ok(()));
}
