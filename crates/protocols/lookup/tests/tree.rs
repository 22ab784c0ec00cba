//! Completeness and soundness of the lookup protocol on random circuits.

mod common;

use common::{Builder, Random, check, holds, listed, proof, random_circuit};
use proptest::prelude::*;
use tacit_algebra::progress::{Progress, Stopped};
use tacit_circuit::{Circuit, Home, Rule};
use tacit_columns::Views;
use tacit_lookup::{prove, verify};
use tacit_transcript::{Invalid, Receiver, Sender, Transcript};

fn axes() -> impl Strategy<Value = Vec<Vec<u64>>> {
    let length = prop_oneof![Just(1u64), Just(2), Just(3), Just(5), Just(8), Just(9), Just(13), 1u64..40];
    prop::collection::vec(prop::collection::vec(length, 0..4), 1..6)
}

/// The circuit's proof is accepted and leaves true claims, the same on both sides.
fn complete(builder: &Builder) {
    let (bytes, proved) = proof(builder);
    let checked = check(&builder.circuit, &bytes).expect("a true statement");
    assert!(holds(&checked, &builder.values));
    assert_eq!(proved.numerators.value, checked.numerators.value);
    assert_eq!(proved.fingerprints.value, checked.fingerprints.value);
    assert_eq!(proved.virtuals.len(), checked.virtuals.len());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn true_statements_leave_true_claims(axes in axes(), seed: u64) {
        complete(&random_circuit(&axes, seed));
    }

    #[test]
    fn any_bytes_are_refused_or_leave_false_claims(axes in axes(), seed: u64, bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        let builder = random_circuit(&axes, seed);
        prop_assert!(check(&builder.circuit, &bytes).map_or(true, |reduced| !holds(&reduced, &builder.values)));
    }

    #[test]
    fn a_false_statement_fails_at_the_root(axes in axes(), seed: u64) {
        let mut builder = random_circuit(&axes, seed);
        let mut random = Random(seed ^ 1);
        let used: Vec<usize> = (0..builder.circuit.columns.len())
            .filter(|&c| !matches!(builder.circuit.columns[c].home, Home::Virtual(_)))
            .filter(|&c| changes_a_tuple(&builder.circuit, c))
            .collect();
        let column = used[random.below(used.len() as u64) as usize];
        let cells = &mut builder.values.columns[column];
        let cell = random.below(cells.len() as u64) as usize;
        cells[cell] += 1 << 30;
        let (bytes, _) = proof(&builder);
        prop_assert_eq!(check(&builder.circuit, &bytes).err(), Some(Invalid::Check("the fraction tree's root")));
    }
}

/// Whether the tree's leaves depend on the column directly: a count, or a component's own factor.
fn changes_a_tuple(circuit: &Circuit, column: usize) -> bool {
    let sums = circuit.lookups.iter().flat_map(|lookup| &lookup.components);
    let mut views = sums.flat_map(|sum| &sum.terms).flat_map(|term| &term.factors);
    circuit.columns[column].home == Home::Count || views.any(|view| view.column as usize == column)
}

#[test]
fn shapes_that_cross_blocks_runs_and_tasks() {
    for axes in [
        vec![197, 197],
        vec![3, 1000],
        vec![70, 25],
        vec![2049],
        vec![9, 7, 5, 3],
        vec![40, 2, 2],
        vec![33, 512],
        vec![5, 768],
    ] {
        let seed = axes.iter().sum();
        complete(&random_circuit(&[axes, vec![1000], vec![1], vec![]], seed));
    }
}

#[test]
fn many_small_regions_meet_in_the_tail() {
    let axes: Vec<Vec<u64>> = (0..60).map(|i| vec![1 + i % 7, 1 + i % 3]).collect();
    complete(&random_circuit(&axes, 7));
}

#[test]
fn every_altered_message_is_refused_or_leaves_a_false_claim() {
    let builder = random_circuit(&[vec![3, 5], vec![2]], 11);
    let (bytes, _) = proof(&builder);
    for at in (0..bytes.len()).step_by(8) {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        assert!(
            check(&builder.circuit, &altered).map_or(true, |reduced| !holds(&reduced, &builder.values)),
            "byte {at}"
        );
    }
    for length in 0..bytes.len() {
        assert!(check(&builder.circuit, &bytes[..length]).is_err());
    }
    assert_eq!(check(&builder.circuit, &[bytes, vec![0]].concat()).err(), Some(Invalid::Trailing("the proof")));
}

/// Two tables of the same width; the tuples are in the first alone.
#[test]
fn a_tag_separates_tables() {
    let (mut builder, mut random) = (Builder::default(), Random(5));
    let first = builder.table(1, vec![(9, vec![Rule::Iota(100)])]);
    builder.table(1, vec![(9, vec![listed(&[100, 101, 102, 103, 104, 105, 106, 107, 108])])]);
    builder.lookup(first, &[6], &mut random);
    complete(&builder);
    builder.circuit.lookups[0].table = 1;
    let (bytes, _) = proof(&builder);
    assert_eq!(check(&builder.circuit, &bytes).err(), Some(Invalid::Check("the fraction tree's root")));
}

#[test]
fn a_component_is_bound_to_its_place() {
    let (mut builder, mut random) = (Builder::default(), Random(6));
    let table = builder.table(2, vec![(9, vec![Rule::Iota(1), Rule::Iota(500)])]);
    builder.lookup(table, &[6], &mut random);
    complete(&builder);
    builder.circuit.lookups[0].components.reverse();
    let (bytes, _) = proof(&builder);
    assert!(check(&builder.circuit, &bytes).is_err());
}

#[test]
fn a_circuit_without_lookups_has_no_messages() {
    let circuit = Circuit::default();
    let mut sender = Sender::new(Transcript::new("test"));
    let values = tacit_circuit::Values::default();
    let reduced = prove(&circuit, &values, &mut Views::default(), &mut sender, &Progress::default());
    assert!(matches!(reduced, Ok(None)) && sender.finish().is_empty());
    let mut receiver = Receiver::new(Transcript::new("test"), &[]);
    assert!(matches!(verify(&circuit, &mut Views::default(), &mut receiver), Ok(None)));
}

#[test]
fn malformed_circuits_are_refused() {
    let good = random_circuit(&[vec![4]], 3).circuit;
    let break_it = |change: &dyn Fn(&mut Circuit)| {
        let mut circuit = good.clone();
        change(&mut circuit);
        assert!(matches!(check(&circuit, &[0; 20000]), Err(Invalid::Circuit(_))));
    };
    break_it(&|circuit| circuit.lookups[0].table = 9);
    break_it(&|circuit| circuit.lookups[0].components.clear());
    break_it(&|circuit| circuit.lookups[0].components.iter_mut().for_each(|sum| sum.axes[0] = 0));
    break_it(&|circuit| circuit.lookups[0].components.iter_mut().for_each(|sum| sum.axes[0] = u64::MAX));
    break_it(&|circuit| circuit.tables[0].segments[0].rules.clear());
    break_it(&|circuit| circuit.tables[1].segments[0].entries = 0);
}

#[test]
fn a_stop_is_heeded() {
    let builder = random_circuit(&[vec![3, 5]], 1);
    let progress = Progress::default();
    progress.stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut sender = Sender::new(Transcript::new("test"));
    let stopped = prove(&builder.circuit, &builder.values, &mut Views::default(), &mut sender, &progress);
    assert_eq!(stopped.err(), Some(Stopped));
}
