//! Prints times; run with `cargo test --release -p tacit-circuit --test speed -- --ignored --nocapture`.

mod common;

use std::time::Instant;

use common::*;
use tacit_circuit::*;

#[test]
#[ignore = "prints times"]
fn reading_fifteen_million_cells() {
    for bytes in [1u8, 2, 4, 8] {
        let columns = (0..15).map(|i| column(&format!("w{i}"), &[1000, 1000], bytes, Home::Weights)).collect();
        let circuit = Circuit { columns, ..Circuit::default() };
        let buffer = vec![3u8; 15_000_000 * usize::from(bytes)];
        let start = Instant::now();
        let values = Values::read(&circuit, &buffer, &[], &[]).unwrap();
        println!("{bytes} bytes: {:.3} s, {} columns", start.elapsed().as_secs_f64(), values.columns.len());
    }
}

#[test]
#[ignore = "prints times"]
fn counting_two_million_tuples() {
    let (n, m, entries) = (2048u64, 1024u64, 1u64 << 16);
    let data = (0..entries as i64).flat_map(|i| ((i / 3) as i16).to_le_bytes()).collect();
    let one = |terms| sum(&[n, m], 2, terms);
    let shifted = one(vec![term(1, vec![read(0, &[0, 1])]), term(1 << 15, vec![])]);
    let circuit = Circuit {
        columns: vec![
            column("q", &[n, m], 2, Home::Witness),
            column("y", &[n, m], 2, Home::Witness),
            column("count", &[entries], 8, Home::Count),
        ],
        tables: vec![Table {
            name: "t".into(),
            width: 2,
            segments: vec![Segment { entries, count: 2, rules: vec![Rule::Iota(0), Rule::Listed { bytes: 2, data }] }],
        }],
        lookups: vec![Lookup {
            name: "l".into(),
            table: 0,
            components: vec![shifted, one(vec![term(1, vec![read(1, &[0, 1])])])],
        }],
        ..Circuit::default()
    };
    circuit.validate().unwrap();
    let q: Vec<i64> = (0..(n * m) as i64).map(|i| (i * 40_503) % (1 << 16) - (1 << 15)).collect();
    let y = q.iter().map(|&v| (v + (1 << 15)) / 3).collect();
    let mut values = Values { columns: vec![q, y, vec![]] };
    let start = Instant::now();
    count_lookups(&circuit, &mut values).unwrap();
    println!("counts: {:.3} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let found = component_values(&circuit, &values, &circuit.lookups[0].components[0]);
    println!("one component of {} cells: {:.4} s", found.len(), start.elapsed().as_secs_f64());
    // Transposed, and a strided window of three axes.
    let turned = sum(&[m, n], 2, vec![term(1, vec![read(0, &[1, 0])])]);
    let start = Instant::now();
    component_values(&circuit, &values, &turned);
    println!("transposed: {:.4} s", start.elapsed().as_secs_f64());
}

#[test]
#[ignore = "prints times"]
fn the_oracle_on_a_hundred_million_products() {
    let (m, k, n) = (128u64, 1024, 768);
    let product = term(1, vec![read(0, &[0, 2]), read(1, &[2, 1])]);
    let circuit = Circuit {
        columns: vec![column("x", &[m, k], 1, Home::Witness), column("w", &[k, n], 1, Home::Weights)],
        contracts: vec![Contract { name: "product".into(), zero: sum(&[m, n, k], 2, vec![product]) }],
        ..Circuit::default()
    };
    let values = Values { columns: vec![vec![0; (m * k) as usize], vec![3; (k * n) as usize]] };
    let start = Instant::now();
    check(&circuit, &values).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    println!("{:.2} s, {:.2} ns a product", seconds, seconds * 1e9 / (m * k * n) as f64);
}
