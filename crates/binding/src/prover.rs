//! The prover's handles.

use std::borrow::Cow;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};

use pyo3::buffer::{PyBuffer, ReadOnlyCell};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use tacit_circuit::Circuit;
use tacit_proof::{HideSet, Model, ProveError, Shared, name_tensor};
use tacit_transcript::Randomness;

use crate::{Malformed, Stopped, Unsatisfied};

/// How far a computation is, and the flag that stops it.
#[pyclass(frozen)]
pub struct Progress(pub Arc<tacit_algebra::progress::Progress>);

#[pymethods]
impl Progress {
    #[new]
    fn new() -> Self {
        Self(Arc::default())
    }

    /// Done share, 0 to 1.
    fn fraction(&self) -> f64 {
        let total = self.0.total.load(Relaxed).max(1);
        (self.0.done.load(Relaxed) as f64 / total as f64).min(1.0)
    }

    /// (stage, seconds) of every stage that has ended.
    fn stages(&self) -> Vec<(String, f64)> {
        self.0.stages().into_iter().map(|(name, seconds)| (name.to_string(), seconds)).collect()
    }

    /// Asks the computation to stop.
    fn stop(&self) {
        self.0.stop.store(true, Relaxed);
    }
}

fn raise(error: ProveError) -> PyErr {
    match error {
        ProveError::Stopped(stopped) => Stopped::new_err(stopped.to_string()),
        ProveError::Unsatisfied(failure) => Unsatisfied::new_err(failure.to_string()),
        ProveError::File(kind) => PyOSError::new_err(kind.to_string()),
        other => Malformed::new_err(other.to_string()),
    }
}

type Bytes = Cow<'static, [u8]>;

/// (root, seal): the commitment that a tensor with this secret has in every receipt of the circuit.
#[pyfunction]
pub fn commitment(
    python: Python<'_>,
    circuit: &[u8],
    binding: u32,
    cells: &[u8],
    secret: [u8; 32],
    progress: &Progress,
) -> PyResult<(Bytes, Bytes)> {
    let named = python.detach(|| {
        let circuit = Circuit::decode(circuit).map_err(|error| Malformed::new_err(error.to_string()))?;
        name_tensor(&circuit, binding, cells, &Randomness::new(secret), &progress.0).map_err(raise)
    })?;
    Ok((Cow::Owned(named.root.to_vec()), Cow::Owned(named.seal_bytes().to_vec())))
}

/// The cells of columns, one behind the other: copied once, into the core's memory, so that the columns can go.
#[pyclass(frozen)]
pub struct Witness(Vec<u8>);

#[pymethods]
impl Witness {
    /// `columns`: contiguous bytes each, of any kind that shows its memory.
    #[new]
    fn new(python: Python<'_>, columns: Vec<PyBuffer<u8>>) -> PyResult<Self> {
        let mut cells = Vec::with_capacity(columns.iter().map(|column| column.len_bytes()).sum());
        for column in &columns {
            let bytes = column.as_slice(python).ok_or_else(|| Malformed::new_err("a column is not contiguous"))?;
            cells.extend(bytes.iter().map(ReadOnlyCell::get));
        }
        Ok(Self(cells))
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }
}

/// A witness buffer: bytes, or what was put together here.
#[derive(FromPyObject)]
enum Cells<'a> {
    Bytes(PyBackedBytes),
    Joined(Bound<'a, Witness>),
}

/// A circuit whose weights are committed.
#[pyclass(frozen)]
pub struct Prover(Mutex<Model>);

impl Prover {
    fn lock(&self) -> PyResult<std::sync::MutexGuard<'_, Model>> {
        self.0.lock().map_err(|_| Malformed::new_err("an earlier computation of this prover failed"))
    }
}

#[pymethods]
impl Prover {
    /// Commits to the weights, which stay where they are; with a secret seed, so that proofs can hide. `digests`: of an earlier
    /// commitment to them, which is taken over unseen: compare the key.
    #[new]
    #[pyo3(signature = (circuit, weights, progress, seed=None, digests=None))]
    fn new(
        python: Python<'_>,
        circuit: &[u8],
        weights: PyBackedBytes,
        progress: &Progress,
        seed: Option<[u8; 32]>,
        digests: Option<&[u8]>,
    ) -> PyResult<Self> {
        let weights = Shared(Arc::new(weights));
        let setup = || Model::setup_shared(circuit, weights, seed, digests, &progress.0);
        Ok(Self(Mutex::new(python.detach(setup).map_err(raise)?)))
    }

    /// The bytes of the verifier's key.
    fn key(&self) -> PyResult<Cow<'_, [u8]>> {
        Ok(Cow::Owned(self.lock()?.key()))
    }

    /// What makes the commitment again without encoding the weights; empty when that is quick.
    fn digests(&self) -> PyResult<Cow<'_, [u8]>> {
        Ok(Cow::Owned(self.lock()?.digests()))
    }

    /// Bytes of the encoded weights, where they are too many to be held in memory.
    fn encoded_bytes(&self) -> PyResult<Option<u64>> {
        Ok(self.lock()?.encoded_bytes())
    }

    /// Writes the encoded weights into an existing file, where proofs read what they show of them from now on.
    fn encode_weights(&self, python: Python<'_>, path: PathBuf, progress: &Progress) -> PyResult<()> {
        python.detach(|| {
            let file = File::options().read(true).write(true).open(path)?;
            self.lock()?.encode_weights(file, &progress.0).map_err(raise)
        })
    }

    /// Takes a file of `encode_weights`; whether it is of this commitment.
    fn take_encoded(&self, python: Python<'_>, path: PathBuf) -> PyResult<bool> {
        python.detach(|| Ok(self.lock()?.take_encoded(File::open(path)?)))
    }

    /// The bytes of a receipt; `hide` has one byte (0 or 1) for the weights and one per
    /// binding; without it the proof is transparent. `named`: (binding, secret of 32 bytes), bindings ascending, of hidden tensors that
    /// get commitments of their own.
    #[pyo3(signature = (public, witness, context, progress, hide=None, named=Vec::new()))]
    #[allow(clippy::too_many_arguments)]
    fn prove(
        &self,
        python: Python<'_>,
        public: &[u8],
        witness: Cells<'_>,
        context: &[u8],
        progress: &Progress,
        hide: Option<&[u8]>,
        named: Vec<(u32, [u8; 32])>,
    ) -> PyResult<Cow<'_, [u8]>> {
        let witness = match &witness {
            Cells::Bytes(bytes) => bytes,
            Cells::Joined(joined) => joined.get().0.as_slice(),
        };
        let receipt = python.detach(|| -> PyResult<Vec<u8>> {
            let model = self.lock()?;
            let receipt = match hide {
                None => model.prove(public, witness, context, &progress.0),
                Some(hide) => {
                    let set = HideSet::decode(hide).map_err(|error| Malformed::new_err(error.to_string()))?;
                    let named: Vec<_> =
                        named.into_iter().map(|(binding, secret)| (binding, Randomness::new(secret))).collect();
                    model.prove_hiding(public, witness, &set, &named, context, &progress.0)
                }
            };
            Ok(receipt.map_err(raise)?.encode())
        })?;
        Ok(Cow::Owned(receipt))
    }
}
