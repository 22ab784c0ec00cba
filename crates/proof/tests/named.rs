//! Hidden tensors with commitments of their own: two receipts with one commitment speak of one tensor.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]

mod hidden;
mod toy;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use hidden::{everything, hide_named, model, set};
use tacit_algebra::progress::Progress;
use tacit_circuit::{Circuit, Home, check, digest};
use tacit_proof::{Key, Model, Named, Receipt, Refused, VerifyingKey, name_tensor};
use tacit_transcript::tamper::{How, with};
use tacit_transcript::{Invalid, Randomness};

const OPENING: &str = "the opening's last equation";

fn invalid(check: &'static str) -> Result<(), Refused> {
    Err(Refused::Proof(Invalid::Check(check)))
}

#[test]
fn any_hidden_tensors_have_commitments_of_their_own() {
    let (model, values, key) = model(0);
    for (publics, named) in [
        ([true, true], vec![(0, 1)]),
        ([true, true], vec![(1, 2)]),
        ([true, true], vec![(0, 1), (1, 2)]),
        ([true, false], vec![(0, 1)]),
        ([false, true], vec![(1, 2)]),
    ] {
        for weights in [true, false] {
            let receipt = hide_named(&model, &values, &set(weights, &publics), &named, 5);
            assert_eq!(key.verify(&receipt, b"context"), Ok(()), "{publics:?} {named:?}");
            assert!(key.verify(&receipt, b"another").is_err());
            assert_eq!(
                receipt.named.iter().map(|named| named.binding).collect::<Vec<_>>(),
                named.iter().map(|n| n.0).collect::<Vec<_>>()
            );
            let bytes = receipt.encode();
            assert_eq!(bytes[7..9], [3, 0]);
            assert_eq!(Receipt::decode(&bytes).as_ref(), Ok(&receipt));
        }
    }
}

/// The commitment depends on the tensor and its secret alone: not on the proof, the other tensor, or what else is hidden.
#[test]
fn one_tensor_and_one_secret_give_one_commitment() {
    let (model, values, key) = model(0);
    let alone = hide_named(&model, &values, &set(false, &[true, false]), &[(0, 1)], 5);
    let both = hide_named(&model, &values, &everything(), &[(0, 1), (1, 1)], 6);
    assert_eq!(alone.named[0], both.named[0]);
    assert_ne!(both.named[0].root, both.named[1].root);
    // Who reveals a tensor and its secret shows that they are what the receipt is about.
    let (buffers, progress) = (toy::buffers(0), Progress::default());
    let (x, z) = buffers.public.split_at(toy::IN as usize);
    let reveal = |binding, cells: &[u8], secret| {
        name_tensor(&model.circuit, binding, cells, &Randomness::new([secret; 32]), &progress)
    };
    assert_eq!(reveal(0, x, 1).as_ref(), Ok(&both.named[0]));
    assert_eq!(reveal(1, z, 1).as_ref(), Ok(&both.named[1]));
    assert_ne!(reveal(0, x, 2).as_ref(), Ok(&both.named[0]));
    assert_ne!(reveal(0, &[&x[1..], &x[..1]].concat(), 1).as_ref(), Ok(&both.named[0]));
    assert!(reveal(0, z, 1).is_err() && reveal(2, x, 1).is_err() && reveal(0, &x[1..], 1).is_err());
    let other_secret = hide_named(&model, &values, &everything(), &[(0, 2)], 6);
    assert_ne!(other_secret.named[0].root, alone.named[0].root);
    let (again, others, _) = hidden::model(1);
    let other_tensor = hide_named(&again, &others, &everything(), &[(0, 1)], 6);
    assert_ne!((other_tensor.named[0].root, other_tensor.named[0].seal), (alone.named[0].root, alone.named[0].seal));
    // A circuit of other weights and other relations, whose input is the same tensor.
    let mut circuit = model.circuit.clone();
    circuit.contracts[0].name = "another".into();
    let another =
        Model::setup_blinded(&circuit.encode(), &toy::buffers(0).weights, [7; 32], &Progress::default()).unwrap();
    let second = hide_named(&another, &values, &everything(), &[(0, 1)], 8);
    assert_eq!(second.named, alone.named);
    assert_eq!(VerifyingKey::decode(&another.key()).unwrap().verify(&second, b"context"), Ok(()));
    assert!(key.verify(&second, b"context").is_err());
}

