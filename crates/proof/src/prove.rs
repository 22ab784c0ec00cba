//! Setup (commit to the weights once) and prove.

use std::sync::{Arc, Mutex, PoisonError};

use tacit_algebra::K;
use tacit_algebra::packed::Packed;
use tacit_algebra::progress::{Progress, Stopped};
use tacit_circuit::{Circuit, CircuitError, Failure, Home, Values, count_lookups, digest};
use tacit_columns::{Layout, Rows, Views};
use tacit_hide::{Pads, prove_triples};
use tacit_open::{Commitment, Schedule, Scratch, Shape, Weights};
use tacit_transcript::{Digest, Invalid, Randomness, Receiver, Sender};

use crate::blinding::{PADS, masked, put, uniform};
use crate::buffers::{bytes, cut, empty, homes};
use crate::format::{Key, Receipt};
use crate::hiding::{HideSet, Mode, reduce};
use crate::parameters::{parameter_bytes, schedule, shape};
use crate::stages::{combine, gather};

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
    /// All columns; those of the weights are filled, and the uniform cells in their limbs follow.
    values: Values,
    commitment: Commitment,
    /// Where the weights' uniform cells and salts come from; `None` when everybody knows.
    blinding: Option<Randomness>,
    /// Of the last hide set.
    mode: Mutex<Option<(HideSet, Arc<Mode>)>>,
    /// Memory of the last opening.
    scratch: Mutex<Scratch>,
}

impl Model {
    /// Commits to the weights. `circuit` must be finished. No proof of this model hides anything.
    pub fn setup(circuit_bytes: &[u8], weights: &[u8], progress: &Progress) -> Result<Self, ProveError> {
        Self::committed(circuit_bytes, weights, None, progress)
    }

    /// Commits to the weights so that proofs can hide: their limbs' reserved rows and the salts follow from a secret seed. Equal
    /// arguments give an equal key.
    pub fn setup_blinded(
        circuit_bytes: &[u8],
        weights: &[u8],
        seed: [u8; 32],
        progress: &Progress,
    ) -> Result<Self, ProveError> {
        Self::committed(circuit_bytes, weights, Some(Randomness::new(seed)), progress)
    }

