//! Hiding provers whose committed pads, products, dummies, masks and noise are not what they work with.

use tacit_transcript::{Invalid, Randomness};

use tacit_circuit::ColumnId;

use super::*;
use crate::{Refused, VerifyingKey, finish_in_limbs};

#[path = "../../tests/toy/mod.rs"]
mod toy;

struct Forger {
    model: Model,
    values: Values,
    key: VerifyingKey,
    mode: Arc<Mode>,
    set: HideSet,
}

impl Forger {
    fn new() -> Self {
        let (buffers, progress) = (toy::buffers(1), Progress::default());
        let circuit = finish_in_limbs(&toy::circuit().encode(), None, 1).unwrap();
        let model = Model::setup_blinded(&circuit, &buffers.weights, [2; 32], &progress).unwrap();
        let values = model.values(&buffers.public, &buffers.witness).unwrap();
        let key = VerifyingKey::decode(&model.key()).unwrap();
        let set = HideSet { weights: true, publics: vec![true, false] };
        let mode = model.mode(&set).unwrap();
        Self { model, values, key, mode, set }
    }

    /// Whether a proof is accepted when one cell of a column is raised before the commitment, or after it; the pads that messages and
    /// triples use stay as they were.
    fn verdict(&self, column: ColumnId, cell: usize, early: bool) -> Result<(), Refused> {
        let (model, mode, progress) = (&self.model, &self.mode, Progress::default());
        let fresh = Randomness::new([3; 32]);
        let pads = Pads::new(&mode.variables, &fresh, PADS);
        let mut more = model.noise.clone();
        uniform(&mode.layout, 1, &mut more, &fresh);
        put(&mut more, mode.layout.uniform().pads, pads.cells());
        let mut changed = more.clone();
        changed.columns[column as usize][cell] += 1;
        let (honest, changed) = (Extended::new(&self.values, &more), Extended::new(&self.values, &changed));
        let first = if early { &changed } else { &honest };
        let commitment = commit(&mode.layout, &model.schedule, 1, first, &fresh, &progress).unwrap();
        let stage = Stage { circuit: &mode.circuit, layout: &mode.layout, shape: &mode.shape };
        let mut receipt = Receipt {
            circuit_digest: model.circuit_digest,
            weights_root: model.weights_root(),
            hidden: Some(self.set.clone()),
            publics: vec![bytes(&model.circuit, &honest, model.circuit.publics[1].column)],
            context: Vec::new(),
            witness_root: commitment.root(),
            proof: Vec::new(),
        };
        let proof = model.argue(stage, &changed, &receipt, &commitment, Some(&pads), &fresh, &progress);
        receipt.proof = proof.unwrap();
        self.key.verify(&receipt, b"")
    }

    /// Some cells of a column: the first, the last, and others between.
    fn some(&self, column: ColumnId) -> Vec<usize> {
        let length = self.mode.layout.shape_of(column).unwrap().iter().product::<u64>() as usize;
        (0..length).step_by(length.div_ceil(12)).chain([length - 1]).collect()
    }
}

type Verdict = Result<(), Refused>;

fn refused(verdict: &Verdict) -> bool {
    let checks = ["the final polynomial", "the opening's last equation", "a Merkle root"];
    checks.iter().any(|check| *verdict == Err(Refused::Proof(Invalid::Check(check))))
}

#[test]
fn committed_pads_products_and_dummies_are_those_that_the_proof_uses() {
    let forger = Forger::new();
    let column = forger.mode.layout.uniform().pads.unwrap();
    let variables = &forger.mode.variables;
    // Words of the first pad, of the last one (of the triples' rounds), of the first product, and of every dummy, and some others.
    let (pads, products) = (variables.pads as usize, variables.products.len());
    let starts = [0, pads - 1, pads, pads + products - 1].into_iter().chain(pads + products..pads + products + 6);
    let words = starts.flat_map(|variable| 3 * variable..3 * variable + 3).chain(forger.some(column));
    for cell in words {
        for early in [true, false] {
            let verdict = forger.verdict(column, cell, early);
            assert!(refused(&verdict), "cell {cell}, {early}: {verdict:?}");
        }
    }
}

/// Masks and noise may be anything, but they are what was committed to.
#[test]
fn masks_and_noise_are_fixed_by_the_commitment() {
    let forger = Forger::new();
    let uniform = forger.mode.layout.uniform();
    for column in uniform.masks.iter().copied().chain(uniform.noise[1]) {
        for cell in forger.some(column) {
            assert_eq!(forger.verdict(column, cell, true), Ok(()), "column {column}, cell {cell}");
            let verdict = forger.verdict(column, cell, false);
            assert!(refused(&verdict), "column {column}, cell {cell}: {verdict:?}");
        }
    }
}
