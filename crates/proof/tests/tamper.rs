//! The tamper manifest for messages: every step of a proof altered where the prover takes it, the prover honest afterwards.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod every;
mod subject;
mod toy;

use std::collections::BTreeSet;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use subject::{Step, Subject};
use tacit_algebra::P;
use tacit_proof::Refused;
use tacit_transcript::Invalid;
use tacit_transcript::tamper::How;

/// What a tamper puts in a message's place; words stay below p, so that no encoding gives it away.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Tamper {
    AddOne,
    Zero,
    /// With another message of the same label and length.
    Exchange,
    Random,
}

const TAMPERS: [Tamper; 4] = [Tamper::AddOne, Tamper::Zero, Tamper::Exchange, Tamper::Random];

fn altered(steps: &[Step], at: usize, tamper: Tamper, random: &mut SmallRng) -> Option<Vec<u8>> {
    let step = &steps[at];
    let mut bytes = step.bytes.clone();
    if step.how == How::Positions {
        // another position: one that is not among them, in its place
        let words: BTreeSet<u64> = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let lowest = *words.first()?;
        let free = (lowest..words.last()? + 1).find(|word| !words.contains(word))?;
        let words = words.iter().copied().filter(|&word| word != lowest).chain([free]).collect::<BTreeSet<_>>();
        return Some(words.iter().flat_map(|word| word.to_le_bytes()).collect());
    }
    let elements = step.how == How::Drawn || step.how == How::Sent && step.label != "opening: oracle";
    let word = 8 * random.random_range(0..(bytes.len() / 8).max(1));
    match tamper {
        Tamper::Exchange => {
            let fits = |other: &&Step| {
                (other.how, &other.label, other.bytes.len()) == (step.how, &step.label, bytes.len())
                    && other.bytes != bytes
            };
            let others: Vec<&Step> = steps.iter().filter(fits).collect();
            bytes = others.get(random.random_range(0..others.len().max(1)))?.bytes.clone();
        }
        Tamper::Zero => bytes.fill(0),
        Tamper::AddOne | Tamper::Random if elements => {
            let cell = &mut bytes[word..word + 8];
            let value = u64::from_le_bytes(cell.try_into().unwrap());
            let added = if tamper == Tamper::AddOne { 1 } else { random.random_range(1..P) };
            cell.copy_from_slice(&(((u128::from(value) + u128::from(added)) % u128::from(P)) as u64).to_le_bytes());
        }
        Tamper::AddOne | Tamper::Random => {
            let place = random.random_range(0..bytes.len().max(1));
            *bytes.get_mut(place)? ^= if tamper == Tamper::AddOne { 1 } else { random.random_range(1..=255) };
        }
    }
    (bytes != step.bytes).then_some(bytes)
}

const ROOT: &str = "the fraction tree's root";
const LEVEL: &str = "a level of the fraction tree";
const SUMCHECK: &str = "the contraction sumcheck";
const EQUATION: &str = "the opening's last equation";
const POLYNOMIAL: &str = "the final polynomial";
const MERKLE: &str = "a Merkle root";

/// Every kind of step, and the checks that may refuse a proof in which one of them is altered. A new message, challenge or absorbed
/// part of the statement must be named here.
const MANIFEST: [(How, &str, &[&str]); 40] = [
    (How::Absorbed, "format", &[LEVEL]),
    (How::Absorbed, "profile 128", &[LEVEL]),
    (How::Absorbed, "hidden", &[LEVEL]),
    (How::Absorbed, "circuit", &[LEVEL]),
    (How::Absorbed, "model commitment", &[LEVEL]),
    (How::Absorbed, "model seal", &[LEVEL]),
    (How::Absorbed, "linked commitments", &[LEVEL]),
    (How::Absorbed, "public tensors", &[LEVEL]),
    (How::Absorbed, "public tensor", &[LEVEL]),
    (How::Absorbed, "context", &[LEVEL]),
    (How::Absorbed, "witness commitment", &[LEVEL]),
    (How::Drawn, "lookup alpha", &[MERKLE, SUMCHECK]),
    (How::Drawn, "lookup beta", &[MERKLE, SUMCHECK]),
    (How::Sent, "tree round", &[LEVEL]),
    (How::Drawn, "tree challenge", &[LEVEL]),
    (How::Sent, "tree values", &[ROOT, LEVEL]),
    (How::Drawn, "tree tau", &[LEVEL, SUMCHECK, MERKLE]),
    (How::Drawn, "tree lambda", &[LEVEL]),
    (How::Drawn, "contract point", &[SUMCHECK]),
    (How::Drawn, "contract batch", &[SUMCHECK]),
    (How::Sent, "contract affine total", &[SUMCHECK]),
    (How::Sent, "contract virtual total", &[SUMCHECK]),
    (How::Sent, "contract round", &[SUMCHECK]),
    (How::Drawn, "contract challenge", &[SUMCHECK]),
    (How::Sent, "contract value", &[SUMCHECK]),
    (How::Drawn, "combine", &[MERKLE]),
    (How::Absorbed, "opening: schedule", &[MERKLE]),
    (How::Absorbed, "opening: shape", &[MERKLE]),
    (How::Absorbed, "opening: root", &[MERKLE]),
    (How::Absorbed, "opening: claim", &[MERKLE]),
    (How::Sent, "opening: round", &[EQUATION]),
    (How::Drawn, "opening: fold", &[POLYNOMIAL, EQUATION]),
    (How::Sent, "opening: oracle", &[MERKLE]),
    (How::Drawn, "opening: out of domain", &[EQUATION]),
    (How::Sent, "opening: out of domain", &[EQUATION]),
    (How::Positions, "opening: queries", &[MERKLE]),
    (How::Sent, "opening: rows", &[MERKLE]),
    (How::Attached, "", &[MERKLE]),
    (How::Drawn, "opening: combine", &[EQUATION]),
    (How::Sent, "opening: final", &[POLYNOMIAL]),
];

