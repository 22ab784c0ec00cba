//! Provers that adapt: what they send after the lie follows from the transcript with the lie. Each test names the check that refuses.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod case;
mod every;
mod forger;
mod subject;
mod toy;

use case::{Case, Q, RANGE, REM, V, Y, Z, adapt_output, case, check, recount};
use forger::{Commitment, Forger};
use subject::Subject;
use tacit_algebra::field::{Field, PrimeCharacteristicRing};
use tacit_algebra::multilinear::eq;
use tacit_algebra::progress::Progress;
use tacit_algebra::{F, K, from_bytes, to_bytes};
use tacit_circuit::{Home, Values, count_lookups};
use tacit_columns::{Claim, FormTerm};
use tacit_proof::{Key, Model, Receipt, Refused, VerifyingKey};
use tacit_transcript::tamper::{How, with};

const ROOT: &str = "the fraction tree's root";
const LEVEL: &str = "a level of the fraction tree";
const SUMCHECK: &str = "the contraction sumcheck";
const EQUATION: &str = "the opening's last equation";
const MERKLE: &str = "a Merkle root";
const POLYNOMIAL: &str = "the final polynomial";

/// Columns of the multiplicities of (n, 0), n < 0, and of (n, n).
const NEGATIVE: usize = case::COUNTS[1];
const POSITIVE: usize = case::COUNTS[2];

/// Claims with the power of zeta that each gets.
type Numbered = Vec<(usize, Claim<K>)>;

fn element(bytes: &[u8]) -> K {
    from_bytes(bytes.try_into().unwrap()).unwrap()
}

fn add(bytes: &mut Vec<u8>, delta: K) {
    *bytes = to_bytes(element(bytes) + delta).to_vec();
}

/// Another honest witness for the same weights: the input is zero.
fn other_input(case: &Case) -> Values {
    let mut values = case.values.clone();
    values.columns[0].fill(0);
    for o in 0..toy::OUT as usize {
        let sum = case::accumulator(&values, o);
        values.columns[REM][o] = sum & 15;
        values.columns[Q][o] = sum >> toy::SHIFT;
        values.columns[Y][o] = values.columns[Q][o].max(0);
    }
    adapt_output(&mut values);
    assert!(recount(&case.model.circuit, &mut values));
    assert_eq!(case.key.verify(&case.prove(&values), b"context"), Ok(()));
    values
}

/// The root of an honest witness, and an opening of another one.
#[test]
fn witness_replaced_between_commitment_and_opening() {
    let case = case(0);
    let forger = &case.forger;
    let other = other_input(&case);
    let (weights, ours, theirs) = (forger.commit(0, &other), forger.commit(1, &case.values), forger.commit(1, &other));
    let statement = forger.statement(&other, &weights, &ours);
    let verdict = |committed: &Commitment, shown| {
        let claimed = forger.claim(&statement, &other);
        case.verdict(&statement, forger.open(&statement, claimed, [&weights, committed], [&weights, shown]))
    };
    assert_eq!(verdict(&ours, &ours), check(EQUATION));
    assert_eq!(verdict(&theirs, &theirs), check(MERKLE));
    assert_eq!(verdict(&ours, &theirs), check(POLYNOMIAL));
}

/// The same where the opening folds: honest rows of the committed witness, and everything after them for the other one.
#[test]
fn witness_replaced_below_the_first_fold() {
    let [ours, theirs] = [0, 1].map(Subject::every);
    let forger = Forger::new(&ours.key);
    let values = &theirs.values;
    let (weights, committed) = (forger.commit(0, values), forger.commit(1, &ours.values));
    let honest = ours.prove(&ours.values, |_, _, _, _| {});
    assert_eq!((weights.root(), committed.root()), (honest.weights_root, honest.witness_root));
    let witness_root = committed.root();
    let mut positions: Vec<u64> = Vec::new();
    let proved = theirs.prove(values, move |how, label, number, bytes| match (how, label, number) {
        (How::Absorbed, "witness commitment", 0) | (How::Absorbed, "opening: root", 1) => {
            *bytes = witness_root.to_vec()
        }
        (How::Positions, _, 0) => {
            positions = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
        }
        (How::Sent, "opening: rows", 0) => {
            let row = |&position: &u64| [weights.row(position), committed.row(position)].concat();
            *bytes = positions.iter().flat_map(row).collect();
        }
        (How::Attached, _, 1) => *bytes = committed.siblings(&positions).concat(),
        _ => {}
    });
    let receipt = Receipt { witness_root, ..proved };
    assert_eq!(ours.key.verify(&receipt, b"context"), check(EQUATION));
}

