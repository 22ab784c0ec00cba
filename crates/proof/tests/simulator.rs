//! Zero knowledge in code: a simulator that makes accepting transcripts from the statement alone, per protocol and for whole receipts,
//! when the hash answers as it was programmed to; and the exact comparison with real ones (`docs/hiding.md`, "The simulator").
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]

#[path = "simulator/cases.rs"]
mod cases;
mod every;
#[path = "simulator/messages.rs"]
mod messages;
#[path = "simulator/opening.rs"]
mod opening;
#[path = "simulator/oracle.rs"]
mod oracle;
#[path = "simulator/pads.rs"]
mod pads;
#[path = "simulator/protocols.rs"]
mod protocols;
mod toy;
mod view;
#[path = "simulator/whole.rs"]
mod whole;

use std::collections::BTreeSet;

use cases::Case;
use oracle::{Oracle, Step};
use tacit_algebra::progress::Progress;
use tacit_proof::{HideSet, Key, Receipt, Refused, VerifyingKey};
use tacit_transcript::tamper::How;
use tacit_transcript::{Invalid, Randomness};
use whole::{Simulator, Statement, Weights};

fn set(weights: bool, input: bool, output: bool) -> HideSet {
    HideSet { weights, publics: vec![input, output] }
}

/// A simulated receipt, its steps, its key and the oracle.
struct Simulated {
    receipt: Receipt,
    steps: Vec<Step>,
    key: VerifyingKey,
    oracle: Oracle,
}

fn simulate(statement: Statement, weights: impl FnOnce(&Oracle) -> Weights, seed: u64, solved: bool) -> Simulated {
    let circuit = statement.circuit.clone();
    let simulator = Simulator::new(statement);
    let oracle = Oracle::new(seed, Some(&simulator.schedule));
    let weights = weights(&oracle);
    let (receipt, steps) = simulator.receipt(&weights, &oracle, seed, solved);
    let (_, root, seal) = simulator.weights(&weights, seed);
    let key = VerifyingKey::decode(&Key::encode(&circuit, &root, seal)).unwrap();
    Simulated { receipt, steps, key, oracle }
}

impl Simulated {
    fn verdict(&self, oracle: &Oracle) -> Result<(), Refused> {
        oracle.run(|| self.key.verify(&self.receipt, b"context"))
    }

    /// Accepted under its oracle, and refused by the same verifier without.
    fn check(&self) {
        assert_eq!(Receipt::decode(&self.receipt.encode()).as_ref(), Ok(&self.receipt));
        assert_eq!(self.verdict(&self.oracle), Ok(()));
        let refused = self.key.verify(&self.receipt, b"context");
        assert!(matches!(refused, Err(Refused::Proof(Invalid::Check(_)))), "{refused:?}");
        let other = Oracle::new(1 << 40, None);
        assert!(other.without("opening: queries").run(|| self.key.verify(&self.receipt, b"context")).is_err());
    }
}

/// The commitment to the weights is made up too: key and receipt together say nothing.
#[test]
fn whole_receipts_without_weights_inputs_or_witness() {
    for (number, case) in (1..).zip([cases::toy(), cases::every()]) {
        for (more, set) in (1..).zip([set(true, false, false), set(true, true, false), set(true, true, true)]) {
            simulate(case.statement(&set), |_| Weights::MadeUp(7), 10 * number + more, true).check();
        }
    }
}

/// One made-up commitment, as many receipts as its rows are for: other statements, other hide sets, other challenges.
#[test]
fn several_receipts_under_one_made_up_key() {
    let case = cases::every();
    let sets = [set(true, true, true), set(true, true, false)];
    let both = [0, 1].map(|i| simulate(case.statement(&sets[i]), |_| Weights::MadeUp(8), 90 + i as u64, true));
    both.iter().for_each(Simulated::check);
    assert_eq!(both[0].key.key, both[1].key.key);
    assert_ne!(both[0].receipt.witness_root, both[1].receipt.witness_root);
    assert_ne!(both[0].key.key.weights_root, case.key().key.weights_root);
}

/// Tensors with commitments of their own are made up too, and one made-up commitment serves several receipts.
#[test]
fn whole_receipts_with_named_commitments() {
    for (seed, case) in (160..).zip([cases::toy(), cases::every()]) {
        let simulated = |seed, named: Vec<(u32, u64)>| {
            let statement = Statement { named, ..case.statement(&set(true, true, true)) };
            let simulated = simulate(statement, |_| Weights::MadeUp(7), seed, true);
            simulated.check();
            simulated.receipt.named
        };
        let both = simulated(seed, vec![(0, 5), (1, 6)]);
        let one = simulated(seed + 10, vec![(1, 6)]);
        assert_eq!(one[..], both[1..]);
        let named = [(0, 5), (1, 6)].map(|(binding, seed)| (binding, Randomness::new([seed; 32])));
        let fresh = Randomness::new([9; 32]);
        let everything = set(true, true, true);
        let real = case.model.hide_values(&case.values, &everything, &named, &fresh, b"context", &Progress::default());
        let real = real.unwrap().named;
        assert!(real.iter().zip(&both).all(|(real, made)| real.root != made.root && real.seal != made.seal));
    }
}