/// The table of `docs/transcript.md` under "Order": how, and the label in backticks. Rows without a label repeat earlier ones, but
/// for what is attached.
fn documented() -> BTreeSet<(How, String)> {
    let text = include_str!("../../../docs/transcript.md");
    let (_, order) = text.split_once("## Order").unwrap();
    let (order, _) = order.split_once("\n## ").unwrap();
    let mut found = BTreeSet::new();
    for line in order.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let labels: Vec<&str> = cells[3].split('`').skip(1).step_by(2).collect();
        for (number, how) in cells[2].split(',').map(str::trim).enumerate() {
            let how = match how {
                "a" => How::Absorbed,
                "s" => How::Sent,
                "d" => How::Drawn,
                "q" => How::Positions,
                "x" => How::Attached,
                _ => continue,
            };
            match (how, labels.get(number)) {
                (How::Attached, _) => drop(found.insert((how, String::new()))),
                (_, Some(label)) => drop(found.insert((how, label.to_string()))),
                _ => {}
            }
        }
    }
    found
}

#[test]
fn the_manifest_names_every_step() {
    let named: BTreeSet<(How, String)> = MANIFEST.iter().map(|(how, label, _)| (*how, label.to_string())).collect();
    assert_eq!(named.len(), MANIFEST.len());
    assert_eq!(named, documented());
    let taken = Subject::every(0).steps().into_iter().map(|step| (step.how, step.label)).collect();
    assert_eq!(named, taken);
}