/// A proof for `values` under the statement of `shown`, whose claims are what `edit` makes of the honest ones. The value that is
/// opened is the one that the verifier expects.
fn with_claims(case: &Case, shown: &Values, values: &Values, edit: impl FnOnce(&mut Numbered)) -> Result<(), Refused> {
    let forger = &case.forger;
    let (weights, witness) = (forger.commit(0, shown), forger.commit(1, shown));
    let statement = forger.statement(shown, &weights, &witness);
    let (sender, claims) = forger.claims(&statement, values);
    let expected = forger.combine(sender.clone(), shown, claims.iter().cloned().enumerate().collect()).value;
    let mut claims = claims.into_iter().enumerate().collect();
    edit(&mut claims);
    let mut claimed = forger.combine(sender, shown, claims);
    claimed.value = expected;
    case.verdict(&statement, forger.open(&statement, claimed, [&weights, &witness], [&weights, &witness]))
}

/// Every claim in turn left out, its power of zeta with it or not; every one twice, or under the
/// power of another. A claim on
/// public columns alone the verifier evaluates: the prover has no part in it.
#[test]
fn claims_dropped_duplicated_collapsed() {
    let case = case(0);
    let verdict = |edit: &dyn Fn(&mut Numbered)| with_claims(&case, &case.values, &case.values, edit);
    assert_eq!(verdict(&|_| {}), Ok(()));
    let (_, claims) = case.forger.claims(&case.receipt, &case.values);
    let home = |term: &FormTerm| case.model.circuit.columns.get(term.column as usize).map(|column| &column.home);
    let is_public = |term: &FormTerm| home(term) == Some(&Home::Public);
    let public: Vec<bool> = claims.iter().map(|claim| claim.form.iter().all(is_public)).collect();
    assert_eq!(public.iter().filter(|&&public| public).count(), 2);
    for i in 0..claims.len() {
        let expected = if public[i] { Ok(()) } else { check(EQUATION) };
        assert_eq!(verdict(&|claims| drop(claims.remove(i))), expected, "{i} left out");
        assert_eq!(verdict(&|claims| claims.push((claims.len(), claims[i].1.clone()))), expected, "{i} twice");
        let other = (i + 1) % claims.len();
        assert_eq!(verdict(&|claims| claims[i].0 = other), expected, "{i} joined to {other}");
        let renumbered = |claims: &mut Numbered| {
            drop(claims.remove(i));
            claims.iter_mut().enumerate().for_each(|(n, claim)| claim.0 = n);
        };
        let last = public[i..].iter().all(|&public| public);
        assert_eq!(verdict(&renumbered), if last { Ok(()) } else { check(EQUATION) }, "{i} dropped");
    }
}

/// A false output leaves one false claim, the one on the affine parts, which only the verifier computes.
#[test]
fn the_only_false_claim() {
    let case = case(0);
    let mut lie = case.values.clone();
    lie.columns[Z][1] += 1;
    assert_eq!(with_claims(&case, &lie, &lie, |_| {}), check(EQUATION));
    assert_eq!(case.key.verify(&case.prove(&lie), b"context"), check(EQUATION));
}

