//! Proofs that hide are as sound as the others: cells, bytes, statements and steps of the prover changed.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]

mod hidden;
mod toy;

use std::collections::BTreeSet;

use hidden::{Step, everything, hide, model, set, steps};
use tacit_algebra::P;
use tacit_algebra::progress::Progress;
use tacit_circuit::{Circuit, Home, check};
use tacit_proof::{HideSet, Key, Model, Receipt, Refused, VerifyingKey, finish};
use tacit_transcript::Invalid;
use tacit_transcript::tamper::{How, with};

/// Every cell that a hiding proof commits to, hidden tensors included, changed by one; so is every weight after its commitment.
#[test]
fn every_cell_matters() {
    let (model, honest, key) = model(2);
    assert_eq!(key.verify(&hide(&model, &honest, &everything(), 1), b"context"), Ok(()));
    let mut changed = 0;
    for (id, column) in model.circuit.columns.iter().enumerate() {
        let step = match column.home {
            Home::Virtual(_) => continue,
            Home::Count => 16,
            _ => 1,
        };
        for cell in (0..honest.columns[id].len()).step_by(step) {
            let delta = if cell % 2 == 0 { 1 } else { -1 };
            let mut values = honest.clone();
            values.columns[id][cell] += delta;
            // Another weight may be as good; it is not the one that was committed to.
            let weight = matches!(column.home, Home::Weights);
            assert!(weight || check(&model.circuit, &values).is_err(), "the oracle accepts a changed cell");
            let receipt = hide(&model, &values, &everything(), 1);
            assert!(key.verify(&receipt, b"context").is_err(), "column {}, cell {cell}, {delta}", column.name);
            changed += 1;
        }
    }
    assert_eq!(changed, 5 + 15 + 3 + 9 + 3 + 3 + 3 + 1 + 32 + 32);
}

#[test]
fn every_byte_of_a_receipt_matters() {
    let (model, values, key) = model(0);
    let receipt = hide(&model, &values, &set(true, &[true, false]), 1);
    assert_eq!(key.verify(&receipt, b"context"), Ok(()));
    let bytes = receipt.encode();
    let step = (bytes.len() / 200).max(1);
    for at in (0..bytes.len()).step_by(step).chain(0..200).chain(bytes.len() - 50..bytes.len()) {
        let mut altered = bytes.clone();
        altered[at] ^= 1 << (at % 8);
        if let Ok(parsed) = Receipt::decode(&altered) {
            assert!(key.verify(&parsed, b"context").is_err(), "byte {at}");
        }
    }
    for cut in [0, 1, 8, 9, 40, 80, bytes.len() / 2, bytes.len() - 1] {
        assert!(Receipt::decode(&bytes[..cut]).map_or(true, |parsed| key.verify(&parsed, b"context").is_err()));
    }
    let mut longer = receipt;
    longer.proof.push(0);
    assert_eq!(key.verify(&longer, b"context"), Err(Refused::Proof(Invalid::Trailing("the proof"))));
}

/// What a receipt says about what it hides is a part of its statement.
#[test]
fn a_receipt_with_another_hide_set_is_refused() {
    let (model, values, key) = model(0);
    let buffers = toy::buffers(0);
    let (x, z) = buffers.public.split_at(toy::IN as usize);
    let shown = |set: &HideSet| -> Vec<Vec<u8>> {
        [x, z].iter().zip(&set.publics).filter(|(_, hidden)| !**hidden).map(|(public, _)| public.to_vec()).collect()
    };
    let all = |bits: usize| set(bits & 1 == 1, &[bits & 2 == 2, bits & 4 == 4]);
    let transparent = model.prove_values(&values, b"context", &Progress::default()).unwrap();
    assert_eq!(transparent.publics, [x, z]);
    for own in 1..8 {
        let receipt = hide(&model, &values, &all(own), 3);
        assert_eq!((receipt.hidden.clone(), &receipt.publics), (Some(all(own)), &shown(&all(own))));
        assert_eq!(key.verify(&receipt, b"context"), Ok(()));
        for other in (1..8).filter(|&other| other != own) {
            // With the publics as they were, and with those that the other set shows.
            let mut changed = receipt.clone();
            changed.hidden = Some(all(other));
            assert!(key.verify(&changed, b"context").is_err(), "{own} as {other}");
            changed.publics = shown(&all(other));
            assert!(key.verify(&changed, b"context").is_err(), "{own} as {other}");
        }
        let as_transparent = Receipt { hidden: None, publics: vec![x.to_vec(), z.to_vec()], ..receipt.clone() };
        assert!(key.verify(&as_transparent, b"context").is_err());
        let as_hiding = Receipt { hidden: Some(all(own)), publics: shown(&all(own)), ..transparent.clone() };
        assert!(key.verify(&as_hiding, b"context").is_err());
        // Sets of another circuit.
        for publics in [&[true][..], &[true, false, true], &[]] {
            let foreign = Receipt { hidden: Some(set(true, publics)), ..receipt.clone() };
            assert!(key.verify(&foreign, b"context").is_err());
        }
        // A public tensor more, or with another value.
        let mut more = receipt.clone();
        more.publics.push(x.to_vec());
        let wanted = receipt.publics.len();
        assert_eq!(key.verify(&more, b"context"), Err(Refused::PublicCount { found: wanted + 1, wanted }));
        for tensor in 0..receipt.publics.len() {
            let mut changed = receipt.clone();
            changed.publics[tensor][0] ^= 1;
            assert!(key.verify(&changed, b"context").is_err());
        }
    }
    assert_eq!(HideSet::decode(&[0, 0, 0]), Err(Invalid::NonCanonical("the hide set")));
    assert_eq!(HideSet::decode(&[1, 2, 0]), Err(Invalid::NonCanonical("the hide set")));
    assert_eq!(HideSet::decode(&[]), Err(Invalid::NonCanonical("the hide set")));
}