/// A receipt is about the tensor that its commitment holds: cells changed anywhere make another receipt, or none.
#[test]
fn every_cell_of_a_named_tensor_matters() {
    let (model, honest, key) = model(2);
    let named = [(0, 1), (1, 2)];
    let receipt = hide_named(&model, &honest, &everything(), &named, 1);
    assert_eq!(key.verify(&receipt, b"context"), Ok(()));
    for (id, column) in model.circuit.columns.iter().enumerate().filter(|(_, c)| matches!(c.home, Home::Public)) {
        for cell in 0..honest.columns[id].len() {
            let mut values = honest.clone();
            values.columns[id][cell] += 1;
            assert!(check(&model.circuit, &values).is_err());
            let wrong = hide_named(&model, &values, &everything(), &named, 1);
            assert_eq!(key.verify(&wrong, b"context"), invalid(OPENING), "{}", column.name);
        }
    }
}

#[test]
fn a_commitment_of_another_tensor_or_seal_is_refused() {
    let (model, values, key) = model(0);
    let named = [(0, 1), (1, 2)];
    let receipt = hide_named(&model, &values, &everything(), &named, 5);
    let (again, others, _) = hidden::model(1);
    let other = hide_named(&again, &others, &everything(), &named, 5);
    let change = |edit: &dyn Fn(&mut Receipt)| {
        let mut changed = receipt.clone();
        edit(&mut changed);
        assert_ne!(changed, receipt);
        assert!(matches!(key.verify(&changed, b"context"), Err(Refused::Proof(_))));
    };
    change(&|receipt| receipt.named[0].root = other.named[0].root);
    change(&|receipt| receipt.named[0].seal = other.named[0].seal);
    change(&|receipt| receipt.named[0] = other.named[0].clone());
    change(&|receipt| receipt.named = other.named.clone());
    change(&|receipt| receipt.named[0].root = receipt.witness_root);
    change(&|receipt| receipt.named[0].binding = 1);
    change(&|receipt| receipt.named[0].binding = 2);
    change(&|receipt| receipt.named.truncate(1));
    change(&|receipt| receipt.named.clear());
    change(&|receipt| receipt.named.reverse());
    change(&|receipt| {
        let [first, second] = &mut receipt.named[..] else { return };
        (first.binding, second.binding) = (1, 0);
    });
    let plain = hide_named(&model, &values, &everything(), &[], 5);
    let adopted = Receipt { named: receipt.named.clone(), ..plain };
    assert!(key.verify(&adopted, b"context").is_err());
}

#[test]
fn every_byte_of_a_receipt_with_commitments_matters() {
    let (model, values, key) = model(0);
    let receipt = hide_named(&model, &values, &set(true, &[true, false]), &[(0, 4)], 1);
    assert_eq!(key.verify(&receipt, b"context"), Ok(()));
    let bytes = receipt.encode();
    let step = (bytes.len() / 150).max(1);
    for at in (0..bytes.len()).step_by(step).chain(0..220).chain(bytes.len() - 50..bytes.len()) {
        let mut altered = bytes.clone();
        altered[at] ^= 1 << (at % 8);
        if let Ok(parsed) = Receipt::decode(&altered) {
            assert!(key.verify(&parsed, b"context").is_err(), "byte {at}");
        }
    }
}

