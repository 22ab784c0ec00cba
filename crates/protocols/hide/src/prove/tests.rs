//! A small verifier in its three readings; provers that lie about messages, pads, products and dummies.

use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tacit_algebra::P;
use tacit_transcript::{Invalid, Reading, Receiver, Transcript};

use super::*;
use crate::{Affine, Blank, Hidden, Variable, mask_form, pad_form};

fn element(random: &mut SmallRng) -> K {
    K::from_basis_coefficients_fn(|_| F::from_u64(random.random_range(0..P)))
}

fn evaluate(affine: &Affine, pads: &Pads) -> K {
    let term = |&(variable, coefficient): &(Variable, K)| coefficient * pads.values[pads.variables.position(variable)];
    affine.constant + affine.terms().iter().map(term).sum::<K>()
}

fn pads(variables: &Variables, seed: u8) -> Pads {
    Pads::new(variables, &Randomness::new([seed; 32]), 1)
}

/// A random expression in `variables` pads; some are named twice.
fn affine(variables: u32, random: &mut SmallRng) -> Affine {
    let terms = (0..variables + 2).map(|_| (Variable::Pad(random.random_range(0..variables)), element(random)));
    let terms = terms.collect();
    Affine::new(element(random), terms)
}

proptest! {
    #[test]
    fn expressions_compute_as_their_values_do(count in 1u32..6, seed: u64) {
        let mut random = SmallRng::seed_from_u64(seed);
        let pads = pads(&Variables { pads: count, products: vec![] }, 3);
        let (a, b, scale) = (affine(count, &mut random), affine(count, &mut random), element(&mut random));
        let of = |affine: Affine| evaluate(&affine, &pads);
        let (x, y) = (of(a.clone()), of(b.clone()));
        prop_assert_eq!(of(a.clone() + b.clone()), x + y);
        prop_assert_eq!(of(a.clone() - b.clone()), x - y);
        prop_assert_eq!(of(a.clone() * scale), x * scale);
        prop_assert_eq!(of(Affine::from(scale)), scale);
        // Which terms there are depends on no value.
        prop_assert_eq!((a.clone() - a.clone()).terms().len(), a.terms().len());
        prop_assert_eq!((a.clone() * K::ZERO).terms().len(), a.terms().len());
        let sorted = |affine: &Affine| affine.terms().is_sorted_by(|(first, _), (second, _)| first < second);
        prop_assert!(sorted(&a) && sorted(&(a.clone() + b.clone())));
    }

    #[test]
    fn products_of_two_and_three_factors_are_products(count in 1u32..5, seed: u64) {
        let mut random = SmallRng::seed_from_u64(seed);
        let factors: Vec<Affine> = (0..3).map(|_| affine(count, &mut random)).collect();
        let mut hidden = Hidden::new(Blank::new());
        let two = hidden.multiply(&factors[0], &factors[1]);
        let needed = hidden.products().len();
        // Either order asks for the same committed products.
        prop_assert_eq!(&hidden.multiply(&factors[1], &factors[0]), &two);
        prop_assert_eq!(hidden.products().len(), needed);
        let three = hidden.multiply(&two, &factors[2]);
        let pads = pads(&Variables { pads: count, products: hidden.products().to_vec() }, 4);
        let values: Vec<K> = factors.iter().map(|factor| evaluate(factor, &pads)).collect();
        prop_assert_eq!(evaluate(&two, &pads), values[0] * values[1]);
        prop_assert_eq!(evaluate(&three, &pads), values[0] * values[1] * values[2]);
    }
}

/// Reads x, y, w and z = x y w, and s = r x + y for a challenge r; claims that something committed is s - w.
fn verifier<R: Reading>(reading: &mut R) -> Result<R::Value, Invalid> {
    let (x, y, w) = (reading.receive("x")?, reading.receive("y")?, reading.receive("w")?);
    let z = reading.receive("z")?;
    let (two, r) = (reading.multiply(&x, &y), reading.draw("r"));
    let three = reading.multiply(&two, &w);
    reading.require_zero(three - z, "the product")?;
    let s = reading.receive("s")?;
    reading.require_zero(x * r + y - s.clone(), "the sum")?;
    Ok(s - w)
}

/// The messages of its prover, the last two moved by a lie.
fn prove(sender: &mut Sender, lies: [K; 2]) -> K {
    let mut random = SmallRng::seed_from_u64(8);
    let (x, y, w) = (element(&mut random), element(&mut random), element(&mut random));
    sender.send_many("x", &[x]);
    sender.send_many("y", &[y]);
    sender.send_many("w", &[w]);
    sender.send("z", x * y * w + lies[0]);
    let s = x * sender.draw("r") + y + lies[1];
    sender.send("s", s);
    s - w
}