/// Neither side takes a commitment for hiding that is not.
#[test]
fn commitments_that_cannot_hide_make_no_hiding_receipt() {
    let buffers = toy::buffers(0);
    let progress = Progress::default();
    let unblinded = finish(&toy::circuit().encode()).unwrap();
    let plain = Model::setup(&unblinded, &buffers.weights, &progress).unwrap();
    let error = plain.prove_hiding(&buffers.public, &buffers.witness, &everything(), &[], b"", &progress).unwrap_err();
    assert!(error.to_string().contains("secret seed"), "{error}");
    let seeded = Model::setup_blinded(&unblinded, &buffers.weights, [1; 32], &progress).unwrap();
    let error = seeded.prove_hiding(&buffers.public, &buffers.witness, &everything(), &[], b"", &progress).unwrap_err();
    assert!(error.to_string().contains("cannot hide"), "{error}");
    // A key with less salt or fewer uniform rows than a proof needs.
    let (model, values, _) = model(0);
    let receipt = hide(&model, &values, &everything(), 1);
    let weakened: [fn(&mut Circuit); 4] = [
        |circuit| circuit.parameters.salt = 12,
        |circuit| circuit.parameters.folds[0] = 1,
        |circuit| circuit.parameters.reserved = 1,
        // Rows for one proof and the key's seal, but one too few for six limbs with masks.
        |circuit| circuit.parameters.reserved = u32::from(circuit.parameters.queries[0]) + 20,
    ];
    for weaken in weakened {
        let mut circuit = model.circuit.clone();
        weaken(&mut circuit);
        let key =
            VerifyingKey::decode(&Key::encode(&circuit.encode(), &receipt.weights_root, model.weights_seal())).unwrap();
        let adapted = Receipt { circuit_digest: key.key.circuit_digest, ..receipt.clone() };
        let refused = Refused::Proof(Invalid::Circuit("its commitments cannot hide"));
        assert_eq!(key.verify(&adapted, b"context"), Err(refused));
    }
}

/// One word, position or byte of a step changed; words stay below p.
fn altered(step: &Step) -> Vec<u8> {
    let mut bytes = step.bytes.clone();
    match step.how {
        How::Positions => {
            let words: BTreeSet<u64> = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
            let free = (0..).find(|word| !words.contains(word)).unwrap();
            let words: BTreeSet<u64> = words.iter().copied().skip(1).chain([free]).collect();
            return words.iter().flat_map(|word| word.to_le_bytes()).collect();
        }
        How::Sent | How::Drawn if step.label != "opening: oracle" => {
            let word = bytes.len() / 16 * 8;
            let cell = &mut bytes[word..word + 8];
            let value = u64::from_le_bytes(cell.try_into().unwrap());
            cell.copy_from_slice(&((value + 1) % P).to_le_bytes());
        }
        _ => {
            let middle = bytes.len() / 2;
            bytes.iter_mut().skip(middle).take(1).for_each(|byte| *byte ^= 1);
        }
    }
    bytes
}

/// A prover that is honest but for one step, and goes on honestly after it: at most `most` steps of one kind, all over the proof. A step
/// that changes nothing is one whose outcome nobody uses. Returns the steps that were refused.
fn alter(most: usize) -> Vec<(How, String)> {
    let (model, values, key) = model(0);
    let honest = hide(&model, &values, &everything(), 7);
    let (mut idle, mut refused) = (BTreeSet::new(), Vec::new());
    let all = steps(&model, &values, 7);
    let kind = |step: &Step| (step.how, step.label.clone());
    for step in &all {
        let alike = all.iter().filter(|other| kind(other) == kind(step)).count();
        let (bytes, last) = (altered(step), step.number + 1 == alike);
        if bytes == step.bytes || !(last || step.number % alike.div_ceil(most) == 0) {
            continue;
        }
        let target = step.clone();
        let hook = move |how, label: &str, number, message: &mut Vec<u8>| {
            if (how, label, number) == (target.how, target.label.as_str(), target.number) {
                message.clone_from(&bytes);
            }
        };
        let receipt = with(hook, || hide(&model, &values, &everything(), 7));
        if receipt == honest {
            idle.insert(step.label.clone());
        } else {
            assert!(key.verify(&receipt, b"context").is_err(), "{:?} {}", kind(step), step.number);
            refused.push(kind(step));
        }
    }
    // What the prover draws and only its own reading uses; the last lambda and fold, which nobody does.
    assert_eq!(idle, ["combine", "mask combine", "opening: fold", "tree lambda"].map(String::from).into());
    refused
}

#[test]
fn every_kind_of_step_of_a_hiding_proof_altered() {
    let refused = alter(12);
    let sent = ["tree round", "contract value", "triples: round", "triples: value", "mask value", "opening: rows"];
    let drawn = ["triples: tau", "triples: challenge", "mask point", "lookup alpha"];
    let kinds = sent.map(|label| (How::Sent, label)).into_iter().chain(drawn.map(|label| (How::Drawn, label)));
    for (how, label) in kinds.chain([(How::Absorbed, "hidden"), (How::Absorbed, "witness commitment")]) {
        assert!(refused.contains(&(how, label.to_string())), "{label}");
    }
}

#[test]
#[ignore = "every step: half a minute"]
fn every_step_of_a_hiding_proof_altered() {
    assert!(alter(usize::MAX).len() > 500);
}