#[test]
fn malformed_lists_of_commitments_are_refused() {
    let (model, values, _) = model(0);
    let receipt = hide_named(&model, &values, &everything(), &[(0, 1), (1, 2)], 5);
    let wrong = |edit: &dyn Fn(&mut Vec<Named>)| {
        let mut changed = receipt.clone();
        edit(&mut changed.named);
        assert_eq!(Receipt::decode(&changed.encode()), Err(Invalid::NonCanonical("the named commitments")));
    };
    wrong(&|named| named.reverse());
    wrong(&|named| named[1].binding = 0);
    wrong(&|named| named[1].binding = 2);
    // Of a tensor that is shown.
    let shown = Receipt { hidden: Some(set(true, &[true, false])), ..receipt.clone() };
    assert_eq!(Receipt::decode(&shown.encode()), Err(Invalid::NonCanonical("the named commitments")));
    let bytes = receipt.encode();
    // Behind magic, kind, format, two digests, and the hide set of three bytes.
    let count = 6 + 1 + 2 + 64 + 4 + 3;
    assert_eq!(bytes[count..count + 4], [2, 0, 0, 0]);
    let with = |range: std::ops::Range<usize>, with: &[u8]| [&bytes[..range.start], with, &bytes[range.end..]].concat();
    let none = with(count..count + 4 + 120, &[0, 0, 0, 0]);
    assert_eq!(Receipt::decode(&none), Err(Invalid::NonCanonical("the named commitments")));
    let seal = count + 4 + 36;
    let large = with(seal..seal + 8, &u64::MAX.to_le_bytes());
    assert_eq!(Receipt::decode(&large), Err(Invalid::NonCanonical("the named commitments")));
    let many = with(count..count + 4, &u32::MAX.to_le_bytes());
    assert!(Receipt::decode(&many).is_err());
    // A receipt of one format under the number of another.
    for format in [1u8, 2, 4] {
        assert!(Receipt::decode(&with(7..8, &[format])).is_err());
    }
    let plain = hide_named(&model, &values, &everything(), &[], 5).encode();
    assert!(Receipt::decode(&[&plain[..7], &[3], &plain[8..]].concat()).is_err());
}

/// Axes of length 1 do not matter; the shape that a commitment cannot have is a unit test of `named`.
#[test]
fn provers_name_hidden_tensors_in_order() {
    let (model, values, key) = model(0);
    let receipt = hide_named(&model, &values, &everything(), &[(0, 1)], 5);
    let mut circuit: Circuit = key.key.circuit.clone();
    circuit.publics[0].shape = vec![toy::IN, 1];
    let same =
        VerifyingKey::decode(&Key::encode(&circuit.encode(), &receipt.weights_root, model.weights_seal())).unwrap();
    let adapted = Receipt { circuit_digest: digest(&circuit.encode()), ..receipt.clone() };
    assert!(matches!(same.verify(&adapted, b"context"), Err(Refused::Proof(Invalid::Check(_)))));
    let progress = Progress::default();
    let named = [(1, Randomness::new([1; 32])), (0, Randomness::new([2; 32]))];
    let fresh = Randomness::new([3; 32]);
    assert!(model.hide_values(&values, &everything(), &named, &fresh, b"", &progress).is_err());
    let named = [(0, Randomness::new([1; 32]))];
    assert!(model.hide_values(&values, &set(true, &[false, true]), &named, &fresh, b"", &progress).is_err());
}

/// Challenges and positions by label and number.
type Answers = Rc<RefCell<HashMap<(String, usize), Vec<u8>>>>;

/// At the same challenges and positions, another secret shows other values of the same tensor, at every position.
#[test]
fn opened_rows_of_a_named_commitment_depend_on_its_secret() {
    let (model, values, _) = model(0);
    let fixed: Answers = Rc::default();
    let rows = |secret: u8| -> (Vec<u8>, Receipt) {
        let (fixed, found) = (Rc::clone(&fixed), Rc::new(RefCell::new(Vec::new())));
        let kept = Rc::clone(&found);
        let hook = move |how, label: &str, number, bytes: &mut Vec<u8>| match how {
            How::Drawn | How::Positions => {
                let mut fixed = fixed.borrow_mut();
                bytes.clone_from(fixed.entry((label.to_string(), number)).or_insert_with(|| bytes.clone()));
            }
            How::Sent if (label, number) == ("opening: rows", 0) => kept.borrow_mut().clone_from(bytes),
            _ => {}
        };
        let receipt = with(hook, || hide_named(&model, &values, &everything(), &[(0, secret)], 5));
        let rows = found.borrow().clone();
        (rows, receipt)
    };
    let _ = hide_named(&model, &values, &everything(), &[(0, 1)], 5);
    let ((first, receipt), (second, other)) = (rows(1), rows(2));
    assert_eq!(first.len(), second.len());
    assert_ne!(receipt.named[0].seal, other.named[0].seal);
    // The named tensor has one limb, whose word is the last of a row.
    let queries = usize::from(model.circuit.parameters.queries[0]);
    let width = first.len() / queries;
    assert_eq!(first.len() % queries, 0);
    for (a, b) in first.chunks_exact(width).zip(second.chunks_exact(width)) {
        assert_eq!(a[..width - 8], b[..width - 8]);
        assert_ne!(a[width - 8..], b[width - 8..]);
    }
}