/// Multiplicities in the tree that were not committed leave one false claim, the one on numerators. The prover proves it, or
/// leaves it out, or behaves as if nobody asked for it.
#[test]
fn multiplicities_that_were_not_committed() {
    let case = case(0);
    let forger = &case.forger;
    let mut committed = case.values.clone();
    committed.columns[RANGE][3] += 1;
    assert_eq!(with_claims(&case, &committed, &case.values, |_| {}), check(EQUATION));
    assert_eq!(with_claims(&case, &committed, &case.values, |claims| drop(claims.remove(0))), check(EQUATION));
    let (weights, witness) = (forger.commit(0, &committed), forger.commit(1, &committed));
    let statement = forger.statement(&committed, &weights, &witness);
    let (sender, claims) = forger.claims(&statement, &case.values);
    let claimed = forger.combine(sender, &committed, claims.into_iter().skip(1).enumerate().collect());
    let proof = forger.open(&statement, claimed, [&weights, &witness], [&weights, &witness]);
    assert_eq!(case.verdict(&statement, proof), check(MERKLE));
}

/// Two factors of one product give each other's values: products and sums stay as they are.
#[test]
fn factor_values_exchanged() {
    let subject = Subject::every(0);
    let values: Vec<Vec<u8>> = (subject.steps().into_iter())
        .filter(|step| step.how == How::Sent && step.label == "contract value")
        .map(|step| step.bytes)
        .collect();
    assert_ne!(values[0], values[1]);
    let verdict = subject.verdict(&subject.values, move |how, label, number, bytes| {
        if (how, label) == (How::Sent, "contract value") && number < 2 {
            bytes.clone_from(&values[1 - number]);
        }
    });
    assert_eq!(verdict, check(MERKLE));
}

/// e0 and e1 of one node's children moved so that its numerator n0 (1 + e1) + n1 (1 + e0) stays: only lambda asks for its e.
#[test]
fn fingerprints_that_leave_the_numerator_alone() {
    for level in 1..10 {
        let subject = Subject::toy();
        let values: Vec<K> = (subject.steps().iter())
            .filter(|step| step.how == How::Sent && step.label == "tree values")
            .skip(4 * level)
            .map(|step| element(&step.bytes))
            .collect();
        let (n0, n1) = (values[0], values[2]);
        let verdict = subject.verdict(&subject.values, move |how, label, number, bytes| {
            if (how, label) == (How::Sent, "tree values") {
                match number.checked_sub(4 * level) {
                    Some(1) => add(bytes, n0),
                    Some(3) => add(bytes, -n1),
                    _ => {}
                }
            }
        });
        assert_eq!(verdict, check(LEVEL));
    }
}

/// C[0] gets the other sign, which its square does not show; the output takes up the difference. Only gamma tells the relations
/// apart.
#[test]
fn two_relations_false_by_opposite_amounts() {
    let subject = Subject::every(0);
    let mut lie = subject.values.clone();
    let [c, e, f, rem, q, y, d] =
        [every::C, every::E, every::FREE, every::REM, every::Q, every::Y, every::D].map(|column| column as usize);
    let before = lie.columns[c][0];
    assert_ne!(before, 0);
    lie.columns[c][0] = -before;
    // A B - C is 2 before, C C e - D is -2 before
    lie.columns[d][0] += 2 * before;
    let sum = -before * lie.columns[e][0] + lie.columns[f][0] + 4;
    (lie.columns[rem][0], lie.columns[q][0], lie.columns[y][0]) = (sum & 7, sum >> 3, (sum >> 3).max(0));
    let circuit = &subject.model.circuit;
    let counts = circuit.columns.iter().zip(&mut lie.columns).filter(|(column, _)| column.home == Home::Count);
    counts.for_each(|(_, cells)| cells.fill(0));
    count_lookups(circuit, &mut lie).unwrap();
    assert_eq!(subject.verdict(&lie, |_, _, _, _| {}), check(EQUATION));
}

/// The steps of a prover that keeps a false sum alive: every later message is shifted so that its check holds.
#[derive(Default)]
struct Liar {
    /// What the verifier's running claim exceeds the prover's by.
    delta: K,
    point: Vec<K>,
    drawn: Vec<K>,
    values: Vec<K>,
    lambda: K,
    /// What E(rho) is too large by.
    surplus: K,
}

