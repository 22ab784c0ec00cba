//! Setup (commit to the weights once) and prove.

mod columns;
mod weights;

#[cfg(test)]
mod forged;
#[cfg(test)]
#[path = "../tests/toy/mod.rs"]
mod toy;

use std::borrow::Cow;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

use tacit_algebra::progress::{Progress, Stopped};
use tacit_algebra::{K, to_bytes};
use tacit_circuit::{Circuit, CircuitError, Columns, Failure, Home, Values, counts, digest};
use tacit_columns::{Layout, Views};
use tacit_hide::{Pads, prove_triples};
use tacit_open::{Commitment, OpenError, Schedule, Shape};
use tacit_transcript::{Digest, Invalid, Randomness, Receiver, Sender};

use crate::blinding::{PADS, Secret, masked, put, uniform};
use crate::buffers::empty;
use crate::format::{Key, Receipt};
use crate::hiding::{HideSet, Mode, Seals, reduce};
use crate::named::{Named, sealed};
use crate::parameters::{parameter_bytes, schedule, shape};
use crate::seal::{Seal, seal_point};
use crate::stages::{combine, gather};
pub use columns::Shared;
use columns::{Buffers, Extended, bytes, homes};
use weights::{CellsOfLimbs, FormWeights, known, limb_values};

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
    /// Encoded weights could not be written.
    #[error("{0}")]
    File(std::io::ErrorKind),
}

impl From<OpenError> for ProveError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Stopped(stopped) => Self::Stopped(stopped),
            OpenError::Cells => Self::Malformed("the weights are not those that were committed to".into()),
            OpenError::File(kind) => Self::File(kind),
        }
    }
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
    /// The buffer of the weights.
    weights: Shared,
    /// The uniform cells in their limbs, in columns behind the circuit's.
    noise: Values,
    commitment: Commitment,
    /// The values of the weights' limbs at the seal point of their commitment.
    limb_values: Vec<K>,
    seal: Seal,
    /// Where the weights' uniform cells and salts come from; `None` when everybody knows.
    blinding: Option<Randomness>,
    /// Of the last hide set and the bindings with commitments of their own.
    mode: Mutex<Option<Kept>>,
}

impl Model {
    /// Commits to the weights. `circuit` must be finished. No proof of this model hides anything.
    pub fn setup(circuit_bytes: &[u8], weights: &[u8], progress: &Progress) -> Result<Self, ProveError> {
        Self::setup_shared(circuit_bytes, Shared(Arc::new(weights.to_vec())), None, None, progress)
    }

    /// Commits to the weights so that proofs can hide: their limbs' reserved rows and the salts follow from a secret seed. Equal
    /// arguments give an equal key.
    pub fn setup_blinded(
        circuit_bytes: &[u8],
        weights: &[u8],
        seed: [u8; 32],
        progress: &Progress,
    ) -> Result<Self, ProveError> {
        Self::setup_shared(circuit_bytes, Shared(Arc::new(weights.to_vec())), Some(seed), None, progress)
    }

    /// Either of both over weights that are read where they lie. `digests`: those of [`Model::digests`], so that nothing is computed;
    /// whose they are, the root in the key tells.
    pub fn setup_shared(
        circuit_bytes: &[u8],
        weights: Shared,
        seed: Option<[u8; 32]>,
        digests: Option<&[u8]>,
        progress: &Progress,
    ) -> Result<Self, ProveError> {
        let blinding = seed.map(Randomness::new);
        let circuit = Circuit::decode(circuit_bytes)?;
        let layout = Layout::new(&circuit)?;
        let schedule = schedule(&circuit.parameters)?;
        let shape = shape(&layout);
        let randomness = blinding.clone().unwrap_or_else(Randomness::public);
        let mut noise = Values::default();
        uniform(&layout, 0, &mut noise, &randomness);
        let columns = held(&circuit, &weights)?;
        let cells = Extended::new(&columns, &noise);
        let known = digests.and_then(|digests| known(digests, &layout, &schedule, &randomness));
        let (commitment, limb_values) = match known {
            Some(known) => known,
            None => {
                let commitment = commit(&layout, &schedule, 0, &cells, &randomness, progress)?;
                let values = limb_values(&layout, &cells, seal_point(&commitment.root()));
                (commitment, values)
            }
        };
        let seal = Seal::of(&commitment.root(), &limb_values, schedule.log_rows());
        drop(columns);
        let circuit_digest = digest(circuit_bytes);
        Ok(Self {
            circuit,
            circuit_bytes: circuit_bytes.to_vec(),
            circuit_digest,
            layout,
            schedule,
            shape,
            weights,
            noise,
            commitment,
            limb_values,
            seal,
            blinding,
            mode: Mutex::default(),
        })
    }

