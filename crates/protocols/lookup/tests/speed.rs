//! Nanoseconds per leaf; run with `cargo test --release -p tacit-lookup --test speed -- --ignored --nocapture`.

mod common;

use std::time::Instant;

use common::{Builder, check, identity, term};
use tacit_algebra::progress::Progress;
use tacit_circuit::{Home, Lookup, Rule, Sum};
use tacit_columns::Views;
use tacit_lookup::prove;
use tacit_transcript::{Sender, Transcript};

/// `lookups` range checks of 16 bits over `axes`, and one of pairs.
fn ranges(lookups: usize, axes: &[u64]) -> Builder {
    let (mut builder, mut random) = (Builder::default(), common::Random(1));
    let range = builder.table(1, vec![(1 << 16, vec![Rule::Iota(-(1 << 15))])]);
    let squares = builder.table(2, vec![(1 << 12, vec![Rule::Iota(0), Rule::Iota(7)])]);
    for i in 0..lookups {
        let table = if i == 0 { squares } else { range };
        let width = usize::from(builder.circuit.tables[table as usize].width);
        let rows: Vec<Vec<i64>> = (0..axes.iter().product::<u64>()).map(|_| builder.row(table, &mut random)).collect();
        let components = (0..width).map(|j| {
            let column = builder.column(axes, Home::Witness, rows.iter().map(|row| row[j]).collect());
            Sum { axes: axes.to_vec(), outputs: axes.len() as u16, terms: vec![term(1, vec![identity(column, axes)])] }
        });
        let components = components.collect();
        builder.circuit.lookups.push(Lookup { name: format!("lookup {i}"), table, components });
    }
    builder
}

/// Nanoseconds that this process' threads ran so far; zero where the system does not tell.
fn processor_time() -> u64 {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else {
        return 0;
    };
    let of_thread = |thread: std::fs::DirEntry| -> Option<u64> {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    };
    threads.filter_map(|thread| of_thread(thread.ok()?)).sum()
}

#[test]
#[ignore = "a measurement"]
fn nanoseconds_per_leaf() {
    for (lookups, axes) in [
        (8, vec![128, 1024]),
        (4, vec![341, 768]),
        (1, vec![1 << 20]),
        (2, vec![12, 197, 197]),
        (8, vec![7, 7, 2048]),
        (400, vec![50, 50]),
    ] {
        let builder = ranges(lookups, &axes);
        let leaves = lookups as u64 * axes.iter().product::<u64>() + (1 << 16) + (1 << 12);
        for round in 0..2 {
            let mut sender = Sender::new(Transcript::new("test"));
            let (start, before) = (Instant::now(), processor_time());
            let reduced =
                prove(&builder.circuit, &builder.values, &mut Views::default(), &mut sender, &Progress::default());
            let (elapsed, ran) = (start.elapsed(), processor_time() - before);
            assert!(matches!(reduced, Ok(Some(_))));
            let bytes = sender.finish();
            let start = Instant::now();
            assert!(check(&builder.circuit, &bytes).is_ok());
            let verify = start.elapsed();
            if round == 1 {
                let per_leaf = |nanoseconds: u64| nanoseconds as f64 / leaves as f64;
                println!(
                    "{lookups} x {axes:?}: {:.1} ns/leaf, {:.1} ns/leaf of processor time, {} bytes, verify {verify:?}",
                    per_leaf(elapsed.as_nanos() as u64),
                    per_leaf(ran),
                    bytes.len()
                );
            }
        }
    }
}
