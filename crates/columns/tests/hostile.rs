//! The largest layouts that a circuit may ask for, and the smallest that it may not.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use tacit_circuit::{Circuit, Column, Home, Parameters};
use tacit_columns::Layout;

/// Committed columns that no relation uses, of `threes` axes of length 3 (two pieces each) and `ones` of length 1.
fn idle(columns: usize, threes: usize, ones: usize) -> Circuit {
    let shape = [vec![3; threes], vec![1; ones]].concat();
    let column = |i: usize| Column {
        name: format!("column {i}"),
        shape: shape.clone(),
        bytes: 1,
        home: if i.is_multiple_of(2) { Home::Weights } else { Home::Witness },
    };
    let parameters = Parameters {
        log_rows: 29,
        folds: vec![],
        log_inverse_rates: vec![2],
        queries: vec![140],
        ..Parameters::default()
    };
    Circuit { columns: (0..columns).map(column).collect(), parameters, ..Circuit::default() }
}

/// A key of a thousand bytes, two columns of 2^18 blocks on 64 axes: over a gigabyte, and half a minute on a busy machine,
/// before anything is verified.
#[test]
fn a_small_circuit_with_very_many_blocks_is_refused() {
    for (columns, threes, ones) in [(2, 18, 46), (1, 18, 46), (2, 18, 10), (1 << 20, 1, 0)] {
        let error = idle(columns, threes, ones).validate().unwrap_err();
        assert!(error.to_string().contains("operations of a verifier"), "{error}");
    }
}

#[test]
fn the_largest_layout_that_is_allowed_is_built_soon() {
    for (columns, threes, ones) in [(2, 17, 3), (1, 17, 20), (1 << 17, 1, 0)] {
        let circuit = idle(columns, threes, ones);
        assert_eq!(circuit.validate(), Ok(()), "{columns} {threes} {ones}");
        let start = Instant::now();
        let layout = Layout::new(&circuit).unwrap();
        let blocks: usize = (0..columns as u32).map(|id| layout.blocks_of(id).len()).sum();
        assert_eq!(blocks, columns << threes);
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }
}
