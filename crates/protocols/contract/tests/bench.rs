//! `cargo test --release -p tacit-contract --test bench -- --ignored --nocapture`: time per cell of typical relations.

mod support;

use std::time::Instant;

use support::{Case, Random, prove, verify};
use tacit_algebra::F;
use tacit_circuit::{Contract, Map, Sum, Term, View};

use tacit_algebra::field::PrimeCharacteristicRing;

fn column(case: &mut Case, shape: &[u64], bound: i64) -> u32 {
    let mut random = Random(shape.iter().sum());
    let cells = (0..shape.iter().product::<u64>()).map(|_| random.range(-bound, bound)).collect();
    case.column(shape.to_vec(), cells)
}

fn identity(axes: &[u16]) -> Vec<Map> {
    axes.iter().map(|&axis| Map::Affine { offset: 0, terms: vec![(axis, 1)] }).collect()
}

/// Adds a relation of one product; the relation does not hold, the prover does not mind.
fn relation(case: &mut Case, axes: &[u64], outputs: u16, factors: Vec<(u32, Vec<Map>)>) {
    let factors = factors.into_iter().map(|(column, maps)| View { column, maps }).collect();
    let zero = Sum { axes: axes.to_vec(), outputs, terms: vec![Term { coefficient: F::ONE, factors }] };
    case.circuit.contracts.push(Contract { name: "bench".into(), zero });
}

fn measure(name: &str, case: &Case) {
    let cells: usize = case.values.columns.iter().map(Vec::len).sum();
    let mut best = f64::INFINITY;
    let mut proof = Vec::new();
    for _ in 0..15 {
        let start = Instant::now();
        proof = prove(case, &[]).0;
        best = best.min(start.elapsed().as_secs_f64());
    }
    let start = Instant::now();
    assert!(verify(case, &[], &proof).is_ok());
    let verifier = start.elapsed().as_secs_f64();
    println!(
        "{name}: {cells} cells, prove {:.2} ms, {:.2} ns per cell; verify {:.3} ms, {} bytes",
        best * 1e3,
        best * 1e9 / cells as f64,
        verifier * 1e3,
        proof.len()
    );
}

fn convolution(channels: u64, size: u64) -> Case {
    let mut case = Case::new();
    let w = column(&mut case, &[channels, channels, 3, 3], 127);
    let x = column(&mut case, &[channels, size, size], 1 << 15);
    let window = |out: u16, tap: u16| Map::Affine { offset: -1, terms: vec![(out, 1), (tap, 1)] };
    let maps = vec![identity(&[3])[0].clone(), window(1, 4), window(2, 5)];
    relation(&mut case, &[channels, size, size, channels, 3, 3], 3, vec![(w, identity(&[0, 3, 4, 5])), (x, maps)]);
    case
}

#[test]
#[ignore = "prints times"]
fn times() {
    for (name, weights, axes) in [("[n, k]", [512, 4608], [1, 2]), ("[k, n]", [4608, 512], [2, 1])] {
        let mut case = Case::new();
        let w = column(&mut case, &weights, 127);
        let x = column(&mut case, &[1, 4608], 1 << 15);
        relation(&mut case, &[1, 512, 4608], 2, vec![(w, identity(&axes)), (x, identity(&[0, 2]))]);
        measure(&format!("matrix {name} 512 x 4608"), &case);
    }
    measure("convolution 512 x 512 x 3 x 3 on 14 x 14", &convolution(512, 14));
    measure("convolution 64 x 64 x 3 x 3 on 224 x 224", &convolution(64, 224));
    let mut case = Case::new();
    for _ in 0..6 {
        let w = column(&mut case, &[512, 4608], 127);
        let x = column(&mut case, &[1, 4608], 1 << 15);
        relation(&mut case, &[1, 512, 4608], 2, vec![(w, identity(&[1, 2])), (x, identity(&[0, 2]))]);
    }
    measure("six matrices", &case);
    let mut case = Case::new();
    let e = column(&mut case, &[1024, 1024], 1 << 15);
    let inverse = column(&mut case, &[1024], 1 << 15);
    relation(&mut case, &[1024, 1024], 2, vec![(e, identity(&[0, 1])), (inverse, identity(&[0]))]);
    measure("elementwise with broadcast", &case);
    let mut case = Case::new();
    let a = column(&mut case, &[1024, 1024], 1 << 15);
    let b = column(&mut case, &[1024, 1024], 1 << 14);
    relation(&mut case, &[1024, 1024], 2, vec![(a, identity(&[0, 1])), (b, identity(&[0, 1]))]);
    measure("elementwise", &case);
}