    pub fn weights_root(&self) -> Digest {
        self.commitment.root()
    }

    /// Root and seal are the identity of the weights' commitment.
    pub fn weights_seal(&self) -> K {
        self.seal.value
    }

    /// What makes the commitment to large weights and their seal again without reading them; empty when it is quick.
    pub fn digests(&self) -> Vec<u8> {
        let values = || self.limb_values.iter().flat_map(|&value| to_bytes(value));
        self.commitment
            .digests()
            .map_or_else(Vec::new, |digests| digests.concat().into_iter().chain(values()).collect())
    }

    /// Bytes of the weights' codeword, where it is too large to be held in memory.
    pub fn encoded_bytes(&self) -> Option<u64> {
        self.commitment.stored_bytes(&self.schedule)
    }

    /// Writes a codeword that is too large into a file; proofs read there what they show of it from now on.
    ///
    /// # Errors
    /// When `progress` asks to stop, when the commitment is one to other weights, and when the file cannot be written.
    pub fn encode_weights(&mut self, file: File, progress: &Progress) -> Result<(), ProveError> {
        let columns = held(&self.circuit, &self.weights)?;
        let values = Extended::new(&columns, &self.noise);
        let cells = CellsOfLimbs(self.layout.committed(&values), 0);
        Ok(self.commitment.store(&self.schedule, file, cells, progress)?)
    }

    /// Takes a file that [`Self::encode_weights`] wrote; `false` where it is of another commitment.
    pub fn take_encoded(&mut self, file: File) -> bool {
        self.commitment.take(&self.schedule, file)
    }

    /// The bytes of the verifier's key.
    pub fn key(&self) -> Vec<u8> {
        Key::encode(&self.circuit_bytes, &self.weights_root(), self.seal.value)
    }

    /// One receipt for one witness. The witness commitment serves this transcript alone.
    pub fn prove(
        &self,
        public: &[u8],
        witness: &[u8],
        context: &[u8],
        progress: &Progress,
    ) -> Result<Receipt, ProveError> {
        progress.expect(100);
        progress.enter("multiplicities");
        let columns = self.columns(public, witness)?;
        progress.advance(10)?;
        self.prove_values(&columns, context, progress)
    }

    /// A receipt that hides the weights and the chosen tensors, with fresh randomness. `named`: bindings whose tensors have commitments
    /// of their own, ascending, with the secret of each.
    ///
    /// # Errors
    /// As [`Self::prove`]; when the commitments cannot hide, or the system has no randomness.
    pub fn prove_hiding(
        &self,
        public: &[u8],
        witness: &[u8],
        set: &HideSet,
        named: &[(u32, Randomness)],
        context: &[u8],
        progress: &Progress,
    ) -> Result<Receipt, ProveError> {
        progress.expect(100);
        progress.enter("multiplicities");
        let columns = self.columns(public, witness)?;
        progress.advance(10)?;
        let fresh = Randomness::from_system()
            .map_err(|error| ProveError::Malformed(format!("the system gives no randomness: {error}")))?;
        self.hide_values(&columns, set, named, &fresh, context, progress)
    }

    /// The receipt that an honest prover makes for these columns, whether or not they satisfy the circuit. `prove` derives
    /// them; tests of cheating provers hand over others.
    pub fn prove_values(
        &self,
        values: &dyn Columns,
        context: &[u8],
        progress: &Progress,
    ) -> Result<Receipt, ProveError> {
        let stage = Stage { circuit: &self.circuit, layout: &self.layout, shape: &self.shape };
        let columns = Extended::new(values, &self.noise);
        self.receipt(stage, &columns, None, &[], &Randomness::public(), context, progress)
    }

    /// As [`Self::prove_values`], hiding. `fresh` must serve one transcript alone.
    pub fn hide_values(
        &self,
        values: &dyn Columns,
        set: &HideSet,
        named: &[(u32, Randomness)],
        fresh: &Randomness,
        context: &[u8],
        progress: &Progress,
    ) -> Result<Receipt, ProveError> {
        if self.blinding.is_none() {
            return Err(ProveError::Malformed("the weights were committed to without a secret seed".into()));
        }
        let ascend = named.windows(2).all(|pair| matches!(pair, [(a, _), (b, _)] if a < b));
        if !ascend || !named.iter().all(|(binding, _)| set.hides(*binding as usize)) {
            return Err(ProveError::Malformed("a tensor with a commitment of its own is not hidden".into()));
        }
        let bindings: Vec<u32> = named.iter().map(|(binding, _)| *binding).collect();
        let mode = self.mode(set, &bindings)?;
        let held = Extended::new(values, &self.noise);
        let mut more = Secret::default();
        let pads = Pads::new(&mode.variables, fresh, PADS);
        uniform(&mode.layout, 1, &mut more.0, fresh);
        put(&mut more.0, mode.layout.uniform().pads, pads.cells());
        for (commitment, (_, secret)) in (2..).zip(named) {
            uniform(&mode.layout, commitment, &mut more.0, secret);
        }
        let stage = Stage { circuit: &mode.circuit, layout: &mode.layout, shape: &mode.shape };
        self.receipt(stage, &Extended::new(&held, &more.0), Some((set, &pads)), named, fresh, context, progress)
    }

