//! The prover.

mod integers;
mod kernel;
mod layer;
mod leaves;
mod moments;
mod packed;
mod pairs;
mod part;
mod shape;
mod tree;
mod weights;

use tacit_algebra::K;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::progress::{Progress, Stopped};
use tacit_circuit::{Circuit, Columns};
use tacit_columns::Views;
use tacit_transcript::{Sender, on_pool};

use crate::claims::{End, Fingerprint, Reduced, conclude};
use crate::labels;
use crate::regions::Regions;
use layer::{Layer, Memory};
use tree::{Bottom, build};

/// Leaves of a tree, at most, whose level over four leaves is stored: without it a tree takes half the memory and a tenth more time.
const LEAN: u64 = 1 << 25;

/// Proves all lookups of the circuit. `values` holds every column, counts and virtual columns included. Sends nothing and
/// gives `None` for a circuit without lookups. Asks `progress` at every round whether to stop; reports no units.
///
/// # Panics
/// When the circuit is not valid or `values` does not belong to it.
pub fn prove<'a>(
    circuit: &'a Circuit,
    values: &dyn Columns,
    views: &mut Views,
    sender: &mut Sender,
    progress: &Progress,
) -> Result<Option<Reduced<'a, K>>, Stopped> {
    let Some(regions) = Regions::new(circuit).expect("the circuit is valid") else {
        return Ok(None);
    };
    let alpha = sender.draw(labels::ALPHA);
    let fingerprint = Fingerprint { alpha, betas: sender.draw_many(labels::BETA, regions.width.saturating_add(1)) };
    let end = on_pool(|| {
        let bottom = Bottom::new(circuit, values, &regions, &fingerprint, regions.leaves() > LEAN);
        progress.advance(0)?;
        descend(&regions, &bottom, sender, progress)
    })?;
    Ok(Some(conclude(circuit, &regions, &fingerprint, end, views).expect("the circuit is valid")))
}

fn descend(
    regions: &Regions<'_>,
    bottom: &Bottom,
    sender: &mut Sender,
    progress: &Progress,
) -> Result<End<K>, Stopped> {
    let mut levels = build(bottom, regions.depth, progress)?;
    let mut memory = Memory::new();
    let (mut point, mut claim, mut lambda) = (Vec::new(), K::ZERO, K::ZERO);
    let (mut numerator, mut fingerprint) = (K::ZERO, K::ZERO);
    for height in (1..=regions.depth).rev() {
        let level = levels.pop().unwrap_or_default();
        let layer = Layer::new(regions, &point, lambda, level, height, &mut memory);
        let (mut rho, values) = layer.prove(claim, sender, progress)?;
        sender.send_many(labels::VALUES, &values);
        let [n0, e0, n1, e1] = values;
        let tau = sender.draw(labels::TAU);
        lambda = sender.draw(labels::LAMBDA);
        (numerator, fingerprint) = (n0 + (n1 - n0) * tau, e0 + (e1 - e0) * tau);
        claim = numerator + lambda * fingerprint;
        rho.push(tau);
        point = rho;
    }
    Ok(End { point, numerator, fingerprint })
}

#[cfg(test)]
mod tests {
    use tacit_algebra::{F, integer};
    use tacit_circuit::{Column, Home, Lookup, Map, Rule, Segment, Sum, Table, Term, Values, View};
    use tacit_transcript::Transcript;

    use super::*;

    /// One lookup of every shape in a table of 300 rows.
    fn circuit(shapes: &[&[u64]]) -> (Circuit, Values) {
        let mut circuit = Circuit::default();
        let mut values = Values::default();
        let mut counts = vec![0; 300];
        for (column, &axes) in shapes.iter().enumerate() {
            let cells: Vec<i64> = (0..axes.iter().product::<u64>() as i64).map(|i| i * i % 300).collect();
            cells.iter().for_each(|&cell| counts[cell as usize] += 1);
            let maps = (0..axes.len() as u16).map(|axis| Map::Affine { offset: 0, terms: vec![(axis, 1)] }).collect();
            let term = Term { coefficient: F::ONE, factors: vec![View { column: column as u32, maps }] };
            let component = Sum { axes: axes.to_vec(), outputs: axes.len() as u16, terms: vec![term] };
            circuit.columns.push(Column { name: "cells".into(), shape: axes.to_vec(), bytes: 8, home: Home::Witness });
            circuit.lookups.push(Lookup { name: "in range".into(), table: 0, components: vec![component] });
            values.columns.push(cells);
        }
        let segment = Segment { entries: 300, count: shapes.len() as u32, rules: vec![Rule::Iota(0)] };
        circuit.columns.push(Column { name: "counts".into(), shape: vec![300], bytes: 8, home: Home::Count });
        circuit.tables.push(Table { name: "range".into(), width: 1, segments: vec![segment] });
        values.columns.push(counts);
        (circuit, values)
    }

    #[test]
    fn a_lean_tree_sends_the_same() {
        let (circuit, values) = circuit(&[&[4, 1024], &[33, 70], &[1000], &[9], &[5, 7, 64], &[2], &[1]]);
        let regions = Regions::new(&circuit).unwrap().unwrap();
        assert_eq!(regions.leaves(), 4 * 1024 + 33 * 70 + 1000 + 9 + 5 * 7 * 64 + 2 + 1 + 300);
        let fingerprint = Fingerprint { alpha: integer(12345), betas: vec![integer(3), integer(77)] };
        let sent = [false, true].map(|lean| {
            let (progress, mut sender) = (Progress::default(), Sender::new(Transcript::new("test")));
            let bottom = Bottom::new(&circuit, &values, &regions, &fingerprint, lean);
            let end = descend(&regions, &bottom, &mut sender, &progress).unwrap();
            (end.point, end.numerator, end.fingerprint, sender.finish())
        });
        assert!(sent[0] == sent[1]);
    }
}
