//! What is fuzzed: one function per kind of foreign bytes. Each takes any bytes; a panic is a finding.
//!
//! The fuzzer's binary calls them, and so does the replay of the kept corpus in `crates/proof/tests/corpus.rs`.

mod edited;
mod effort;
mod model;
mod vectors;

use tacit_circuit::{Circuit, digest};
use tacit_columns::Layout;
use tacit_proof::{HideSet, Key, Named, Receipt, VerifyingKey};

/// A target's name and its function.
pub type Target = (&'static str, fn(&[u8]));

pub const TARGETS: [Target; 6] = [
    ("receipt", receipt),
    ("key", key),
    ("circuit", circuit),
    ("verify", verify),
    ("edited", edited::edited),
    ("model", model::model),
];

/// What decodes as a receipt is the encoding of what was decoded.
fn receipt(bytes: &[u8]) {
    if let Ok(receipt) = Receipt::decode(bytes) {
        assert!(receipt.encode() == bytes, "another encoding of a receipt was accepted");
    }
}

/// The same of circuits, finished ones or not; what is accepted has a layout or a clear error.
fn circuit(bytes: &[u8]) {
    let Ok(circuit) = Circuit::decode(bytes) else {
        return;
    };
    assert!(circuit.encode() == bytes, "another encoding of a circuit was accepted");
    if circuit.parameters.log_rows > 0 {
        let _ = Layout::new(&circuit);
    } else if let Ok(finished) = tacit_proof::finish(bytes) {
        assert!(Circuit::decode(&finished).is_ok_and(|again| again.encode() == finished), "a finished circuit is none");
    }
}

/// The same of keys; the verifier's work on an accepted one, for any proof, ends soon.
fn key(bytes: &[u8]) {
    let Ok(key) = VerifyingKey::decode(bytes) else {
        return;
    };
    let parts = &key.key;
    let again = Key::encode(&parts.circuit_bytes, &parts.weights_root, parts.weights_seal);
    assert!(again == bytes, "another encoding of a key was accepted");
    assert!(parts.circuit.encode() == parts.circuit_bytes, "another encoding of a circuit was accepted");
    assert!(parts.circuit_digest == digest(&parts.circuit_bytes));
    effort::exert(&parts.circuit);
    // Where all tensors are hidden, no check ends the verifier's work before the opening.
    let hidden = HideSet { weights: true, publics: vec![true; parts.circuit.publics.len()] };
    let receipt = Receipt {
        circuit_digest: parts.circuit_digest,
        weights_root: parts.weights_root,
        hidden: Some(hidden),
        named: Vec::new(),
        publics: Vec::new(),
        context: Vec::new(),
        witness_root: [0; 32],
        proof: vec![0; 1 << 20],
    };
    assert!(key.verify(&receipt, b"").is_err(), "a proof of zeros is accepted");
    // Each in a commitment of its own.
    let bindings = 0..parts.circuit.publics.len() as u32;
    let named = bindings.map(|binding| Named { binding, root: [0; 32], seal: Default::default() }).collect();
    let receipt = Receipt { named, ..receipt };
    assert!(key.verify(&receipt, b"").is_err(), "a proof of zeros with commitments is accepted");
}

/// The keys of the golden vectors accept the receipts of the golden vectors and no other bytes.
fn verify(bytes: &[u8]) {
    let Ok(receipt) = Receipt::decode(bytes) else {
        return;
    };
    for model in vectors::models() {
        let accepted = model.key.verify(&receipt, &receipt.context).is_ok();
        let golden = vectors::models().iter().any(|other| other.file == model.file && other.receipts.contains(&bytes));
        assert!(accepted == golden, "{}: accepted {accepted}, golden {golden}", model.name);
    }
}
