//! Simulators of the single protocols: uniform messages are accepted, since there are pads that explain them.

use rand::SeedableRng;
use rand::rngs::SmallRng;
use tacit_algebra::K;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_circuit::{Circuit, Home, Values};
use tacit_columns::Views;
use tacit_hide::{Affine, Hidden, Variables};
use tacit_transcript::tamper::How;
use tacit_transcript::{Reading, Receiver, Transcript};

use super::messages::Uniform;
use super::oracle::{Oracle, element};
use super::pads::Pads;
use super::view::evaluate;
use super::whole::outer;
use super::{every, toy};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    Lookup,
    Contract,
    /// A few products, and nothing else.
    Triples,
    /// Lookup, contract, triples.
    All,
}

/// What the verifier demands of the pads if these were the columns: claims first, then what must be zero, the triples last.
fn demands<R: Reading<Value = K>>(
    circuit: &Circuit,
    part: Part,
    columns: &Values,
    reading: R,
) -> (R, Vec<Affine>, Variables) {
    let mut hidden = Hidden::new(reading);
    let claims = match part {
        Part::Lookup => {
            let reduced = tacit_lookup::verify(circuit, &mut Views::default(), &mut hidden).unwrap().unwrap();
            // Products of virtual columns are the contraction's part; with these columns they are zero.
            vec![reduced.numerators, reduced.fingerprints]
        }
        Part::Contract => tacit_contract::verify(circuit, &[], &mut Views::default(), &mut hidden).unwrap().claims,
        Part::Triples => {
            let values = hidden.receive_many("value", 4).unwrap();
            let r = hidden.draw("r");
            let product = hidden.multiply(&(values[0].clone() * r), &values[1]);
            let product = hidden.multiply(&(product + values[3].clone()), &values[2]);
            hidden.require_zero(product - values[3].clone(), "the product").unwrap();
            Vec::new()
        }
        Part::All => outer(circuit, &mut hidden).unwrap(),
    };
    let (reading, zeros, variables) = hidden.close().unwrap();
    let claimed = claims.into_iter().map(|claim| claim.value - Affine::from(evaluate(&claim.form, columns)));
    (reading, claimed.chain(zeros).collect(), variables)
}

fn circuits() -> [Circuit; 2] {
    [toy::circuit(), every::case(0).circuit]
}

/// Columns that are no witness of anything.
fn columns(circuit: &Circuit, part: Part) -> Values {
    let cell = |i: u64| if part == Part::Lookup { 0 } else { (i * 7 % 11) as i64 - 5 };
    let column = |shape: &[u64], home: &Home| match home {
        Home::Virtual(_) => Vec::new(),
        _ => (0..shape.iter().product::<u64>()).map(cell).collect(),
    };
    Values { columns: circuit.columns.iter().map(|c| column(&c.shape, &c.home)).collect() }
}

/// A simulated transcript of a part, and what a verifier that reads it under the same oracle demands.
fn simulated(circuit: &Circuit, part: Part, seed: u64) -> (Vec<u8>, Vec<Affine>, Variables) {
    let (columns, oracle) = (columns(circuit, part), Oracle::new(seed, None));
    let transcript = || Transcript::new("part");
    let (made, ours, _) = oracle.run(|| demands(circuit, part, &columns, Uniform::new(transcript(), seed)));
    let bytes = made.sender.finish();
    let (receiver, theirs, variables) =
        oracle.run(|| demands(circuit, part, &columns, Receiver::new(transcript(), &bytes)));
    assert_eq!((receiver.finish(), &ours), (Ok(()), &theirs));
    (bytes, theirs, variables)
}

#[test]
fn uniform_messages_of_every_protocol_are_explained_by_pads() {
    for (seed, circuit) in (1..).zip(circuits()) {
        for part in [Part::Lookup, Part::Contract, Part::Triples, Part::All] {
            let (_, demanded, variables) = simulated(&circuit, part, seed);
            let mut pads = Pads::uniform(&variables, seed + 10);
            assert!(demanded.iter().all(|zero| pads.evaluate(zero) != K::ZERO), "{part:?}: nothing was solved for");
            assert!(pads.solve(&demanded, None).iter().all(|&holds| holds), "{part:?}");
        }
    }
}