fn transcript() -> Transcript {
    Transcript::new("toy")
}

fn needed() -> Variables {
    let mut hidden = Hidden::new(Blank::new());
    let _ = verifier(&mut hidden).unwrap();
    hidden.close().unwrap().2
}

/// What must be zero, in its order.
const CHECKS: [&str; 6] = ["the product", "the sum", "triples", "a", "b", "c"];

/// A hiding proof, made with some pads.
fn proof(pads: &Pads, lies: [K; 2]) -> Vec<u8> {
    let mut sender = Sender::padded(transcript(), pads.messages());
    let _ = prove(&mut sender, lies);
    prove_triples(pads, &mut sender);
    assert_eq!(sender.pads_left(), 0);
    sender.finish()
}

/// Reads a proof: the claim, and the checks that do not hold of the committed variables.
fn read(proof: &[u8], committed: &Pads) -> (Affine, Vec<&'static str>) {
    let mut hidden = Hidden::new(Receiver::new(transcript(), proof));
    let claim = verifier(&mut hidden).unwrap();
    let (receiver, zeros, variables) = hidden.close().unwrap();
    assert_eq!((receiver.finish(), &variables), (Ok(()), &committed.variables));
    assert_eq!(zeros.len(), CHECKS.len());
    let broken = zeros.iter().zip(CHECKS).filter(|(zero, _)| evaluate(zero, committed) != K::ZERO);
    (claim, broken.map(|(_, check)| check).collect())
}

#[test]
fn three_readings_agree() {
    let variables = needed();
    // x y, (x y) w and what the constants leave: x w, y w; pads of five messages and of three coefficients a round of three.
    assert_eq!((variables.pads, variables.products.len(), variables.count()), (5 + 9, 4, 24));
    let mut sender = Sender::new(transcript());
    let value = prove(&mut sender, [K::ZERO; 2]);
    let clear = sender.finish();
    let mut receiver = Receiver::new(transcript(), &clear);
    assert_eq!(verifier(&mut receiver), Ok(value));
    assert_eq!(receiver.finish(), Ok(()));
    for seed in 0..3 {
        let pads = pads(&variables, seed);
        let proof = proof(&pads, [K::ZERO; 2]);
        let (claim, broken) = read(&proof, &pads);
        assert!(broken.is_empty(), "{broken:?}");
        // The challenge differs from the clear reading's: s - w = r x + y - w of this one.
        let mut receiver = Receiver::new(transcript(), &proof);
        let sent: Vec<K> = ["x", "y", "w", "z"].iter().map(|label| receiver.receive(label).unwrap()).collect();
        let (x, y, w) = (sent[0] - pads.values[0], sent[1] - pads.values[1], sent[2] - pads.values[2]);
        assert_eq!(evaluate(&claim, &pads), x * receiver.draw("r") + y - w);
    }
}

#[test]
fn messages_are_padded_one_by_one() {
    let variables = needed();
    let of = |seed: u8| -> Vec<u8> { proof(&pads(&variables, seed), [K::ZERO; 2]) };
    let (first, second) = (of(1), of(2));
    // All 14 padded messages and the three values in clear.
    assert_eq!(first.len(), 24 * 17);
    assert!(first.chunks(8).zip(second.chunks(8)).all(|(a, b)| a != b));
    let messages = pads(&variables, 1).messages();
    assert!(messages.iter().enumerate().all(|(i, pad)| !messages[i + 1..].contains(pad)));
    // A message for which no pad is left is not sent.
    let mut sender = Sender::padded(transcript(), messages[..2].to_vec());
    let _ = prove(&mut sender, [K::ZERO; 2]);
    assert_eq!(sender.sent().len(), 2 * 24);
}

#[test]
fn a_wrong_message_breaks_its_check() {
    let pads = pads(&needed(), 5);
    for (lies, check) in [([K::ONE, K::ZERO], "the product"), ([K::ZERO, K::ONE], "the sum")] {
        let mut sender = Sender::new(transcript());
        let _ = prove(&mut sender, lies);
        let clear = sender.finish();
        assert_eq!(verifier(&mut Receiver::new(transcript(), &clear)), Err(Invalid::Check(check)));
        assert_eq!(read(&proof(&pads, lies), &pads).1, [check]);
    }
}

