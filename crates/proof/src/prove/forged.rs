//! Hiding provers whose committed pads, products, dummies, masks and noise are not what they work with.

use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_transcript::{Invalid, Randomness};

use tacit_circuit::ColumnId;

use super::*;
use crate::{Refused, VerifyingKey, Wanted, finish_with};

struct Forger {
    model: Model,
    values: Values,
    key: VerifyingKey,
    mode: Arc<Mode>,
    set: HideSet,
    /// The secret of x's own commitment.
    named: Vec<(u32, Randomness)>,
}

impl Forger {
    fn new() -> Self {
        Self::naming(Vec::new())
    }

    fn naming(named: Vec<(u32, Randomness)>) -> Self {
        let (buffers, progress) = (toy::buffers(1), Progress::default());
        let circuit = finish_with(&toy::circuit().encode(), &Wanted { openings: 1, ..Wanted::default() }).unwrap();
        let model = Model::setup_blinded(&circuit, &buffers.weights, [2; 32], &progress).unwrap();
        let values = model.values(&buffers.public, &buffers.witness).unwrap();
        let key = VerifyingKey::decode(&model.key()).unwrap();
        let set = HideSet { weights: true, publics: vec![true, false] };
        let bindings: Vec<u32> = named.iter().map(|(binding, _)| *binding).collect();
        let mode = model.mode(&set, &bindings).unwrap();
        Self { model, values, key, mode, set, named }
    }

    /// Whether a proof is accepted when one cell of a column is raised before the commitment, or after it; the pads that messages and
    /// triples use stay as they were.
    fn verdict(&self, column: ColumnId, cell: usize, early: bool) -> Result<(), Refused> {
        self.prove(column, cell, early, |_| {})
    }

    /// As [`Self::verdict`], with what the receipt states changed before the first challenge.
    fn prove(&self, column: ColumnId, cell: usize, early: bool, edit: impl Fn(&mut Receipt)) -> Result<(), Refused> {
        let (model, mode, progress) = (&self.model, &self.mode, Progress::default());
        let fresh = Randomness::new([3; 32]);
        let pads = Pads::new(&mode.variables, &fresh, PADS);
        let mut more = model.noise.clone();
        uniform(&mode.layout, 1, &mut more, &fresh);
        put(&mut more, mode.layout.uniform().pads, pads.cells());
        (2..).zip(&self.named).for_each(|(number, (_, secret))| uniform(&mode.layout, number, &mut more, secret));
        let mut changed = more.clone();
        let mut values = self.values.clone();
        match changed.columns.get_mut(column as usize).filter(|cells| !cells.is_empty()) {
            Some(cells) => cells[cell] += 1,
            None => values.columns[column as usize][cell] += 1,
        }
        let (honest, changed) = (Extended::new(&self.values, &more), Extended::new(&values, &changed));
        let first = if early { &changed } else { &honest };
        let commitment = commit(&mode.layout, &model.schedule, 1, first, &fresh, &progress).unwrap();
        let own = (2..).zip(&self.named);
        let own: Vec<Commitment> = own
            .map(|(number, (_, secret))| {
                commit(&mode.layout, &model.schedule, number, first, secret, &progress).unwrap()
            })
            .collect();
        let stage = Stage { circuit: &mode.circuit, layout: &mode.layout, shape: &mode.shape };
        let mut receipt = Receipt {
            circuit_digest: model.circuit_digest,
            weights_root: model.weights_root(),
            hidden: Some(self.set.clone()),
            named: model.named(&mode.layout, &honest, &self.named, &own),
            publics: vec![bytes(&model.circuit, &honest, model.circuit.publics[1].column)],
            context: Vec::new(),
            witness_root: commitment.root(),
            proof: Vec::new(),
        };
        edit(&mut receipt);
        let own = [commitment].into_iter().chain(own).map(Cow::Owned);
        let commitments = [Cow::Borrowed(&model.commitment)].into_iter().chain(own).collect();
        let proof = model.argue(stage, &changed, &receipt, commitments, Some(&pads), &fresh, &progress);
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

/// A seal is the committed tensor's: a prover who states another one, for whatever tensor, and is honest in all the rest, is caught by the
/// claim that the seal makes.
#[test]
fn a_seal_is_that_of_the_committed_tensor() {
    let forger = Forger::naming(vec![(0, Randomness::new([6; 32]))]);
    let (x, seal) = (forger.model.circuit.publics[0].column, forger.mode.layout.uniform().seals[0]);
    let noise = forger.mode.layout.uniform().noise[2].unwrap();
    // Rows of weight zero may be anything, as long as they are what was committed to.
    assert_eq!(forger.verdict(noise, 0, true), Ok(()));
    assert!(refused(&forger.verdict(noise, 0, false)));
    let stated = |edit: &dyn Fn(&mut Receipt)| forger.prove(noise, 0, true, edit);
    let last = Err(Refused::Proof(Invalid::Check("the opening's last equation")));
    assert_eq!(stated(&|receipt| receipt.named[0].seal += K::ONE), last);
    let mut other = forger.values.columns[x as usize].clone();
    other[2] += 1;
    let uniform = forger.named[0].1.cells(3, 3);
    let point = |receipt: &Receipt| receipt.named[0].point();
    assert_eq!(
        stated(&|receipt| receipt.named[0].seal = sealed(&forger.values.columns[x as usize], &uniform, point(receipt))),
        Ok(())
    );
    assert_eq!(stated(&|receipt| receipt.named[0].seal = sealed(&other, &uniform, point(receipt))), last);
    for (column, cell) in [(x, 0), (x, 4), (seal, 0), (seal, 1), (seal, 2)] {
        for early in [true, false] {
            let verdict = forger.verdict(column, cell, early);
            assert!(refused(&verdict), "column {column}, cell {cell}, {early}: {verdict:?}");
        }
    }
}

/// A key states the seal of the committed weights, or no receipt of it verifies: one whose prover is honest in all the rest is refused by
/// the claim that the seal makes.
#[test]
fn the_seal_of_a_key_is_that_of_the_committed_weights() {
    let mut forger = Forger::new();
    let noise = forger.mode.layout.uniform().noise[1].unwrap();
    let mut other = forger.values.clone();
    other.columns[1][0] += 1;
    let (root, honest) = (forger.model.weights_root(), forger.model.weights_seal());
    let columns = Extended::new(&other, &forger.model.noise);
    let values = limb_values(&forger.model.layout, &columns, seal_point(&root));
    let of_other = Seal::of(&root, &values, forger.model.schedule.log_rows()).value;
    let last = || Err(Refused::Proof(Invalid::Check("the opening's last equation")));
    for (seal, expected) in [(honest, Ok(())), (honest + K::ONE, last()), (of_other, last())] {
        forger.model.seal = Seal::new(&root, seal);
        forger.key = VerifyingKey::decode(&forger.model.key()).unwrap();
        assert_eq!(forger.verdict(noise, 0, true), expected);
        let transparent = forger.model.prove_values(&forger.values, b"", &Progress::default()).unwrap();
        assert_eq!(forger.key.verify(&transparent, b""), expected);
    }
}
