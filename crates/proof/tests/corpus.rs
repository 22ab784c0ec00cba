//! The inputs that the fuzzer found worth keeping (`fuzz/corpus`), and the golden files, through its targets.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../fuzz/src/targets/mod.rs"]
mod targets;

use std::path::Path;
use std::time::{Duration, Instant};

use targets::TARGETS;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// Far above what any input takes, far below what a circuit could ask of a verifier without a bound on its work.
const PATIENCE: Duration = Duration::from_secs(10);

fn feed(target: &str, path: &Path) {
    let (_, function) = TARGETS.iter().find(|(name, _)| *name == target).unwrap();
    let bytes = std::fs::read(path).unwrap();
    let start = Instant::now();
    let outcome = std::panic::catch_unwind(|| function(&bytes));
    assert!(outcome.is_ok(), "{target} panics on {}", path.display());
    assert!(start.elapsed() < PATIENCE, "{target} takes {:?} on {}", start.elapsed(), path.display());
}

#[test]
fn kept_inputs_break_no_target() {
    let mut counts = Vec::new();
    for (target, _) in TARGETS {
        let folder = Path::new(ROOT).join("fuzz/corpus").join(target);
        let files = std::fs::read_dir(&folder).map(|files| files.map(|file| file.unwrap().path()).collect::<Vec<_>>());
        let files = files.unwrap_or_default();
        files.iter().for_each(|path| feed(target, path));
        counts.push(files.len());
    }
    assert!(counts.iter().sum::<usize>() > 20, "{counts:?}");
}

#[test]
fn golden_files_break_no_target() {
    let mut keys = 0;
    let vectors = ["format-1", "format-2", "format-3"].map(|format| Path::new(ROOT).join("vectors").join(format));
    for folder in vectors.iter().flat_map(|vectors| std::fs::read_dir(vectors).unwrap()) {
        let folder = folder.unwrap().path();
        if folder.is_dir() {
            keys += 1;
            feed("key", &folder.join("key.bin"));
            for name in ["receipt.bin", "second.bin"] {
                feed("receipt", &folder.join(name));
                feed("verify", &folder.join(name));
            }
        }
    }
    assert_eq!(keys, 11);
}
