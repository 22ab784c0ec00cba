//! Completeness and soundness on random circuits.

mod support;

use std::sync::atomic::Ordering::Relaxed;

use support::{Case, Random, holds, products_total, prove, random_weights, verify};
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::progress::Progress;
use tacit_algebra::{F, K, from_bytes, to_bytes};
use tacit_circuit::{Map, Sum, Term, View};
use tacit_columns::{Views, Weighted};
use tacit_transcript::{Invalid, Sender, Transcript};

fn identity(axes: &[u16]) -> Vec<Map> {
    axes.iter().map(|&axis| Map::Affine { offset: 0, terms: vec![(axis, 1)] }).collect()
}

fn affine(offset: i64, terms: &[(u16, i64)]) -> Map {
    Map::Affine { offset, terms: terms.to_vec() }
}

fn product(factors: Vec<View>) -> Vec<Term> {
    vec![Term { coefficient: F::ONE, factors }]
}

/// Proves, verifies, and checks every claim by brute force; returns the number of claims and the proof.
fn round_trip(case: &Case, virtuals: &[Weighted<'_>]) -> (usize, Vec<u8>) {
    let (proof, sent) = prove(case, virtuals);
    let got = verify(case, virtuals, &proof).expect("an honest proof");
    assert_eq!(got.virtual_total, virtuals.iter().map(|weighted| products_total(case, weighted)).sum());
    assert_eq!(sent.claims.len(), got.claims.len());
    for (claim, same) in got.claims.iter().zip(&sent.claims) {
        assert_eq!(claim.value, same.value);
        assert!(holds(case, claim));
    }
    (got.claims.len(), proof)
}

fn random_case(seed: u64) -> (Case, Vec<Sum>) {
    let mut random = Random(seed);
    let mut case = Case::new();
    for _ in 0..random.range(0, 3) {
        let sum = case.random_sum(&mut random);
        case.add_contract(sum);
    }
    let virtuals = (0..random.range(0, 2)).map(|_| case.random_sum(&mut random)).collect();
    (case, virtuals)
}

fn weighted<'a>(seed: u64, sums: &'a [Sum]) -> Vec<Weighted<'a>> {
    let mut random = Random(!seed);
    sums.iter()
        .map(|sum| Weighted { sum, weights: random_weights(&mut random, sum), scale: random.element() })
        .collect()
}

#[test]
fn random_circuits_leave_true_claims() {
    for seed in 0..400 {
        let (case, sums) = random_case(seed);
        round_trip(&case, &weighted(seed, &sums));
    }
}

#[test]
fn a_changed_cell_leaves_a_false_claim() {
    let mut seen = 0;
    for seed in 0..60 {
        let (mut case, sums) = random_case(seed);
        let Some(contract) = case.circuit.contracts.first() else {
            continue;
        };
        // The last term is minus the column of the relation's values.
        let Some(view) = contract.zero.terms.last().and_then(|term| term.factors.first()) else {
            continue;
        };
        let cells = &mut case.values.columns[view.column as usize];
        let at = seed as usize % cells.len();
        cells[at] += 1;
        let virtuals = weighted(seed, &sums);
        let (proof, _) = prove(&case, &virtuals);
        let got = verify(&case, &virtuals, &proof).expect("the sumcheck itself is honest");
        assert!(got.claims.iter().any(|claim| !holds(&case, claim)));
        seen += 1;
    }
    assert!(seen > 20);
}

#[test]
fn an_altered_message_is_refused_or_leaves_a_false_claim() {
    for seed in 0..40 {
        let (case, sums) = random_case(seed);
        let virtuals = weighted(seed, &sums);
        let (proof, honest) = prove(&case, &virtuals);
        for message in 0..proof.len() / 24 {
            let mut forged = proof.clone();
            let place = &mut forged[24 * message..24 * message + 24];
            let value = from_bytes(place.try_into().expect("24 bytes")).expect("canonical");
            place.copy_from_slice(&to_bytes(value + K::ONE));
            if let Ok(got) = verify(&case, &virtuals, &forged) {
                let false_total = got.virtual_total != honest.virtual_total;
                assert!(
                    false_total || got.claims.iter().any(|claim| !holds(&case, claim)),
                    "seed {seed}, message {message}"
                );
            }
        }
    }
}

#[test]
fn malformed_proofs_are_errors() {
    let (case, sums) =
        (0..).map(random_case).find(|(case, sums)| case.circuit.contracts.len() > 1 && !sums.is_empty()).expect("one");
    let virtuals = weighted(1, &sums);
    let (proof, _) = prove(&case, &virtuals);
    assert!(proof.len() > 48);
    for length in 0..proof.len() {
        assert!(matches!(verify(&case, &virtuals, &proof[..length]), Err(Invalid::Truncated(_))));
    }
    let extended = [proof.as_slice(), &[0]].concat();
    assert!(matches!(verify(&case, &virtuals, &extended), Err(Invalid::Trailing(_))));
    let mut wide = proof.clone();
    wide[..8].fill(0xff);
    assert!(matches!(verify(&case, &virtuals, &wide), Err(Invalid::NonCanonical(_))));
}

