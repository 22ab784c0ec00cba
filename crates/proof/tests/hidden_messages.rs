//! What the messages of a proof that hides have to do with each other: nothing.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]

mod hidden;
mod toy;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use hidden::{Step, everything, hide, model, steps};
use tacit_algebra::{K, from_bytes};
use tacit_circuit::Values;
use tacit_proof::Model;
use tacit_transcript::tamper::{How, with};

fn sent(steps: Vec<Step>) -> Vec<Step> {
    steps.into_iter().filter(|step| step.how == How::Sent).collect()
}

#[test]
fn two_proofs_of_one_input_share_no_message() {
    let (model, values, key) = model(0);
    let receipts = [1, 2].map(|fresh| hide(&model, &values, &everything(), fresh));
    assert!(receipts.iter().all(|receipt| key.verify(receipt, b"context") == Ok(())));
    assert_ne!(receipts[0].witness_root, receipts[1].witness_root);
    let [first, second] = [1, 2].map(|fresh| sent(steps(&model, &values, fresh)));
    assert_eq!(first.len(), second.len());
    for (a, b) in first.iter().zip(&second) {
        assert_eq!(a.label, b.label);
        // Rows of the weights at one position are those of one commitment.
        let whole = a.label == "opening: rows";
        let size = if whole { a.bytes.len() } else { 8 };
        assert!(a.bytes.chunks(size).zip(b.bytes.chunks(size)).all(|(a, b)| a != b), "{} {}", a.label, a.number);
    }
    // The system's randomness, not a constant's.
    let buffers = toy::buffers(0);
    let own = || {
        let progress = tacit_algebra::progress::Progress::default();
        model.prove_hiding(&buffers.public, &buffers.witness, &everything(), &[], b"context", &progress).unwrap()
    };
    assert_ne!(own().witness_root, own().witness_root);
}

type Fixed = Rc<RefCell<HashMap<(How, String, usize), Vec<u8>>>>;

/// The padded messages of a proof whose challenges are those of the first one.
fn padded(model: &Model, values: &Values, fresh: u8, fixed: &Fixed) -> Vec<K> {
    let messages = Rc::new(RefCell::new(Vec::new()));
    let (kept, fixed) = (Rc::clone(&messages), Rc::clone(fixed));
    let hook = move |how, label: &str, number, bytes: &mut Vec<u8>| match how {
        How::Drawn | How::Positions => {
            let mut fixed = fixed.borrow_mut();
            bytes.clone_from(fixed.entry((how, label.to_string(), number)).or_insert_with(|| bytes.clone()));
        }
        How::Sent if !label.starts_with("opening") && !label.starts_with("mask") && !label.starts_with("triples") => {
            kept.borrow_mut().push(from_bytes(bytes.as_slice().try_into().unwrap()).unwrap());
        }
        _ => {}
    };
    with(hook, || hide(model, values, &everything(), fresh));
    messages.take()
}

/// With the same challenges a message is a function of the columns plus a pad that depends on the randomness alone; no pad serves twice.
#[test]
fn every_message_is_one_time_padded() {
    let (model, values, _) = model(0);
    let mut other = values.clone();
    for (id, _) in model.circuit.columns.iter().enumerate() {
        other.columns[id].iter_mut().for_each(|cell| *cell += 3);
    }
    // The first proof counts pads by a run of the verifier, which draws too.
    let _ = hide(&model, &values, &everything(), 1);
    let fixed = Fixed::default();
    let [a, b] = [1, 2].map(|fresh| padded(&model, &values, fresh, &fixed));
    let [c, d] = [1, 2].map(|fresh| padded(&model, &other, fresh, &fixed));
    let differences: Vec<K> = a.iter().zip(&b).map(|(&a, &b)| a - b).collect();
    let others: Vec<K> = c.iter().zip(&d).map(|(&c, &d)| c - d).collect();
    let unlike = differences.iter().zip(&others).filter(|(one, other)| one != other).count();
    assert_eq!((a.len(), unlike), (c.len(), 0), "a message is no sum of a function of the columns and a pad");
    assert!(differences.iter().enumerate().all(|(i, pad)| !differences[i + 1..].contains(pad)));
    // Without pads the messages would be the same or not by what was changed.
    assert!(a.iter().zip(&c).any(|(a, c)| a != c) && a.iter().zip(&b).all(|(a, b)| a != b));
}