/// Of all committed variables, changed after the proof was made.
#[test]
fn a_changed_variable_breaks_a_claim() {
    let pads = pads(&needed(), 6);
    let proof = proof(&pads, [K::ZERO; 2]);
    for at in 0..pads.values.len() {
        let mut changed = pads.clone();
        changed.values[at] += K::ONE;
        let (_, broken) = read(&proof, &changed);
        let expected: &[&str] = match at {
            // x and y in the sum as well; z and s; the pads of the triples' rounds.
            0 | 1 => &["the product", "the sum", "a", "b"],
            2 => &["the product", "a", "b"],
            3 => &["the product"],
            4 => &["the sum"],
            5..14 => &["triples"],
            _ => &[],
        };
        assert!(!broken.is_empty(), "variable {at}");
        assert!(broken.iter().all(|check| at >= 14 || expected.contains(check)), "variable {at}: {broken:?}");
        assert!(at < 14 || broken.iter().any(|check| ["a", "b", "c"].contains(check)), "variable {at}: {broken:?}");
    }
}

/// The prover commits to a product that is none, and sends the wrong message that fits: without the check of the triples nothing
/// objects.
#[test]
fn a_forged_product_is_caught_by_the_triples_alone() {
    let variables = needed();
    for at in 0..variables.products.len() as u32 {
        let mut forged = pads(&variables, 7);
        let probe = proof(&forged, [K::ZERO; 2]);
        forged.values[variables.position(Variable::Product(at))] += K::ONE;
        // Products of the forged one are honest.
        for (number, &(a, b)) in (0..).zip(&variables.products).filter(|(number, _)| *number > at) {
            let product = forged.values[variables.position(a)] * forged.values[variables.position(b)];
            forged.values[variables.position(Variable::Product(number))] = product;
        }
        let mut hidden = Hidden::new(Receiver::new(transcript(), &probe));
        let _ = verifier(&mut hidden).unwrap();
        let lie = evaluate(&hidden.zeros[0], &forged);
        assert_ne!(lie, K::ZERO);
        assert_eq!(read(&proof(&forged, [lie, K::ZERO]), &forged).1, ["triples"], "product {at}");
    }
}

#[test]
fn a_dummy_triple_must_be_one() {
    let mut forged = pads(&needed(), 9);
    let place = forged.values.len() - 1;
    forged.values[place] += K::ONE;
    assert_eq!(read(&proof(&forged, [K::ZERO; 2]), &forged).1, ["triples"]);
}

/// Every word of the triples' part of a proof.
#[test]
fn an_altered_round_or_value_of_the_triples_breaks_a_claim() {
    let pads = pads(&needed(), 10);
    let honest = proof(&pads, [K::ZERO; 2]);
    for at in (5 * 24..honest.len()).step_by(8) {
        let mut altered = honest.clone();
        altered[at] ^= 1;
        assert!(!read(&altered, &pads).1.is_empty(), "byte {at}");
    }
}

#[test]
fn the_form_of_the_variables_is_that_of_the_claims() {
    let mut random = SmallRng::seed_from_u64(11);
    let variables = needed();
    let pads = pads(&variables, 11);
    let values: Vec<Affine> = (0..4).map(|_| affine(variables.pads, &mut random)).collect();
    let zeta = element(&mut random);
    let term = pad_form(&values, zeta, &variables, 7).unwrap();
    let (rows, basis) = (term.weights[0].dense(), term.weights[1].dense());
    let cells = pads.cells();
    assert_eq!((cells.len(), rows.len(), basis.len(), term.column), (3 * 24, 24, 3, 7));
    let weights = rows.iter().flat_map(|&row| basis.iter().map(move |&b| row * b));
    let form: K = weights.zip(&cells).map(|(weight, &cell)| weight * signed(cell)).sum::<K>() * term.coefficient;
    let expected =
        values.iter().zip(zeta.powers()).map(|(value, power)| power * (value.constant - evaluate(value, &pads)));
    assert_eq!(form, expected.sum::<K>());
    let foreign = Affine::new(K::ZERO, vec![(Variable::Dummy(6), K::ONE)]);
    assert!(matches!(pad_form(&[foreign], zeta, &variables, 7), Err(Invalid::Circuit(_))));
}

#[test]
fn the_mask_has_other_powers_in_every_limb() {
    let z = element(&mut SmallRng::seed_from_u64(12));
    let form = mask_form(&[(4, 3), (9, 2)], z, K::TWO);
    let powers = |term: &tacit_columns::FormTerm| term.weights[0].dense();
    assert_eq!((form[0].column, form[1].column, form[0].coefficient), (4, 9, K::TWO));
    assert_eq!(powers(&form[0]), [1, 2, 3].map(|e| z.exp_u64(e)));
    assert_eq!(powers(&form[1]), [2, 4].map(|e| z.exp_u64(e)));
}

#[test]
fn wiped_pads_are_zero() {
    let mut pads = pads(&Variables { pads: 4, products: vec![] }, 3);
    assert!(pads.values.iter().all(|&value| value != K::ZERO));
    pads.wipe();
    assert!(pads.values.iter().all(|&value| value == K::ZERO));
}
