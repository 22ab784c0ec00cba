//! Keys made in bad faith: one tree over a word of which half of the rows are those of one model's codeword, and half those of another's.
//! Each of the two has receipts whose opened rows are all its own, when queries happen to hit these; the key's seal decides for one.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod case;
mod forger;
mod toy;

use case::{Case, case, check};
use forger::{Commitment, Forger};
use tacit_algebra::K;
use tacit_proof::{Key, Receipt, Refused, VerifyingKey};
use tacit_transcript::tamper::{How, with};

/// Runs with queries to the rows of one parity alone.
fn hitting<T>(parity: u64, count: usize, run: impl FnOnce() -> T) -> T {
    let positions: Vec<u8> = (0..count as u64).flat_map(|i| (2 * i + parity).to_le_bytes()).collect();
    let hook = move |how, _: &str, _: usize, bytes: &mut Vec<u8>| {
        if how == How::Positions {
            bytes.clone_from(&positions);
        }
    };
    with(hook, run)
}

/// What a key with this root and seal says to a receipt of one of the models.
fn verdict(case: &Case, weights: &Commitment, seal: K, parity: u64) -> Result<(), Refused> {
    let key = Key::encode(&case.key.key.circuit_bytes, &weights.root(), seal);
    let key = VerifyingKey::decode(&key).unwrap();
    let forger = Forger::new(&key);
    let witness = forger.commit(1, &case.values);
    let statement = forger.statement(&case.values, weights, &witness);
    hitting(parity, forger.schedule.queries()[0], || {
        let claimed = forger.claim(&statement, &case.values);
        let proof = forger.open(&statement, claimed, [weights, &witness], [weights, &witness]);
        key.verify(&Receipt { proof, ..statement }, b"context")
    })
}

#[test]
fn a_key_is_one_model_though_its_tree_is_close_to_two() {
    let cases = [case(0), case(1)];
    assert_eq!(cases[0].key.key.circuit_bytes, cases[1].key.key.circuit_bytes);
    let honest = cases.each_ref().map(|case| case.forger.commit(0, &case.values));
    for (case, honest) in cases.iter().zip(&honest) {
        assert_eq!((honest.root(), honest.seal()), (case.key.key.weights_root, case.key.key.weights_seal));
    }
    let [even, odd] = &honest;
    let mixed = even.mixed(odd);
    assert_eq!(mixed[0].root(), mixed[1].root());
    let seals = mixed.each_ref().map(Commitment::seal);
    assert_ne!(seals[0], seals[1]);
    for (parity, (case, weights)) in (0..).zip(cases.iter().zip(&mixed)) {
        let (own, other) = (seals[parity as usize], seals[1 - parity as usize]);
        assert_eq!(verdict(case, weights, own, parity), Ok(()), "model {parity}");
        assert_eq!(verdict(case, weights, other, parity), check("the opening's last equation"), "model {parity}");
        assert_eq!(verdict(case, weights, own, 1 - parity), check("the final polynomial"), "rows of the other model");
    }
}