    /// The mode of a hide set and of bindings with commitments of their own; the last one is kept.
    fn mode(&self, set: &HideSet, named: &[u32]) -> Result<Arc<Mode>, Invalid> {
        let mut held = self.mode.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, _, mode)) = held.as_ref().filter(|(last, names, _)| last == set && names == named) {
            return Ok(Arc::clone(mode));
        }
        let mode = Arc::new(Mode::new(&self.circuit, &self.schedule, set, named)?);
        *held = Some((set.clone(), named.to_vec(), Arc::clone(&mode)));
        Ok(mode)
    }

    #[allow(clippy::too_many_arguments)]
    fn receipt(
        &self,
        stage: Stage<'_>,
        values: &Extended<'_>,
        hidden: Option<(&HideSet, &Pads)>,
        named: &[(u32, Randomness)],
        fresh: &Randomness,
        context: &[u8],
        progress: &Progress,
    ) -> Result<Receipt, ProveError> {
        progress.enter("commit");
        let commitment = commit(stage.layout, &self.schedule, 1, values, fresh, progress)?;
        let own: Vec<Commitment> = (2..)
            .zip(named)
            .map(|(number, (_, secret))| commit(stage.layout, &self.schedule, number, values, secret, progress))
            .collect::<Result<_, _>>()?;
        progress.advance(15)?;
        let bindings = self.circuit.publics.iter().enumerate();
        let shown = bindings.filter(|(index, _)| hidden.is_none_or(|(set, _)| !set.hides(*index)));
        let mut receipt = Receipt {
            circuit_digest: self.circuit_digest,
            weights_root: self.weights_root(),
            hidden: hidden.map(|(set, _)| set.clone()),
            named: self.named(stage.layout, values, named, &own),
            publics: shown.map(|(_, binding)| bytes(&self.circuit, values, binding.column)).collect(),
            context: context.to_vec(),
            witness_root: commitment.root(),
            proof: Vec::new(),
        };
        let owned = [commitment].into_iter().chain(own).map(Cow::Owned);
        let commitments = [Cow::Borrowed(&self.commitment)].into_iter().chain(owned).collect();
        receipt.proof =
            self.argue(stage, values, &receipt, commitments, hidden.map(|(_, pads)| pads), fresh, progress)?;
        Ok(receipt)
    }

    /// What the receipt says of the commitments of single tensors.
    fn named(
        &self,
        layout: &Layout,
        values: &Extended<'_>,
        named: &[(u32, Randomness)],
        own: &[Commitment],
    ) -> Vec<Named> {
        let column = |binding: u32| self.circuit.publics.get(binding as usize).map_or(u32::MAX, |public| public.column);
        let stated = |(number, ((binding, _), commitment)): (usize, (&(u32, Randomness), &Commitment))| {
            name(layout, values, *binding, column(*binding), number, commitment.root())
        };
        named.iter().zip(own).enumerate().map(stated).collect()
    }

    /// All columns of one input as integers, multiplicities included, and the uniform cells of the weights' limbs behind them.
    pub fn values(&self, public: &[u8], witness: &[u8]) -> Result<Values, ProveError> {
        Ok(Extended::new(&self.columns(public, witness)?, &self.noise).values(self.circuit.columns.len()))
    }

    /// All columns of one input, multiplicities included.
    fn columns<'a>(&'a self, public: &'a [u8], witness: &'a [u8]) -> Result<Buffers<'a>, ProveError> {
        let circuit = &self.circuit;
        let mut columns = held(circuit, &self.weights)?;
        let bound: Vec<u32> = circuit.publics.iter().map(|binding| binding.column).collect();
        columns.cut(circuit, &bound, public, "public")?;
        let computed = homes(circuit, |home| matches!(home, Home::Witness | Home::Virtual(_)));
        columns.cut(circuit, &computed, witness, "witness")?;
        let counted = counts(circuit, &columns).map_err(ProveError::Unsatisfied)?;
        columns.count(counted);
        Ok(columns)
    }

    #[allow(clippy::too_many_arguments)]
    fn argue(
        &self,
        stage: Stage<'_>,
        values: &Extended<'_>,
        receipt: &Receipt,
        commitments: Vec<Cow<'_, Commitment>>,
        pads: Option<&Pads>,
        fresh: &Randomness,
        progress: &Progress,
    ) -> Result<Vec<u8>, ProveError> {
        let parameters = parameter_bytes(&self.circuit.parameters);
        let transcript = receipt.statement(&parameters, self.seal.value).bind(&receipt.witness_root);
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
        let mut shown = empty(stage.circuit);
        for column in homes(stage.circuit, |home| matches!(home, Home::Public)) {
            put(&mut shown, Some(column), values.cells(column as usize).to_vec());
        }
        let (form, value) = match pads {
            None => {
                let mut claims = gather(claims, contract.virtual_total, contract.claims);
                claims.push(self.seal.claim(stage.layout));
                let zeta = sender.draw("combine");
                combine(stage.circuit, &shown, claims, zeta)?
            }
            Some(pads) => {
                prove_triples(pads, &mut sender);
                let _ = sender.draw("combine");
                let z = sender.draw("mask point");
                sender.disclose("mask value", masked(stage.layout, values.more(), z));
                let _ = sender.draw("mask combine");
                // What the verifier computes with is affine in the pads: the prover reads its own messages as a verifier does.
                let receiver = Receiver::new(transcript, sender.sent());
                let seals = Seals { weights: self.seal, named: &receipt.named };
                let (_, form, value, _) = reduce(stage.circuit.clone(), &self.schedule, &shown, seals, receiver)?;
                (form, value)
            }
        };
        let cells = CellsOfLimbs(stage.layout.committed(values), 0);
        let weights = FormWeights::new(stage.layout, &form, &self.limb_values);
        progress.advance(10)?;
        progress.enter("open");
        tacit_open::open(
            &self.schedule,
            commitments,
            stage.shape,
            cells,
            &weights,
            value,
            fresh,
            &mut sender,
            progress,
        )?;
        progress.enter("");
        progress.advance(25)?;
        Ok(sender.finish())
    }
}

