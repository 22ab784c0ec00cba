//! The oracle on a satisfied circuit, and on every single-cell change of it.

mod common;

use common::*;
use tacit_circuit::*;

fn satisfied() -> (Circuit, Values) {
    let (circuit, mut values) = (two_layers(), honest());
    circuit.validate().unwrap();
    count_lookups(&circuit, &mut values).unwrap();
    (circuit, values)
}

#[test]
fn the_honest_witness_passes() {
    let (circuit, values) = satisfied();
    assert_eq!(check(&circuit, &values), Ok(()));
    assert_eq!(values.columns[RANGE_COUNT as usize].iter().sum::<i64>(), 18);
    assert_eq!(values.columns[TABLE_COUNT as usize].iter().sum::<i64>(), 18);
}

#[test]
fn every_changed_cell_breaks_a_named_relation() {
    let (circuit, values) = satisfied();
    let names: Vec<&String> = circuit
        .contracts
        .iter()
        .map(|c| &c.name)
        .chain(circuit.lookups.iter().map(|l| &l.name))
        .chain(circuit.tables.iter().map(|t| &t.name))
        .chain(circuit.columns.iter().map(|c| &c.name))
        .collect();
    for (column, cells) in values.columns.iter().enumerate() {
        for cell in 0..cells.len() {
            for change in [-1, 1] {
                let mut wrong = values.clone();
                wrong.columns[column][cell] += change;
                let failure = check(&circuit, &wrong).expect_err(&circuit.columns[column].name);
                assert!(names.contains(&&failure.relation), "{failure}");
                if !matches!(failure.kind, FailureKind::Count) {
                    assert!(!failure.index.is_empty());
                }
            }
        }
    }
}

#[test]
fn the_index_is_the_broken_one() {
    let (circuit, values) = satisfied();
    let fails = |column: u32, cell: usize, change: i64| {
        let mut wrong = values.clone();
        wrong.columns[column as usize][cell] += change;
        let failure = check(&circuit, &wrong).unwrap_err();
        (failure.relation, failure.kind, failure.index)
    };
    assert_eq!(fails(Q1, 6, 1), ("layer 1".into(), FailureKind::Contract, vec![1, 2]));
    assert_eq!(fails(R2, 7, 1), ("q2".into(), FailureKind::Definition, vec![1, 2]));
    assert_eq!(fails(Y2, 9, 1), ("layer 2 activation".into(), FailureKind::Lookup, vec![1, 4]));
    assert_eq!(fails(X, 4, 1000), ("x".into(), FailureKind::Interval, vec![1, 1]));
    assert_eq!(fails(RANGE_COUNT, 3, -1), ("range".into(), FailureKind::Count, vec![0, 3]));
}

#[test]
fn a_tuple_outside_its_table_is_not_counted() {
    let (circuit, mut values) = (two_layers(), honest());
    values.columns[Y1 as usize][5] += 1;
    let failure = count_lookups(&circuit, &mut values).unwrap_err();
    assert_eq!(
        (failure.relation.as_str(), failure.kind, failure.index),
        ("layer 1 activation", FailureKind::Lookup, vec![1, 1])
    );
    let mut values = honest();
    values.columns[R2 as usize][0] = 4;
    assert_eq!(count_lookups(&circuit, &mut values).unwrap_err().relation, "layer 2 remainder");
}

#[test]
fn a_component_beyond_63_bits_is_refused() {
    let (mut circuit, mut values) = (two_layers(), honest());
    circuit.lookups[3].components[0].terms[0].coefficient = tacit_algebra::signed(1 << 39);
    values.columns[Q2 as usize][0] = 1 << 25;
    let failure = count_lookups(&circuit, &mut values).unwrap_err();
    assert_eq!((failure.relation.as_str(), failure.kind), ("layer 2 activation", FailureKind::Magnitude));
}

#[test]
fn buffers_are_read_exactly() {
    let (circuit, honest) = (two_layers(), honest());
    let buffer = |ids: &[u32]| -> Vec<u8> {
        ids.iter().flat_map(|&id| cells(&circuit.columns[id as usize], &honest.columns[id as usize])).collect()
    };
    let (weights, public, witness) = (buffer(&[W1, B1, W2, B2]), buffer(&[X, Y2]), buffer(&[Q1, R1, Y1, R2, Q2]));
    assert_eq!(Values::read(&circuit, &weights, &public, &witness), Ok(honest.clone()));
    for change in 0..3 {
        let cut = |buffer: &Vec<u8>, here| {
            if change == here { buffer[1..].to_vec() } else { buffer.clone() }
        };
        assert!(Values::read(&circuit, &cut(&weights, 0), &cut(&public, 1), &cut(&witness, 2)).is_err());
        let grow = |buffer: &Vec<u8>, here| {
            if change == here { [buffer.as_slice(), &[0]].concat() } else { buffer.clone() }
        };
        assert!(Values::read(&circuit, &grow(&weights, 0), &grow(&public, 1), &grow(&witness, 2)).is_err());
    }
}