#[test]
fn without_one_solved_pad_its_check_fails() {
    for (seed, circuit) in (3..).zip(circuits()) {
        for part in [Part::Lookup, Part::Contract, Part::Triples, Part::All] {
            let (_, demanded, variables) = simulated(&circuit, part, seed);
            let checks = demanded.len() - 3;
            for left_out in 0..=checks {
                let mut pads = Pads::uniform(&variables, seed + 10);
                let holds = pads.solve(&demanded, Some(left_out));
                let failed: Vec<usize> = (0..holds.len()).filter(|&i| !holds[i]).collect();
                let expected = if left_out == checks { (checks..checks + 3).collect() } else { vec![left_out] };
                assert_eq!(failed, expected, "{part:?}");
            }
        }
    }
}

/// The same bytes are no proof for a hash that was not programmed.
#[test]
fn a_simulated_part_is_refused_without_programming() {
    for (seed, circuit) in (5..).zip(circuits()) {
        for part in [Part::Lookup, Part::Contract, Part::Triples, Part::All] {
            let (bytes, demanded, variables) = simulated(&circuit, part, seed);
            let mut pads = Pads::uniform(&variables, seed + 10);
            pads.solve(&demanded, None);
            let receiver = Receiver::new(Transcript::new("part"), &bytes);
            let (_, demanded, _) = demands(&circuit, part, &columns(&circuit, part), receiver);
            assert!(demanded.iter().any(|zero| pads.evaluate(zero) != K::ZERO), "{part:?}");
        }
    }
}

/// A real proof's messages say nothing: they are explained by columns that are no witness, too, all else being as it was.
#[test]
fn the_messages_of_a_real_proof_are_explained_by_other_columns() {
    for case in [super::cases::toy(), super::cases::every()] {
        let receipt = case.hide(&case.everything(), 1);
        let (demanded, variables) = case.read(&receipt, |circuit, receiver| {
            let (_, demanded, variables) = demands(circuit, Part::All, &columns(circuit, Part::All), receiver);
            (demanded, variables)
        });
        let mut pads = Pads::uniform(&variables, 2);
        assert!(pads.solve(&demanded, None).iter().all(|&holds| holds));
    }
}

/// A, B, C of the triples: for any two of them and any a of the first dummy but one, one b of it gives the third (README of `hide`).
#[test]
fn every_end_of_the_triples_has_its_dummies() {
    let mut random = SmallRng::seed_from_u64(8);
    let circuit = toy::circuit();
    for seed in 20..24 {
        let (_, demanded, variables) = simulated(&circuit, Part::Triples, seed);
        for _ in 0..4 {
            let mut pads = Pads::uniform(&variables, seed);
            // Other values of A, B, C than those that were sent.
            let mut demanded = demanded.clone();
            let place = demanded.len() - 3;
            demanded[place..].iter_mut().for_each(|end| end.constant = element(&mut random));
            assert!(pads.solve(&demanded, None).iter().all(|&holds| holds));
        }
    }
}

/// Challenges are the oracle's, in their order, and nothing else is programmed.
#[test]
fn the_oracle_answers_by_label_and_number() {
    let draw = |oracle: &Oracle| {
        oracle.record(|| {
            let mut transcript = Transcript::new("any");
            let first = transcript.draw("a");
            transcript.absorb("message", &[1]);
            [first, transcript.draw("a"), transcript.draw("b")]
        })
    };
    let (one, steps) = draw(&Oracle::new(1, None));
    assert!(one.iter().enumerate().all(|(i, a)| !one[i + 1..].contains(a)));
    assert_eq!(one, draw(&Oracle::new(1, None)).0);
    assert_eq!(
        steps.iter().map(|step| step.0).collect::<Vec<_>>(),
        [How::Drawn, How::Absorbed, How::Drawn, How::Drawn]
    );
    assert_ne!(one, draw(&Oracle::new(2, None)).0);
    let partly = draw(&Oracle::new(1, None).without("b")).0;
    assert_eq!((partly[..2] == one[..2], partly[2] == one[2]), (true, false));
}