impl Liar {
    fn step(&mut self, how: How, label: &str, number: usize, bytes: &mut Vec<u8>) {
        match (how, label) {
            // a constant is added to the polynomial: half of delta, as its values at 0 and 1 add up
            (How::Sent, "tree round") => add(bytes, self.delta.halve()),
            (How::Drawn, "tree challenge") => {
                self.delta = self.delta.halve();
                self.drawn.push(element(bytes));
            }
            (How::Sent, "tree values") => {
                if number.is_multiple_of(4) {
                    self.values.clear();
                }
                self.values.push(element(bytes));
                if let [n0, e0, n1, e1] = self.values[..] {
                    let rho: Vec<K> = self.drawn.drain(..).rev().collect();
                    if number == 3 {
                        self.delta = -(n0 + n1 + n0 * e1 + n1 * e0);
                        assert_ne!(self.delta, K::ZERO);
                    }
                    let slope = eq(&self.point, &rho) * (n0 + self.lambda * (K::ONE + e0));
                    self.surplus = self.delta * slope.inverse();
                    add(bytes, self.surplus);
                    self.point = rho;
                }
            }
            (How::Drawn, "tree tau") => {
                self.surplus *= element(bytes);
                self.point.push(element(bytes));
            }
            (How::Drawn, "tree lambda") => {
                self.lambda = element(bytes);
                self.delta = self.lambda * self.surplus;
            }
            (How::Drawn, "combine") => self.delta = element(bytes) * self.surplus,
            (How::Absorbed, "opening: claim") => add(bytes, self.delta),
            (How::Sent, "opening: round") if number.is_multiple_of(2) => {
                self.delta = self.delta.halve();
                add(bytes, self.delta);
            }
            _ => {}
        }
    }
}

/// A false activation: its tuple is in no table. The tree's root is forged, and so is all that follows from it down to the opening.
#[test]
fn a_false_root_kept_alive() {
    for (subject, column) in [(Subject::toy(), Y), (Subject::every(0), every::Y as usize)] {
        let mut lie = subject.values.clone();
        lie.columns[column][0] += 1;
        if column == Y {
            adapt_output(&mut lie);
        }
        assert_eq!(subject.verdict(&lie, |_, _, _, _| {}), check(ROOT));
        let mut liar = Liar::default();
        let verdict = subject.verdict(&lie, move |how, label, number, bytes| liar.step(how, label, number, bytes));
        assert_eq!(verdict, check(EQUATION));
    }
}

/// A false output kept alive through contract and opening: the total of the affine parts is forged, all rounds follow.
#[test]
fn a_false_total_of_products_kept_alive() {
    let subject = Subject::every(0);
    let mut lie = subject.values.clone();
    lie.columns[every::D as usize][0] += 1;
    // Undisturbed, only the claim on the affine parts is false.
    assert_eq!(subject.verdict(&lie, |_, _, _, _| {}), check(EQUATION));
    let mut delta = K::ONE;
    let verdict = subject.verdict(&lie, move |how, label, number, bytes| match (how, label) {
        // target = .. - u: the polynomials are too small by half, then a quarter, ..
        (How::Sent, "contract affine total") => add(bytes, delta),
        (How::Sent, "contract round") => {
            if number.is_multiple_of(4) {
                delta = delta.halve();
            }
            add(bytes, -delta);
        }
        _ => {}
    });
    assert_eq!(verdict, check(SUMCHECK));
}