/// The commitment that a tensor (its column's bytes) with this secret has in every receipt of a circuit: what an owner reveals is
/// compared with it.
///
/// # Errors
/// When the binding does not exist, has another size, or cannot have a commitment.
pub fn name_tensor(
    circuit: &Circuit,
    binding: u32,
    cells: &[u8],
    secret: &Randomness,
    progress: &Progress,
) -> Result<Named, ProveError> {
    let schedule = schedule(&circuit.parameters)?;
    let publics = vec![true; circuit.publics.len()];
    let mode = Mode::new(circuit, &schedule, &HideSet { weights: true, publics }, &[binding])?;
    let column = mode.named.first().copied().unwrap_or(u32::MAX);
    let mut columns = Buffers::new(circuit);
    columns.cut(circuit, &[column], cells, "tensor's")?;
    let mut more = Secret::default();
    uniform(&mode.layout, 2, &mut more.0, secret);
    let values = Extended::new(&columns, &more.0);
    let commitment = commit(&mode.layout, &schedule, 2, &values, secret, progress)?;
    Ok(name(&mode.layout, &values, binding, column, 0, commitment.root()))
}

/// A commitment as receipts state it; `number` counts the commitments of single columns of the layout.
fn name(layout: &Layout, values: &Extended<'_>, binding: u32, column: u32, number: usize, root: Digest) -> Named {
    let mut name = Named { binding, root, seal: K::default() };
    let seal = layout.uniform().seals.get(number).copied().unwrap_or(u32::MAX);
    let [cells, uniform] = [column, seal].map(|column| values.cells(column as usize).to_vec());
    name.seal = sealed(&cells, &uniform, name.point());
    name
}

/// A mode, and what it is the mode of.
type Kept = (HideSet, Vec<u32>, Arc<Mode>);

/// What a proof's hide set decides.
#[derive(Clone, Copy)]
struct Stage<'a> {
    circuit: &'a Circuit,
    layout: &'a Layout,
    shape: &'a Shape,
}

/// The columns of the weights; the others have no cells.
fn held<'a>(circuit: &Circuit, weights: &'a Shared) -> Result<Buffers<'a>, CircuitError> {
    let mut columns = Buffers::new(circuit);
    columns.cut(circuit, &homes(circuit, |home| matches!(home, Home::Weights)), weights.bytes(), "weights")?;
    Ok(columns)
}

/// Commits to the weights (0), to the witness (1), or to a single column (2, ..).
fn commit(
    layout: &Layout,
    schedule: &Schedule,
    commitment: usize,
    values: &dyn Columns,
    randomness: &Randomness,
    progress: &Progress,
) -> Result<Commitment, Stopped> {
    let (earlier, limbs) = layout.widths().split_at(commitment);
    let base: usize = earlier.iter().sum();
    let cells = CellsOfLimbs(layout.committed(values), base);
    let width = limbs.first().copied().unwrap_or(0);
    tacit_open::commit(schedule, width, randomness, cells, progress)
}
