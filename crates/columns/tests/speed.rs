//! Prints times; run with `cargo test --release -p tacit-columns --test speed -- --ignored --nocapture`.

mod common;

use std::time::Instant;

use common::*;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::multilinear::bits;
use tacit_algebra::packed::{Packed, WIDTH};
use tacit_algebra::{F, K};
use tacit_circuit::*;
use tacit_columns::*;

/// Nanoseconds that this process' threads spent on a processor.
fn on_processor() -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let spent = |path: std::path::PathBuf| std::fs::read_to_string(path).ok()?.split(' ').next()?.parse::<u64>().ok();
    threads.filter_map(|thread| spent(thread.path().join("schedstat"))).sum()
}

fn timed<T>(what: &str, units: u64, run: impl FnOnce() -> T) -> T {
    let (start, before) = (Instant::now(), on_processor());
    let result = run();
    let seconds = start.elapsed().as_secs_f64();
    let cpu = (on_processor() - before) as f64;
    println!(
        "{what}: {:.2} ms, {:.2} ms of processors, {:.2} ns of them per unit",
        seconds * 1e3,
        cpu / 1e6,
        cpu / units as f64
    );
    result
}

/// VGG-like: convolution weights, a long matrix, activations.
fn circuit() -> Circuit {
    let mut columns: Vec<Column> = (0..5).map(|_| column("conv", &[512, 512, 3, 3], Home::Weights)).collect();
    columns.push(column("dense", &[768, 3072], Home::Weights));
    columns.extend((0..3).map(|_| column("activation", &[128, 56, 56], Home::Witness)));
    Circuit { columns, parameters: Parameters { log_rows: 18, ..Parameters::default() }, ..Circuit::default() }
}

#[test]
#[ignore = "prints times"]
fn limbs_dense_weights_and_evaluation() {
    let circuit = circuit();
    let mut numbers = Numbers::new(5);
    let layout = timed("layout", 1, || Layout::new(&circuit)).unwrap();
    let cells = |c: &Column| c.shape.iter().product::<u64>();
    let values = Values { columns: circuit.columns.iter().map(|c| vec![7; cells(c) as usize]).collect() };
    let rows = 1usize << layout.log_rows();
    timed("all limbs, one after another", layout.cells(0) + layout.cells(1), || {
        let (cells, mut limb) = (layout.committed(&values), vec![F::ZERO; rows]);
        (0..layout.widths().iter().sum()).for_each(|address| cells.read(address, 0, &mut limb));
    });
    let eq = |numbers: &mut Numbers, len: u64| std::sync::Arc::new(Weight::Eq { point: numbers.point(bits(len)), len });
    for terms in [1, 2, 4] {
        for shared in [false, true] {
            let mut form = Form::new();
            for (id, column) in (0u32..).zip(&circuit.columns) {
                let last: Vec<_> = column.shape.iter().map(|&len| eq(&mut numbers, len)).collect();
                for _ in 0..terms {
                    let mut weights: Vec<_> = column.shape.iter().map(|&len| eq(&mut numbers, len)).collect();
                    if shared {
                        weights[1..].clone_from_slice(&last[1..]);
                    }
                    form.push(FormTerm { coefficient: K::ONE, column: id, weights });
                }
            }
            let cells = layout.cells(0) + layout.cells(1);
            timed(&format!("weights, {terms} terms a column, shared {shared}"), cells * terms, || {
                let (weights, mut sums) = (layout.weights(&form), vec![Packed::ZERO; rows / WIDTH]);
                (0..layout.widths().iter().sum()).for_each(|address| weights.add(address, 0, K::ONE, &mut sums));
            });
            let z = numbers.point(layout.log_limbs() + layout.log_rows());
            let _ = timed("evaluate", form.len() as u64, || layout.evaluate(&form, &z)).unwrap();
        }
    }
    let form: Form = (0u32..)
        .zip(&circuit.columns)
        .map(|(column, c)| {
            let weights =
                c.shape.iter().map(|&len| std::sync::Arc::new(Weight::Dense(numbers.point(len as usize)))).collect();
            FormTerm { coefficient: K::ONE, column, weights }
        })
        .collect();
    let z = numbers.point(layout.log_limbs() + layout.log_rows());
    let _ = timed("evaluate dense vectors", form.len() as u64, || layout.evaluate(&form, &z)).unwrap();
}

#[test]
#[ignore = "prints times"]
fn public_columns_and_rules() {
    let mut numbers = Numbers::new(6);
    let eq = |numbers: &mut Numbers, len: u64| std::sync::Arc::new(Weight::Eq { point: numbers.point(bits(len)), len });
    let image: Vec<i64> = (0..3 * 224 * 224).map(|i| i % 251).collect();
    let weights: Vec<_> = [3, 224, 224].iter().map(|&len| eq(&mut numbers, len)).collect();
    let _ = timed("known image", image.len() as u64, || known(&image, &weights));
    let entries = 3u64 << 16;
    let rule = Rule::Listed { bytes: 2, data: vec![9; 2 * entries as usize] };
    let weight = eq(&mut numbers, entries);
    let _ = timed("listed rule, first", entries, || rule_value(&rule, &weight, entries));
    let _ = timed("listed rule", entries, || rule_value(&rule, &weight, entries));
}