/// `Y[co, y, x] = sum W[co, ci, dy, dx] X[ci, s y + d dy - p, s x + d dx - p]`.
#[test]
fn convolution_shares_channels_and_taps() {
    for (stride, dilation, pad, depthwise) in [(1, 1, 1, false), (2, 1, 0, false), (1, 2, 2, false), (2, 1, 1, true)] {
        let mut random = Random(stride as u64 + 10 * dilation as u64);
        let mut case = Case::new();
        // Axes: co, y, x, ci, dy, dx; a depthwise convolution shares co.
        let axes = if depthwise { vec![5, 4, 3, 1, 3, 2] } else { vec![5, 4, 3, 3, 3, 2] };
        let window = |out: u16, tap: u16| affine(-pad, &[(out, stride), (tap, dilation)]);
        let x = case.random_column(&mut random, vec![if depthwise { 5 } else { 3 }, 9, 7]);
        let w = case.random_column(&mut random, vec![5, axes[3], 3, 2]);
        let channel = if depthwise { 0 } else { 3 };
        let maps = vec![affine(0, &[(channel, 1)]), window(1, 4), window(2, 5)];
        let factors = vec![View { column: w, maps: identity(&[0, 3, 4, 5]) }, View { column: x, maps }];
        case.add_contract(Sum { axes, outputs: 3, terms: product(factors) });
        assert_eq!(round_trip(&case, &[]).0, 3);
    }
}

#[test]
fn elementwise_products_broadcast() {
    let mut random = Random(3);
    let mut case = Case::new();
    let e = case.random_column(&mut random, vec![37, 70]);
    let inverse = case.random_column(&mut random, vec![37]);
    let scale = case.random_column(&mut random, vec![70]);
    let view = |column, axes: &[u16]| View { column, maps: identity(axes) };
    let mut terms = product(vec![view(e, &[0, 1]), view(inverse, &[0])]);
    terms.extend(product(vec![view(e, &[0, 1]), view(scale, &[1]), view(inverse, &[0])]));
    terms.extend(product(vec![view(e, &[0, 1]), view(e, &[0, 1])]));
    case.add_contract(Sum { axes: vec![37, 70], outputs: 2, terms });
    // Affine; e shared on both axes at rho (two terms), on the rows alone, and what multiplies it: equal values are sent once.
    let (claims, proof) = round_trip(&case, &[]);
    assert!(claims <= 6, "{claims} claims");
    assert_eq!(proof.len(), 24 * (1 + 13 * 4 + claims - 1));
}

#[test]
fn heads_split_a_flat_axis() {
    let mut random = Random(4);
    let mut case = Case::new();
    // Axes: head, query, key, inner; stored [query, head * inner].
    let stored = vec![6, 12];
    let (q, k) = (case.random_column(&mut random, stored.clone()), case.random_column(&mut random, stored));
    let flat = affine(0, &[(0, 4), (3, 1)]);
    let view = |column, axis: u16| View { column, maps: vec![affine(0, &[(axis, 1)]), flat.clone()] };
    case.add_contract(Sum { axes: vec![3, 6, 6, 4], outputs: 3, terms: product(vec![view(q, 1), view(k, 2)]) });
    assert_eq!(round_trip(&case, &[]).0, 3);
}

#[test]
fn a_virtual_term_shares_the_values_of_a_contract_term() {
    let mut random = Random(5);
    let mut case = Case::new();
    let (a, b) = (case.random_column(&mut random, vec![5, 6]), case.random_column(&mut random, vec![5, 6]));
    let view = |column| View { column, maps: identity(&[0, 1]) };
    let sum = Sum { axes: vec![5, 6], outputs: 2, terms: product(vec![view(a), view(b)]) };
    case.add_contract(sum.clone());
    let sums = [sum];
    assert_eq!(round_trip(&case, &weighted(5, &sums)).0, 3);
    // Without contracts: no affine claim, the virtual total alone.
    case.circuit.contracts.clear();
    assert_eq!(round_trip(&case, &weighted(5, &sums)).0, 2);
}

#[test]
fn nothing_to_reduce_sends_nothing() {
    let mut case = Case::new();
    assert_eq!(round_trip(&case, &[]), (0, Vec::new()));
    case.add_contract(Sum {
        axes: vec![3],
        outputs: 1,
        terms: vec![Term { coefficient: F::TWO, factors: Vec::new() }],
    });
    assert_eq!(round_trip(&case, &[]), (1, Vec::new()));
}

#[test]
fn the_prover_stops_when_asked() {
    let (case, _) = (0..).map(random_case).find(|(case, _)| prove(case, &[]).0.len() > 48).expect("one");
    let progress = Progress::default();
    progress.stop.store(true, Relaxed);
    let mut sender = Sender::new(Transcript::new("test"));
    assert!(
        tacit_contract::prove(&case.circuit, &case.values, &[], &mut Views::new(), &mut sender, &progress).is_err()
    );
}
