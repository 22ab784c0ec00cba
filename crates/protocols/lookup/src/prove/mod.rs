//! The prover.

mod kernel;
mod layer;
mod leaves;
mod packed;
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
        let bottom = Bottom::new(circuit, values, &regions, &fingerprint);
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