/// The key is a given one, to weights that the simulator does not know. It has the leaves that are opened, and their paths.
#[test]
fn whole_receipts_for_a_given_key() {
    for (seed, case) in (100..).zip([cases::toy(), cases::every()]) {
        let statement = case.statement(&set(true, true, false));
        let simulated = simulate(statement, |oracle| Weights::Given(case.leaves(oracle)), seed, true);
        assert_eq!(simulated.key.key, case.key().key);
        simulated.check();
    }
}

/// The weights are shown: their commitment is the key's, its uniform cells included.
#[test]
fn whole_receipts_for_shown_weights() {
    for (seed, case) in (110..).zip([cases::toy(), cases::every()]) {
        let statement = case.statement(&set(false, true, true));
        let simulated = simulate(statement, |_| case.shown_weights(), seed, true);
        assert_eq!(simulated.key.key, case.key().key);
        simulated.check();
    }
}

/// Zero knowledge says nothing about truth: what is false is simulated as well. Only an unprogrammed hash makes a receipt say something.
#[test]
fn a_false_statement_is_simulated_as_well() {
    for (seed, case) in (120..).zip([cases::toy(), cases::every()]) {
        let mut statement = case.statement(&set(false, false, false));
        let honest = statement.publics.clone();
        // An output that these weights do not give for this input.
        statement.publics[1][0] ^= 1;
        statement.set = set(true, false, false);
        let simulated = simulate(statement, |oracle| Weights::Given(case.leaves(oracle)), seed, true);
        assert_eq!(simulated.key.key, case.key().key);
        assert_ne!(simulated.receipt.publics, honest);
        simulated.check();
    }
}

#[test]
fn without_the_last_equation_a_simulated_receipt_is_refused() {
    for (seed, case) in (130..).zip([cases::toy(), cases::every()]) {
        let unsolved = simulate(case.statement(&case.everything()), |_| Weights::MadeUp(7), seed, false);
        let refused = Err(Refused::Proof(Invalid::Check("the opening's last equation")));
        assert_eq!(unsolved.verdict(&unsolved.oracle), refused);
    }
}

/// Every challenge has to be programmed, but for those that the verifier draws and does not use.
#[test]
fn every_challenge_has_to_be_programmed() {
    let case = cases::toy();
    let simulated = simulate(case.statement(&case.everything()), |_| Weights::MadeUp(7), 140, true);
    let asked = |step: &&Step| matches!(step.0, How::Drawn | How::Positions);
    let labels: BTreeSet<&str> = simulated.steps.iter().filter(asked).map(|step| step.1.as_str()).collect();
    assert!(labels.len() > 15, "{labels:?}");
    for label in labels {
        assert!(simulated.verdict(&simulated.oracle.without(label)).is_err(), "{label}");
    }
}

/// The kinds of steps of a proof, in order, with their lengths.
fn outline(steps: &[Step]) -> Vec<(How, &str, usize)> {
    steps.iter().map(|(how, label, bytes)| (*how, label.as_str(), bytes.len())).collect()
}

/// The real prover's steps: its reading of its own messages is none of them.
fn real(case: &Case, set: &HideSet, simulated: &Simulated) -> (Receipt, Vec<Step>) {
    // The first proof with a hide set counts pads by a run of the verifier, which draws.
    let _ = case.hide(set, 1);
    let (receipt, mut steps) = simulated.oracle.repeating(&simulated.steps).record(|| case.hide(set, 2));
    let last = steps.iter().position(|step| step.1 == "mask combine").unwrap();
    let opened = steps.iter().position(|step| step.1 == "opening: schedule").unwrap();
    steps.drain(last + 1..opened);
    (receipt, steps)
}

/// At the same challenges a real and a simulated receipt have the same steps of the same lengths, and differ in every message.
#[test]
fn real_and_simulated_receipts_have_the_same_steps() {
    for (seed, case) in (150..).zip([cases::toy(), cases::every()]) {
        for set in [set(true, true, false), set(true, true, true)] {
            let simulated = simulate(case.statement(&set), |_| Weights::MadeUp(7), seed, true);
            let (receipt, steps) = real(&case, &set, &simulated);
            assert_eq!(simulated.oracle.run(|| case.key().verify(&receipt, b"context")), Ok(()));
            assert_eq!(receipt.encode().len(), simulated.receipt.encode().len());
            assert_eq!(outline(&steps), outline(&simulated.steps));
            for (real, made) in steps.iter().zip(&simulated.steps) {
                let asked = matches!(real.0, How::Drawn | How::Positions);
                let words = || real.2.as_chunks::<8>().0.iter().zip(made.2.as_chunks::<8>().0);
                assert!(!asked || real.2 == made.2, "{}", real.1);
                assert!(real.0 != How::Sent || words().all(|(a, b)| a != b), "{}", real.1);
            }
        }
    }
}