    fn committed(
        circuit_bytes: &[u8],
        weights: &[u8],
        blinding: Option<Randomness>,
        progress: &Progress,
    ) -> Result<Self, ProveError> {
        let circuit = Circuit::decode(circuit_bytes)?;
        let layout = Layout::new(&circuit)?;
        let schedule = schedule(&circuit.parameters)?;
        let shape = shape(&layout);
        let mut values = empty(&circuit);
        cut(&circuit, &mut values, &homes(&circuit, |home| matches!(home, Home::Weights)), weights, "weights")?;
        let randomness = blinding.clone().unwrap_or_else(Randomness::public);
        uniform(&layout, 0, &mut values, &randomness);
        let commitment = commit(&layout, &schedule, 0, &values, &randomness, progress)?;
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
            blinding,
            mode: Mutex::default(),
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

    /// A receipt that hides the weights and the chosen tensors, with fresh randomness.
    ///
    /// # Errors
    /// As [`Self::prove`]; when the commitments cannot hide, or the system has no randomness.
    pub fn prove_hiding(
        &mut self,
        public: &[u8],
        witness: &[u8],
        set: &HideSet,
        context: &[u8],
        progress: &Progress,
    ) -> Result<Receipt, ProveError> {
        progress.expect(100);
        progress.enter("multiplicities");
        self.read(public, witness)?;
        count_lookups(&self.circuit, &mut self.values).map_err(ProveError::Unsatisfied)?;
        progress.advance(10)?;
        let fresh = Randomness::from_system()
            .map_err(|error| ProveError::Malformed(format!("the system gives no randomness: {error}")))?;
        let mut values = std::mem::take(&mut self.values);
        let receipt = self.hide_values(&mut values, set, &fresh, context, progress);
        self.values = values;
        receipt
    }

    /// The receipt that an honest prover makes for these columns, whether or not they satisfy the circuit. `prove` derives
    /// them; tests of cheating provers hand over others.
    pub fn prove_values(&self, values: &Values, context: &[u8], progress: &Progress) -> Result<Receipt, ProveError> {
        let stage = Stage { circuit: &self.circuit, layout: &self.layout, shape: &self.shape };
        self.receipt(stage, values, None, &Randomness::public(), context, progress)
    }

    /// As [`Self::prove_values`], hiding. `fresh` must serve one transcript alone.
    pub fn hide_values(
        &self,
        values: &mut Values,
        set: &HideSet,
        fresh: &Randomness,
        context: &[u8],
        progress: &Progress,
    ) -> Result<Receipt, ProveError> {
        if self.blinding.is_none() {
            return Err(ProveError::Malformed("the weights were committed to without a secret seed".into()));
        }
        let mode = self.mode(set)?;
        let held = values.columns.len();
        let pads = Pads::new(&mode.variables, fresh, PADS);
        uniform(&mode.layout, 1, values, fresh);
        put(values, mode.layout.uniform().pads, pads.cells());
        let stage = Stage { circuit: &mode.circuit, layout: &mode.layout, shape: &mode.shape };
        let receipt = self.receipt(stage, values, Some((set, &pads)), fresh, context, progress);
        values.columns.truncate(held);
        receipt
    }

    /// The mode of a hide set; the last one is kept.
    fn mode(&self, set: &HideSet) -> Result<Arc<Mode>, Invalid> {
        let mut held = self.mode.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, mode)) = held.as_ref().filter(|(last, _)| last == set) {
            return Ok(Arc::clone(mode));
        }
        let mode = Arc::new(Mode::new(&self.circuit, &self.schedule, set)?);
        *held = Some((set.clone(), Arc::clone(&mode)));
        Ok(mode)
    }

    fn receipt(
        &self,
        stage: Stage<'_>,
        values: &Values,
        hidden: Option<(&HideSet, &Pads)>,
        fresh: &Randomness,
        context: &[u8],
        progress: &Progress,
    ) -> Result<Receipt, ProveError> {
        progress.enter("commit");
        let commitment = commit(stage.layout, &self.schedule, 1, values, fresh, progress)?;
        progress.advance(15)?;
        let bindings = self.circuit.publics.iter().enumerate();
        let shown = bindings.filter(|(index, _)| hidden.is_none_or(|(set, _)| !set.hides(*index)));
        let mut receipt = Receipt {
            circuit_digest: self.circuit_digest,
            weights_root: self.weights_root(),
            hidden: hidden.map(|(set, _)| set.clone()),
            publics: shown.map(|(_, binding)| bytes(&self.circuit, values, binding.column)).collect(),
            context: context.to_vec(),
            witness_root: commitment.root(),
            proof: Vec::new(),
        };
        receipt.proof =
            self.argue(stage, values, &receipt, &commitment, hidden.map(|(_, pads)| pads), fresh, progress)?;
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

    #[allow(clippy::too_many_arguments)]
    fn argue(
        &self,
        stage: Stage<'_>,
        values: &Values,
        receipt: &Receipt,
        witness: &Commitment,
        pads: Option<&Pads>,
        fresh: &Randomness,
        progress: &Progress,
    ) -> Result<Vec<u8>, ProveError> {
        let parameters = parameter_bytes(&self.circuit.parameters);
        let transcript = receipt.statement(&parameters).bind(&receipt.witness_root);
        let mut sender = match pads {
            None => Sender::new(transcript.clone()),
            Some(pads) => Sender::padded(transcript.clone(), pads.messages()),
        };
        let mut views = Views::default();
        progress.enter("lookup");
        let lookup = tacit_lookup::prove(stage.circuit, values, &mut views, &mut sender, progress)?;
        progress.advance(30)?;
        let (claims, virtuals) = match lookup {
            Some(reduced) => (Some((reduced.numerators, reduced.fingerprints)), reduced.virtuals),
            None => (None, Vec::new()),
        };
        progress.enter("contract");
        let contract = tacit_contract::prove(stage.circuit, values, &virtuals, &mut views, &mut sender, progress)?;
        progress.advance(10)?;
        progress.enter("combine");
        let (form, value) = match pads {
            None => {
                let claims = gather(claims, contract.virtual_total, contract.claims);
                let zeta = sender.draw("combine");
                combine(stage.circuit, values, claims, zeta)?
            }
            Some(pads) => {
                prove_triples(pads, &mut sender);
                let _ = sender.draw("combine");
                let z = sender.draw("mask point");
                sender.disclose("mask value", masked(stage.layout, values, z));
                let _ = sender.draw("mask combine");
                // What the verifier computes with is affine in the pads: the prover reads its own messages as a verifier does.
                let receiver = Receiver::new(transcript, sender.sent());
                let (_, form, value, _) = reduce(stage.circuit.clone(), &self.schedule, values, receiver)?;
                (form, value)
            }
        };
        let (cells, weights) = (stage.layout.committed(values), stage.layout.weights(&form));
        progress.advance(10)?;
        progress.enter("open");
        tacit_open::open(
            &self.schedule,
            &[&self.commitment, witness],
            stage.shape,
            |limb, first, rows| cells.read(limb, first, rows),
            &FormWeights(weights),
            value,
            fresh,
            &mut self.scratch.lock().unwrap_or_else(PoisonError::into_inner),
            &mut sender,
            progress,
        )?;
        progress.enter("");
        progress.advance(25)?;
        Ok(sender.finish())
    }
}

/// What a proof's hide set decides.
#[derive(Clone, Copy)]
struct Stage<'a> {
    circuit: &'a Circuit,
    layout: &'a Layout,
    shape: &'a Shape,
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
    randomness: &Randomness,
    progress: &Progress,
) -> Result<Commitment, Stopped> {
    let (earlier, limbs) = layout.widths().split_at(commitment);
    let base: usize = earlier.iter().sum();
    let cells = layout.committed(values);
    let width = limbs.first().copied().unwrap_or(0);
    tacit_open::commit(
        schedule,
        width,
        randomness,
        |limb, first, rows| cells.read(base.saturating_add(limb), first, rows),
        progress,
    )
}
