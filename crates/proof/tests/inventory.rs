//! The steps of an honest proof against the table of `docs/transcript.md`.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod every;
mod subject;
mod toy;

use std::collections::BTreeSet;

use subject::{Step, Subject};
use tacit_transcript::tamper::How;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/transcript.md");

fn letter(how: How) -> &'static str {
    match how {
        How::Absorbed => "a",
        How::Sent => "s",
        How::Drawn => "d",
        How::Positions => "q",
        How::Attached => "x",
    }
}

/// (how, label) of the table's rows, each once; a row of several steps repeats earlier ones.
fn table() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(DOCUMENT).unwrap();
    let rows = text.lines().skip_while(|line| !line.starts_with("| stage | how |")).skip(2);
    let mut found: Vec<(String, String)> = Vec::new();
    for row in rows.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let (how, label) = (cells[1].to_string(), cells[2].trim_matches('`').to_string());
        if how.len() == 1 && !found.contains(&(how.clone(), label.clone())) {
            found.push((how, label));
        }
    }
    found
}

/// Where a row belongs in a proof: the steps of the tree and of the sumcheck repeat, and the last turn takes all of them; those
/// of the opening are listed in the order of their first.
fn place(steps: &[Step], how: &str, label: &str) -> Option<usize> {
    let same = |step: &Step| letter(step.how) == how && step.label == label;
    if label.is_empty() || label.starts_with("opening") {
        steps.iter().position(same)
    } else {
        steps.iter().rposition(same)
    }
}

#[test]
fn a_proof_takes_the_steps_of_the_table_in_its_order() {
    let (steps, table) = (Subject::every(0).steps(), table());
    let taken: BTreeSet<(String, String)> =
        steps.iter().map(|step| (letter(step.how).to_string(), step.label.clone())).collect();
    assert!(table.len() > 35);
    assert_eq!(taken, table.iter().cloned().collect());
    let places: Vec<usize> = table.iter().map(|(how, label)| place(&steps, how, label).unwrap()).collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn the_statement_is_absorbed_before_the_first_draw() {
    for steps in [Subject::every(0).steps(), Subject::toy().steps()] {
        let first = steps.iter().position(|step| step.how == How::Drawn).unwrap();
        assert!(steps[..first].iter().all(|step| step.how == How::Absorbed));
        let committed = steps[..first].iter().find(|step| step.label == "model commitment").unwrap();
        let witness = steps[first - 1].clone();
        assert_eq!((witness.label.as_str(), witness.bytes.len()), ("witness commitment", 32));
        let later: Vec<&Step> = steps[first..].iter().filter(|step| step.how == How::Absorbed).collect();
        let labels: Vec<&str> = later.iter().map(|step| step.label.as_str()).collect();
        let bound = ["opening: schedule", "opening: shape", "opening: root", "opening: root", "opening: claim"];
        assert_eq!(labels, bound);
        assert_eq!((&later[2].bytes, &later[3].bytes), (&committed.bytes, &witness.bytes));
        // Roots that are sent later are those of the opening's own oracles.
        let roots = steps[first..].iter().filter(|step| step.how == How::Sent && step.bytes.len() == 32);
        assert!(roots.clone().all(|step| step.label == "opening: oracle"));
    }
}
