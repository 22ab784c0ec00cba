//! Nothing that is hashed for one purpose is what is hashed for another one.
#![allow(clippy::unwrap_used)]

use tacit_transcript::merkle::{leaf, node};
use tacit_transcript::{Digest, Transcript, keccak256};

fn after(steps: &[(&str, &[u8])]) -> Vec<u64> {
    let mut transcript = Transcript::new("test");
    steps.iter().for_each(|(label, message)| transcript.absorb(label, message));
    transcript.positions("positions", 60, 4)
}

#[test]
fn frames_separate_label_and_message() {
    assert_ne!(after(&[("label", b"message")]), after(&[("labelm", b"essage")]));
    assert_ne!(after(&[("label", b"")]), after(&[("", b"label")]));
    assert_ne!(after(&[("label", b"message")]), after(&[("label", b"mess"), ("label", b"age")]));
    assert_ne!(after(&[("label", b"")]), after(&[]));
}

#[test]
fn draws_differ() {
    let mut transcript = Transcript::new("test");
    let (first, second, other) = (transcript.draw("one"), transcript.draw("one"), transcript.draw("two"));
    assert!(first != second && second != other && first != other);
    let mut again = Transcript::new("test");
    assert_ne!(again.draw("two"), first);
    let mut absorbed = Transcript::new("test");
    absorbed.absorb("one", b"");
    assert_ne!(absorbed.draw("one"), first);
}

#[test]
fn a_node_is_no_leaf() {
    let (left, right): (Digest, Digest) = ([1; 32], [2; 32]);
    assert_ne!(leaf(&[], &[left, right].concat()), node(&left, &right));
    assert_ne!(leaf(&left, &right), node(&left, &right));
}

/// `docs/transcript.md`: leaf, node, absorption, draw, start begin with 0, 1, 2, 3, 4.
#[test]
fn first_bytes_are_distinct() {
    let frame = |bytes: &[u8]| [&(bytes.len() as u64).to_le_bytes(), bytes].concat();
    let state = keccak256(&[&[2], &keccak256(&[&[4], b"test"]), &frame(b"label"), &frame(b"message")]);
    let block = keccak256(&[&[3], &state, &0u64.to_le_bytes(), &frame(b"positions")]);
    let mut words: Vec<u64> = block.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word) << 4 >> 4).collect();
    words.sort_unstable();
    assert_eq!(after(&[("label", b"message")]), words);
    assert_eq!(leaf(b"salt", b"row"), keccak256(&[&[0], b"salt", b"row"]));
    assert_eq!(node(&[1; 32], &[2; 32]), keccak256(&[&[1], &[1; 32], &[2; 32]]));
}