/// A remainder below 0, found as (rem, 0) in the other table: only the tags tell the tables apart.
#[test]
fn a_tuple_of_another_table() {
    let case = case(2);
    let mut lie = case.values.clone();
    let honest = lie.columns[REM][0];
    lie.columns[REM][0] -= 1 << toy::SHIFT;
    lie.columns[Q][0] += 1;
    lie.columns[Y][0] = lie.columns[Q][0].max(0);
    adapt_output(&mut lie);
    assert!(!recount(&case.model.circuit, &mut lie));
    // all tuples but the remainders', which come first
    lie.columns[REM][0] = honest;
    assert!(recount(&case.model.circuit, &mut lie));
    lie.columns[REM][0] -= 1 << toy::SHIFT;
    lie.columns[RANGE][honest as usize] -= 1;
    lie.columns[NEGATIVE][(512 + honest - 16) as usize] += 1;
    assert_eq!(case.key.verify(&case.prove(&lie), b"context"), check(ROOT));
}

/// An activation (q, y) with the sum of a row's components, not the components: only the betas tell the positions apart.
#[test]
fn a_tuple_with_the_sum_of_another() {
    let case = case(0);
    let mut lie = case.values.clone();
    let (q, y) = (lie.columns[Q][0], lie.columns[Y][0]);
    let row = q.abs() + 4;
    assert_eq!(y, q.max(0));
    lie.columns[Y][0] = 2 * row - q;
    adapt_output(&mut lie);
    match q {
        0.. => lie.columns[POSITIVE][q as usize] -= 1,
        _ => lie.columns[NEGATIVE][(512 + q) as usize] -= 1,
    }
    lie.columns[POSITIVE][row as usize] += 1;
    assert_eq!(case.key.verify(&case.prove(&lie), b"context"), check(ROOT));
}

/// Alpha and the betas are the prover's: multiplicities in time, a tree that holds. The verifier draws others.
#[test]
fn lookup_challenges_of_the_provers_choice() {
    let subject = Subject::toy();
    let lie = subject.values.clone();
    let fixed = move |how, label: &str, number: usize, bytes: &mut Vec<u8>| {
        if how == How::Drawn && label.starts_with("lookup ") {
            *bytes = to_bytes(K::from(F::from_u64(3 + number as u64))).to_vec();
        }
    };
    assert_eq!(subject.verdict(&lie, fixed), check(SUMCHECK));
    // A tag that the prover ignores makes two tables one: the remainder 5 stands in the other table as (5, 5), once beta_2 is 0.
    let mut beta = 0;
    let ignored = move |how, label: &str, _: usize, bytes: &mut Vec<u8>| {
        if (how, label) == (How::Drawn, "lookup beta") {
            beta += 1;
            if beta != 2 {
                bytes.fill(0);
            }
        }
    };
    let mut lie = subject.values.clone();
    lie.columns[RANGE].fill(0);
    for o in 0..toy::OUT as usize {
        let row = lie.columns[REM][o] as usize;
        lie.columns[POSITIVE][row] += 1;
    }
    assert_eq!(subject.verdict(&lie, |_, _, _, _| {}), check(ROOT));
    assert_eq!(subject.verdict(&lie, ignored), check(MERKLE));
}

