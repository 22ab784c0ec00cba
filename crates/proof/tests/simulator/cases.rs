//! Two circuits with weights and a witness, for what is compared with the simulator; it never sees them.

use tacit_algebra::F;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::progress::Progress;
use tacit_circuit::{Circuit, Home, Values};
use tacit_columns::Layout;
use tacit_proof::{HideSet, Model, Receipt, VerifyingKey, Wanted, finish_with};
use tacit_transcript::tamper::How;
use tacit_transcript::{Randomness, Receiver};

use super::oracle::Oracle;
use super::whole::{Leaves, Simulator, Statement, Weights};
use super::{every, toy};

const SEED: [u8; 32] = [9; 32];

pub struct Case {
    pub circuit: Vec<u8>,
    pub model: Model,
    pub values: Values,
    /// One tensor a binding: an input, an output.
    publics: Vec<Vec<u8>>,
}

/// A virtual quotient, lookups, a contract with products.
pub fn toy() -> Case {
    let buffers = toy::buffers(0);
    Case::new(&toy::circuit(), &buffers.weights, &buffers.public, &buffers.witness)
}

/// Every kind of relation.
pub fn every() -> Case {
    let case = every::case(0);
    Case::new(&case.circuit, &case.weights, &case.public, &case.witness)
}

impl Case {
    fn new(circuit: &Circuit, weights: &[u8], public: &[u8], witness: &[u8]) -> Self {
        let bytes = finish_with(&circuit.encode(), &Wanted { openings: 2, ..Wanted::default() }).unwrap();
        let model = Model::setup_blinded(&bytes, weights, SEED, &Progress::default()).unwrap();
        let values = model.values(public, witness).unwrap();
        let mut rest = public;
        let mut publics = Vec::new();
        for binding in &circuit.publics {
            let column = &circuit.columns[binding.column as usize];
            let (tensor, after) =
                rest.split_at(column.shape.iter().product::<u64>() as usize * usize::from(column.bytes));
            publics.push(tensor.to_vec());
            rest = after;
        }
        Self { circuit: bytes, model, values, publics }
    }

    pub fn everything(&self) -> HideSet {
        HideSet { weights: true, publics: vec![true; self.publics.len()] }
    }

    /// The statement of a true receipt.
    pub fn statement(&self, set: &HideSet) -> Statement {
        let shown = self.publics.iter().zip(&set.publics).filter(|(_, hidden)| !**hidden);
        Statement {
            circuit: self.circuit.clone(),
            set: set.clone(),
            named: Vec::new(),
            publics: shown.map(|(tensor, _)| tensor.clone()).collect(),
            context: b"context".to_vec(),
        }
    }

    pub fn key(&self) -> VerifyingKey {
        VerifyingKey::decode(&self.model.key()).unwrap()
    }

    /// The honest prover.
    pub fn hide(&self, set: &HideSet, fresh: u8) -> Receipt {
        let fresh = Randomness::new([fresh; 32]);
        self.model.hide_values(&self.values, set, &[], &fresh, b"context", &Progress::default()).unwrap()
    }

    /// A receipt of this case with everything hidden, up to its opening.
    pub fn read<T>(&self, receipt: &Receipt, read: impl FnOnce(&Circuit, Receiver<'_>) -> T) -> T {
        let simulator = Simulator::new(self.statement(&self.everything()));
        read(&simulator.circuit, Receiver::new(simulator.bind(receipt, self.model.weights_seal()), &receipt.proof))
    }

    /// The weights' columns, for statements that show them.
    pub fn shown_weights(&self) -> Weights {
        let mut values = self.values.clone();
        for (cells, column) in values.columns.iter_mut().zip(&self.model.circuit.columns) {
            if column.home != Home::Weights {
                cells.clear();
            }
        }
        values.columns.truncate(self.model.circuit.columns.len());
        Weights::Shown(values, Randomness::new(SEED))
    }

    /// Who keeps the commitment opens the leaves that the oracle asks for first, and says nothing else.
    pub fn leaves(&self, oracle: &Oracle) -> Leaves {
        let simulator = Simulator::new(self.statement(&self.everything()));
        let width = Layout::new(&self.model.circuit).unwrap().widths()[0];
        let (_, steps) = simulator.receipt(&self.shown_weights(), oracle, 77, true);
        let attached: Vec<&Vec<u8>> = steps.iter().filter(|step| step.0 == How::Attached).map(|step| &step.2).collect();
        let rows = &steps.iter().find(|step| step.1 == "opening: rows").unwrap().2;
        let positions = &steps.iter().find(|step| step.0 == How::Positions).unwrap().2;
        let words = |bytes: &[u8]| -> Vec<u64> {
            bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect()
        };
        let positions = words(positions);
        let row = |row: &[u8]| words(&row[..8 * width]).into_iter().map(F::from_u64).collect();
        Leaves {
            root: self.model.weights_root(),
            seal: self.model.weights_seal(),
            rows: rows.chunks(rows.len() / positions.len()).map(row).collect(),
            positions,
            attached: [attached[0].clone(), attached[1].clone()],
        }
    }
}
