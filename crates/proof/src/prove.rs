//! Setup (commit to the weights once) and prove.

use std::sync::{Mutex, PoisonError};

use tacit_algebra::K;
use tacit_algebra::packed::Packed;
use tacit_algebra::progress::{Progress, Stopped};
use tacit_circuit::{Circuit, CircuitError, Failure, Home, Values, count_lookups, digest};
use tacit_columns::{Layout, Rows, Views};
use tacit_open::{Commitment, Schedule, Scratch, Shape, Weights};
use tacit_transcript::{Digest, Invalid, Sender};

use crate::buffers::{bytes, cut, empty, homes};
use crate::format::{Key, Receipt};
use crate::parameters::{parameter_bytes, schedule, shape};
use crate::stages::{combine, gather};
use crate::statement::Statement;

/// Why no receipt came out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProveError {
    #[error("{0}")]
    Malformed(String),
    #[error("{0}")]
    Unsatisfied(Failure),
    #[error("{0}")]
    Internal(#[from] Invalid),
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl From<CircuitError> for ProveError {
    fn from(error: CircuitError) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// A circuit with committed weights: what proves.
#[derive(Debug)]
pub struct Model {
    pub circuit: Circuit,
    circuit_bytes: Vec<u8>,
    circuit_digest: Digest,
    layout: Layout,
    schedule: Schedule,
    shape: Shape,
    /// All columns; those of the weights are filled.
    values: Values,
    commitment: Commitment,
    /// Memory of the last opening.
    scratch: Mutex<Scratch>,
}

impl Model {
    /// Commits to the weights. `circuit` must be finished.
    pub fn setup(circuit_bytes: &[u8], weights: &[u8], progress: &Progress) -> Result<Self, ProveError> {
        let circuit = Circuit::decode(circuit_bytes)?;
        let layout = Layout::new(&circuit)?;
        let schedule = schedule(&circuit.parameters)?;
        let shape = shape(&layout);
        let mut values = empty(&circuit);
        cut(&circuit, &mut values, &homes(&circuit, |home| matches!(home, Home::Weights)), weights, "weights")?;
        let commitment = commit(&layout, &schedule, 0, &values, progress)?;
        let circuit_digest = digest(circuit_bytes);
        Ok(Self {
            circuit,
            circuit_bytes: circuit_bytes.to_vec(),
            circuit_digest,
            layout,
            schedule,
            shape,
            values,
            commitment,
            scratch: Mutex::default(),
        })
    }

    pub fn weights_root(&self) -> Digest {
        self.commitment.root()
    }

    /// The bytes of the verifier's key.
    pub fn key(&self) -> Vec<u8> {
        Key::encode(&self.circuit_bytes, &self.weights_root())
    }

    /// One receipt for one witness. The witness commitment serves this transcript alone.
    pub fn prove(
        &mut self,
        public: &[u8],
        witness: &[u8],
        context: &[u8],
        progress: &Progress,
    ) -> Result<Receipt, ProveError> {
        progress.expect(100);
        progress.enter("multiplicities");
        self.read(public, witness)?;
        count_lookups(&self.circuit, &mut self.values).map_err(ProveError::Unsatisfied)?;
        progress.advance(10)?;
        self.prove_values(&self.values, context, progress)
    }

    /// The receipt that an honest prover makes for these columns, whether or not they satisfy the circuit. `prove` derives
    /// them; tests of cheating provers hand over others.
    pub fn prove_values(&self, values: &Values, context: &[u8], progress: &Progress) -> Result<Receipt, ProveError> {
        progress.enter("commit");
        let commitment = commit(&self.layout, &self.schedule, 1, values, progress)?;
        progress.advance(15)?;
        let mut receipt = Receipt {
            circuit_digest: self.circuit_digest,
            weights_root: self.weights_root(),
            publics: self.circuit.publics.iter().map(|binding| bytes(&self.circuit, values, binding.column)).collect(),
            context: context.to_vec(),
            witness_root: commitment.root(),
            proof: Vec::new(),
        };
        receipt.proof = self.argue(values, &receipt, &commitment, progress)?;
        Ok(receipt)
    }

    /// All columns of the last input, multiplicities included.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// Takes over one input's columns and clears the multiplicities.
    fn read(&mut self, public: &[u8], witness: &[u8]) -> Result<(), CircuitError> {
        let circuit = &self.circuit;
        let bound: Vec<u32> = circuit.publics.iter().map(|binding| binding.column).collect();
        cut(circuit, &mut self.values, &bound, public, "public")?;
        let computed = homes(circuit, |home| matches!(home, Home::Witness | Home::Virtual(_)));
        cut(circuit, &mut self.values, &computed, witness, "witness")?;
        for column in homes(circuit, |home| matches!(home, Home::Count)) {
            let cells =
                circuit.columns.get(column as usize).map_or(0, |declared| declared.shape.iter().product::<u64>());
            if let Some(values) = self.values.columns.get_mut(column as usize) {
                *values = vec![0; cells as usize];
            }
        }
        Ok(())
    }

    fn argue(
        &self,
        values: &Values,
        receipt: &Receipt,
        witness: &Commitment,
        progress: &Progress,
    ) -> Result<Vec<u8>, ProveError> {
        let circuit = &self.circuit;
        let parameters = parameter_bytes(&circuit.parameters);
        let statement = Statement {
            circuit_digest: &receipt.circuit_digest,
            parameters: &parameters,
            weights_root: &receipt.weights_root,
            publics: &receipt.publics,
            context: &receipt.context,
        };
        let mut sender = Sender::new(statement.bind(&receipt.witness_root));
        let mut views = Views::default();
        progress.enter("lookup");
        let lookup = tacit_lookup::prove(circuit, values, &mut views, &mut sender, progress)?;
        progress.advance(30)?;
        let (claims, virtuals) = match lookup {
            Some(reduced) => (Some((reduced.numerators, reduced.fingerprints)), reduced.virtuals),
            None => (None, Vec::new()),
        };
        progress.enter("contract");
        let contract = tacit_contract::prove(circuit, values, &virtuals, &mut views, &mut sender, progress)?;
        progress.advance(10)?;
        progress.enter("combine");
        let claims = gather(claims, contract.virtual_total, contract.claims);
        let zeta = sender.draw("combine");
        let (form, value) = combine(circuit, values, claims, zeta)?;
        let (cells, weights) = (self.layout.committed(values), self.layout.weights(&form));
        progress.advance(10)?;
        progress.enter("open");
        tacit_open::open(
            &self.schedule,
            &[&self.commitment, witness],
            &self.shape,
            |limb, first, rows| cells.read(limb, first, rows),
            &FormWeights(weights),
            value,
            &mut self.scratch.lock().unwrap_or_else(PoisonError::into_inner),
            &mut sender,
            progress,
        )?;
        progress.enter("");
        progress.advance(25)?;
        Ok(sender.finish())
    }
}

/// The opening's view of a form on the layout.
struct FormWeights(Rows);

impl Weights for FormWeights {
    fn add(&self, address: u64, first: usize, scale: K, rows: &mut [Packed]) {
        self.0.add(address as usize, first, scale, rows);
    }

    fn multiple(&self, address: u64, first: usize, count: usize) -> Option<(K, &[Packed])> {
        self.0.multiple(address as usize, first, count)
    }
}

/// Commits to the weights (0) or to the witness (1).
fn commit(
    layout: &Layout,
    schedule: &Schedule,
    commitment: usize,
    values: &Values,
    progress: &Progress,
) -> Result<Commitment, Stopped> {
    let (earlier, limbs) = layout.widths().split_at(commitment);
    let base: usize = earlier.iter().sum();
    let cells = layout.committed(values);
    let width = limbs.first().copied().unwrap_or(0);
    tacit_open::commit(
        schedule,
        width,
        |limb, first, rows| cells.read(base.saturating_add(limb), first, rows),
        progress,
    )
}