/// What the transcript says of the statement is not what the receipt says, one part after the other, whatever follows adapted.
#[test]
fn statements_changed_after_the_bind() {
    let case = case(0);
    let forger = &case.forger;
    let (weights, witness) = (forger.commit(0, &case.values), forger.commit(1, &case.values));
    let statement = forger.statement(&case.values, &weights, &witness);
    let verdict = |shown: Receipt, values: &Values| {
        // Lookups and contracts under the first statement, everything after them under the second one.
        let (sender, claims) = forger.claims(&statement, &case.values);
        let claimed = forger.combine(sender, values, claims.into_iter().enumerate().collect());
        case.verdict(&shown, forger.open(&shown, claimed, [&weights, &witness], [&weights, &witness]))
    };
    assert_eq!(verdict(statement.clone(), &case.values), Ok(()));
    let mut other = case.values.clone();
    other.columns[Z][0] += 1;
    let publics = forger.statement(&other, &weights, &witness).publics;
    assert_eq!(verdict(Receipt { publics, ..statement.clone() }, &other), check(LEVEL));
    other.columns[V][0] += 1;
    let witness_root = forger.commit(1, &other_input(&case)).root();
    assert_eq!(verdict(Receipt { witness_root, ..statement.clone() }, &case.values), check(LEVEL));
    // What the verifier compares, it refuses before anything else.
    let weights_root = forger.commit(0, &other).root();
    assert_eq!(verdict(Receipt { weights_root, ..statement.clone() }, &case.values), Err(Refused::Weights));
    let circuit_digest = [7; 32];
    assert_eq!(verdict(Receipt { circuit_digest, ..statement.clone() }, &case.values), Err(Refused::Circuit));
    assert_eq!(verdict(Receipt { context: Vec::new(), ..statement.clone() }, &case.values), Err(Refused::Context));
    // The context that is asked for, but not the one that was bound.
    let bound = Receipt { context: b"Context".to_vec(), ..statement.clone() };
    let claimed = forger.claim(&bound, &case.values);
    let proof = forger.open(&bound, claimed, [&weights, &witness], [&weights, &witness]);
    assert_eq!(case.verdict(&statement, proof), check(LEVEL));
    // The same digest and root, presented for another key.
    let key = VerifyingKey::decode(&Key::encode(&case.key.key.circuit_bytes, &weights_root, forger.seal)).unwrap();
    let shown = Receipt { weights_root, proof: case.receipt.proof.clone(), ..statement };
    assert_eq!(key.verify(&shown, b"context"), check(LEVEL));
}

/// The first challenge depends on every part of the statement.
#[test]
fn every_part_of_the_statement_moves_the_challenges() {
    let subject = Subject::every(0);
    let first = |changed: Option<(&'static str, usize)>| -> Vec<u8> {
        let (send, receive) = std::sync::mpsc::channel();
        let _ = subject.prove(&subject.values, move |how, label, number, bytes| match how {
            How::Absorbed if Some((label, number)) == changed => bytes[0] ^= 1,
            How::Drawn if label == "lookup alpha" => send.send(bytes.clone()).unwrap(),
            _ => {}
        });
        receive.recv().unwrap()
    };
    let honest = first(None);
    assert_eq!(first(None), honest);
    let statement: Vec<_> = subject.steps().into_iter().take_while(|step| step.how == How::Absorbed).collect();
    assert_eq!(statement.len(), 12);
    for step in statement {
        let label: &'static str = step.label.leak();
        assert_ne!(first(Some((label, step.number))), honest, "{label}");
    }
}

/// The same circuit with other parameters of the opening; the prover says that they are ours.
#[test]
fn a_proof_under_another_keys_parameters() {
    let ours = Subject::every(0);
    let case = every::case(0);
    let steps = ours.steps();
    let said = |label: &str| steps.iter().find(|step| step.label == label).unwrap().bytes.clone();
    let (profile, digest, schedule) = (said("profile 128"), said("circuit"), said("opening: schedule"));
    let mut verdicts = Vec::new();
    for change in 0..4 {
        let mut circuit = case.circuit.clone();
        let parameters = &mut circuit.parameters;
        match change {
            0 => parameters.queries[0] -= 100,
            1 => parameters.queries[2] += 1,
            2 => parameters.log_inverse_rates[1] += 1,
            _ => parameters.folds = vec![2, 3],
        }
        let model = Model::setup(&circuit.encode(), &case.weights, &Progress::default()).unwrap();
        let honest = model.prove(&case.public, &case.witness, b"context", &Progress::default()).unwrap();
        assert_eq!(honest.weights_root, ours.model.weights_root());
        assert_eq!(ours.key.verify(&honest, b"context"), Err(Refused::Circuit));
        let circuit_digest = ours.key.key.circuit_digest;
        let renamed = Receipt { circuit_digest, ..honest };
        assert_eq!(ours.key.verify(&renamed, b"context"), check(LEVEL));
        let (profile, digest, schedule) = (profile.clone(), digest.clone(), schedule.clone());
        let hook = move |how, label: &str, _: usize, bytes: &mut Vec<u8>| match (how, label) {
            (How::Absorbed, "profile 128") => bytes.clone_from(&profile),
            (How::Absorbed, "circuit") => bytes.clone_from(&digest),
            (How::Absorbed, "opening: schedule") => bytes.clone_from(&schedule),
            _ => {}
        };
        let prove = || {
            model
                .prove_values(&model.values(&case.public, &case.witness).unwrap(), b"context", &Progress::default())
                .unwrap()
        };
        verdicts.push(ours.key.verify(&Receipt { circuit_digest, ..with(hook, prove) }, b"context"));
    }
    assert_eq!(verdicts, vec![check(MERKLE); 4]);
}

