//! The border to Python: bytes in, bytes out, opaque handles. The interpreter's lock is released in every long call.

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::todo,
        clippy::unimplemented,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

mod memory;
mod prover;
mod verifier;

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use tacit_proof::{Like, Receipts, Wanted};

create_exception!(_core, Malformed, PyException, "The circuit, key or buffer cannot be used.");
create_exception!(_core, Refused, PyException, "The bytes are not a valid receipt.");
create_exception!(_core, Unsatisfied, PyException, "The witness breaks a relation.");
create_exception!(_core, Stopped, PyException, "Somebody asked the computation to stop.");

/// Keccak-256 of a circuit's bytes.
#[pyfunction]
fn digest(circuit: &[u8]) -> [u8; 32] {
    tacit_circuit::digest(circuit)
}

/// Chooses the parameters of an unfinished circuit (docs/circuit.md) and returns the bytes of the finished one. Its weights' commitment
/// serves `openings` proofs that hide; `receipts`: "quick" or "small". With `like`, (log_rows, log_inverse_rate, reserved) of another
/// circuit over the same weights, it is that circuit's.
#[pyfunction]
#[pyo3(signature = (circuit, openings=0, receipts="quick", like=None))]
fn finish(circuit: &[u8], openings: u32, receipts: &str, like: Option<(usize, usize, u32)>) -> PyResult<Vec<u8>> {
    let receipts = match receipts {
        "quick" => Receipts::Quick,
        "small" => Receipts::Small,
        other => return Err(Malformed::new_err(format!("receipts are quick or small, not {other}"))),
    };
    let like = like.map(|(log_rows, log_inverse_rate, reserved)| Like { log_rows, log_inverse_rate, reserved });
    tacit_proof::finish_with(circuit, &Wanted { receipts, openings, like }).map_err(Malformed::new_err)
}

/// Every soundness term in bits, and their sum, of a circuit of so many leaves and committed cells, as `finish` would choose.
#[pyfunction]
fn security_of_size(leaves: u64, cells: u64) -> PyResult<(Vec<(String, f64)>, f64)> {
    let security = tacit_proof::security_of_size(leaves, cells).map_err(Malformed::new_err)?;
    Ok((security.terms, security.composed))
}

/// The oracle: None when the witness satisfies the circuit, else (relation, kind, index).
#[pyfunction]
fn check(
    python: Python<'_>,
    circuit: &[u8],
    weights: &[u8],
    public: &[u8],
    witness: &[u8],
) -> PyResult<Option<(String, String, Vec<u64>)>> {
    python.detach(|| tacit_proof::check(circuit, weights, public, witness)).map_err(Malformed::new_err)
}

#[pymodule]
mod _core {
    #[pymodule_export]
    use super::memory::{array_memory_handler, give_back_held_memory, held_memory};
    #[pymodule_export]
    use super::prover::{Progress, Prover, Witness, commitment};
    #[pymodule_export]
    use super::verifier::{Receipt, VerifyingKey};
    #[pymodule_export]
    use super::{Malformed, Refused, Stopped, Unsatisfied, check, digest, finish, security_of_size};
}