/// The order of `docs/transcript.md`, written out for one circuit: 13 levels, 5 rounds of degree 4, 5 factors, 4 limbs, 2 folds.
#[test]
fn the_steps_come_in_the_documented_order() {
    use How::{Absorbed, Attached, Drawn, Positions, Sent};
    let mut expected: Vec<(How, &str)> = Vec::new();
    let mut steps = |times: usize, steps: &[(How, &'static str)]| {
        (0..times).for_each(|_| expected.extend(steps));
    };
    let before = ["format", "profile 128", "hidden", "circuit", "model commitment", "model seal"];
    before.iter().chain(&["linked commitments", "public tensors"]).for_each(|label| steps(1, &[(Absorbed, label)]));
    steps(2, &[(Absorbed, "public tensor")]);
    steps(1, &[(Absorbed, "context"), (Absorbed, "witness commitment"), (Drawn, "lookup alpha")]);
    steps(4, &[(Drawn, "lookup beta")]);
    for level in 0..13 {
        let round = (Sent, "tree round");
        steps(level, &[round, round, round, (Drawn, "tree challenge")]);
        steps(4, &[(Sent, "tree values")]);
        steps(1, &[(Drawn, "tree tau"), (Drawn, "tree lambda")]);
    }
    steps(5, &[(Drawn, "contract point")]);
    steps(1, &[(Drawn, "contract batch"), (Sent, "contract affine total"), (Sent, "contract virtual total")]);
    let round = (Sent, "contract round");
    steps(5, &[round, round, round, round, (Drawn, "contract challenge")]);
    steps(5, &[(Sent, "contract value")]);
    steps(1, &[(Drawn, "combine"), (Absorbed, "opening: schedule"), (Absorbed, "opening: shape")]);
    steps(1, &[(Absorbed, "opening: root"), (Absorbed, "opening: root"), (Absorbed, "opening: claim")]);
    let round = [(Sent, "opening: round"), (Sent, "opening: round"), (Drawn, "opening: fold")];
    steps(2, &round);
    for (trees, fold) in [(2, 3), (1, 2)] {
        steps(1, &[(Sent, "opening: oracle"), (Drawn, "opening: out of domain"), (Sent, "opening: out of domain")]);
        steps(1, &[(Positions, "opening: queries"), (Sent, "opening: rows")]);
        steps(trees, &[(Attached, "")]);
        steps(1, &[(Drawn, "opening: combine")]);
        steps(fold, &round);
    }
    steps(32, &[(Sent, "opening: final")]);
    steps(1, &[(Positions, "opening: queries"), (Sent, "opening: rows"), (Attached, "")]);
    steps(5, &round);
    let taken = Subject::every(0).steps();
    let taken: Vec<(How, &str)> = taken.iter().map(|step| (step.how, step.label.as_str())).collect();
    assert_eq!(taken, expected);
}

/// Whatever is absorbed or sent, the next challenge or the next positions depend on it.
#[test]
fn every_message_moves_the_next_challenge() {
    let subject = Subject::every(0);
    let steps = subject.steps();
    let mut random = SmallRng::seed_from_u64(2);
    for (at, step) in steps.iter().enumerate().filter(|(_, step)| matches!(step.how, How::Absorbed | How::Sent)) {
        let bytes = altered(&steps, at, Tamper::Random, &mut random).unwrap();
        let next = (at..steps.len()).find(|&i| matches!(steps[i].how, How::Drawn | How::Positions)).unwrap();
        let (send, receive) = std::sync::mpsc::channel();
        let mut taken = 0;
        let _ = subject.prove(&subject.values, move |_, _, _, message| {
            if taken == at {
                message.clone_from(&bytes);
            }
            if taken == next {
                send.send(message.clone()).unwrap();
            }
            taken += 1;
        });
        assert_ne!(receive.recv().unwrap(), steps[next].bytes, "{:?} {} {}", step.how, step.label, step.number);
    }
}

/// What the prover is told and does not use, by the number of steps of its kind: the last lambda and the last fold.
fn is_idle(step: &Step, steps: &[Step]) -> bool {
    let alike = steps.iter().filter(|other| (other.how, &other.label) == (step.how, &step.label)).count();
    step.how == How::Drawn
        && ["tree lambda", "opening: fold"].contains(&step.label.as_str())
        && step.number + 1 == alike
}

/// Alters one step after the other; `all` ways each, or one, in turn.
fn alter(subject: &Subject, all: bool) {
    let steps = subject.steps();
    let mut random = SmallRng::seed_from_u64(1);
    let mut altered_steps = BTreeSet::new();
    for (at, step) in steps.iter().enumerate() {
        for tamper in TAMPERS.into_iter().cycle().skip(at % TAMPERS.len()).take(TAMPERS.len()) {
            let Some(bytes) = altered(&steps, at, tamper, &mut random) else { continue };
            let (target, name) = (step.clone(), format!("{tamper:?} of {step:?}"));
            let verdict = subject.verdict(&subject.values, move |how, label, number, message| {
                if (how, label, number) == (target.how, target.label.as_str(), target.number) {
                    message.clone_from(&bytes);
                }
            });
            if is_idle(step, &steps) {
                assert_eq!(verdict, Ok(()), "{name}");
                altered_steps.insert(at);
                break;
            }
            let (_, _, checks) =
                MANIFEST.iter().find(|(how, label, _)| (*how, *label) == (step.how, &step.label)).unwrap();
            let refused = checks.iter().any(|check| verdict == Err(Refused::Proof(Invalid::Check(check))));
            assert!(refused, "{name}: {verdict:?}");
            altered_steps.insert(at);
            if !all {
                break;
            }
        }
    }
    let untouched: Vec<&Step> = steps
        .iter()
        .enumerate()
        .filter(|(at, step)| !altered_steps.contains(at) && !step.bytes.is_empty())
        .map(|(_, step)| step)
        .collect();
    assert!(untouched.is_empty(), "{untouched:?}");
}

#[test]
fn every_step_of_a_small_proof_altered() {
    alter(&Subject::toy(), false);
}

#[test]
fn every_step_of_a_proof_with_every_stage_altered() {
    alter(&Subject::every(0), false);
}

#[test]
#[ignore = "every way of every step: a minute"]
fn every_step_altered_in_every_way() {
    alter(&Subject::toy(), true);
    alter(&Subject::every(0), true);
}