/// Weights and witness change places: in the opening, in the statement, in the key.
#[test]
fn commitments_exchanged() {
    let case = case(0);
    let forger = &case.forger;
    let (weights, witness) = (forger.commit(0, &case.values), forger.commit(1, &case.values));
    let statement = forger.statement(&case.values, &weights, &witness);
    let open = |statement: &Receipt, order| forger.open(statement, forger.claim(statement, &case.values), order, order);
    assert_eq!(case.verdict(&statement, open(&statement, [&weights, &witness])), Ok(()));
    assert_eq!(case.verdict(&statement, open(&statement, [&witness, &weights])), check(MERKLE));
    let (weights_root, witness_root) = (witness.root(), weights.root());
    let exchanged = Receipt { weights_root, witness_root, ..statement };
    let key = VerifyingKey::decode(&Key::encode(&case.key.key.circuit_bytes, &weights_root, forger.seal)).unwrap();
    for order in [[&weights, &witness], [&witness, &weights]] {
        let proof = open(&exchanged, order);
        assert_eq!(case.verdict(&exchanged, proof.clone()), Err(Refused::Weights));
        assert_eq!(key.verify(&Receipt { proof, ..exchanged.clone() }, b"context"), check(MERKLE));
    }
}

/// Two receipts of one key joined at every field, and their proofs at every message.
#[test]
fn two_receipts_joined_at_every_boundary() {
    let subjects = [Subject::every(0), Subject::every(1)];
    let receipts: Vec<Receipt> =
        subjects.iter().map(|subject| subject.prove(&subject.values, |_, _, _, _| {})).collect();
    assert_eq!(subjects[0].key.key, subjects[1].key.key);
    let key = &subjects[0].key;
    let [a, b] = &receipts[..] else { panic!("two receipts") };
    assert!(a.publics != b.publics && a.witness_root != b.witness_root && a.proof != b.proof);
    for (a, b) in [(a, b), (b, a)] {
        for fields in 1..15 {
            let take = |bit: usize| if fields >> bit & 1 == 1 { b } else { a };
            let mut publics = take(0).publics.clone();
            publics[1].clone_from(&take(1).publics[1]);
            let (witness_root, proof) = (take(2).witness_root, take(3).proof.clone());
            let joined = Receipt { publics, witness_root, proof, ..a.clone() };
            assert_eq!(key.verify(&joined, b"context"), check(LEVEL), "{fields}");
        }
    }
    let lengths = |subject: &Subject| -> Vec<usize> {
        let written = |how| matches!(how, How::Sent | How::Attached);
        subject.steps().iter().filter(|step| written(step.how)).map(|step| step.bytes.len()).collect()
    };
    let lengths = subjects.each_ref().map(lengths);
    assert_eq!(lengths[0].len(), lengths[1].len());
    for (first, second) in [(0, 1), (1, 0)] {
        let (mut here, mut there) = (0, 0);
        for (&own, &other) in lengths[first].iter().zip(&lengths[second]) {
            let (front, back) = (&receipts[first].proof, &receipts[second].proof);
            let proof = [&front[..here], &back[there..]].concat();
            if proof != *front {
                let verdict = key.verify(&Receipt { proof, ..receipts[first].clone() }, b"context");
                assert!(matches!(verdict, Err(Refused::Proof(_))), "at {here}: {verdict:?}");
            }
            (here, there) = (here + own, there + other);
        }
        assert_eq!((here, there), (receipts[first].proof.len(), receipts[second].proof.len()));
    }
}
