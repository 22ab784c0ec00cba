//! The verifier's handles.

use std::borrow::Cow;

use pyo3::prelude::*;
use tacit_circuit::Direction;

use crate::{Malformed, Refused};

/// name, is an output, dtype, shape, exponent, lowest, highest, bytes of a cell.
type Signature = (String, bool, String, Vec<u64>, i32, i64, i64, u8);

/// Terms in bits, and their sum.
type Security = (Vec<(String, f64)>, f64);

/// binding, root, seal.
type Stated<'a> = (u32, Cow<'a, [u8]>, Cow<'a, [u8]>);

/// A parsed receipt. Nothing in it is true before it was verified.
#[pyclass(frozen)]
pub struct Receipt(tacit_proof::Receipt);

#[pymethods]
impl Receipt {
    #[new]
    fn new(data: &[u8]) -> PyResult<Self> {
        tacit_proof::Receipt::decode(data).map(Self).map_err(|error| Refused::new_err(error.to_string()))
    }

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.0.encode())
    }

    fn circuit_digest(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0.circuit_digest)
    }

    fn weights_root(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0.weights_root)
    }

    fn context(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0.context)
    }

    /// One byte (0 or 1) for the weights and one per binding: what is hidden. None for a transparent proof.
    fn hidden(&self) -> Option<Cow<'_, [u8]>> {
        self.0.hidden.as_ref().map(|set| Cow::Owned(set.encode()))
    }

    /// (binding, root, seal) of the hidden tensors that have commitments of their own.
    fn named(&self) -> Vec<Stated<'_>> {
        let named = self.0.named.iter();
        named.map(|n| (n.binding, Cow::Borrowed(&n.root[..]), Cow::Owned(n.seal_bytes().to_vec()))).collect()
    }

    /// The columns of the tensors that are not hidden, in the order of the circuit's bindings.
    fn publics(&self) -> Vec<Cow<'_, [u8]>> {
        self.0.publics.iter().map(|bytes| Cow::Borrowed(bytes.as_slice())).collect()
    }

    /// (part, bytes) of the receipt's parts.
    fn sizes(&self) -> Vec<(String, u64)> {
        let publics: usize = self.0.publics.iter().map(Vec::len).sum();
        vec![("public".into(), publics as u64), ("proof".into(), self.0.proof.len() as u64)]
    }
}

/// A parsed key.
#[pyclass(frozen)]
pub struct VerifyingKey(tacit_proof::VerifyingKey);

#[pymethods]
impl VerifyingKey {
    #[new]
    fn new(data: &[u8]) -> PyResult<Self> {
        tacit_proof::VerifyingKey::decode(data).map(Self).map_err(Malformed::new_err)
    }

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        let key = &self.0.key;
        Cow::Owned(tacit_proof::Key::encode(&key.circuit_bytes, &key.weights_root, key.weights_seal))
    }

    fn circuit(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0.key.circuit_bytes)
    }

    fn circuit_digest(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0.key.circuit_digest)
    }

    fn weights_root(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0.key.weights_root)
    }

    /// The value of all limbs of the weights at a point that the root decides: 24 bytes.
    fn weights_seal(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.0.key.seal_bytes().to_vec())
    }

    /// What says which weights: equal for keys of one commitment, and for no others.
    fn weights_identity(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.0.key.weights_identity())
    }

    /// One tuple a binding: name, is_output, dtype, shape, exponent, lowest, highest, cell bytes.
    fn publics(&self) -> Vec<Signature> {
        let circuit = &self.0.key.circuit;
        let signature = |binding: &tacit_circuit::Public| {
            let bytes = circuit.columns.get(binding.column as usize).map_or(8, |column| column.bytes);
            let is_output = binding.direction == Direction::Output;
            let shape = binding.shape.clone();
            let (name, dtype) = (binding.name.clone(), binding.dtype.clone());
            (name, is_output, dtype, shape, binding.exponent, binding.lowest, binding.highest, bytes)
        };
        circuit.publics.iter().map(signature).collect()
    }

    /// Raises Refused unless the receipt is valid for this key and context.
    fn verify(&self, python: Python<'_>, receipt: &Receipt, context: &[u8]) -> PyResult<()> {
        python.detach(|| self.0.verify(&receipt.0, context)).map_err(|error| Refused::new_err(error.to_string()))
    }

    /// Every soundness term in bits, and their sum.
    fn security(&self) -> PyResult<Security> {
        let security =
            tacit_proof::security(&self.0.key.circuit).map_err(|error| Malformed::new_err(error.to_string()))?;
        Ok((security.terms, security.composed))
    }

    /// Every soundness term in bits, and their sum, of proofs that hide all that can be hidden; None for a key of transparent proofs.
    fn hiding_security(&self) -> PyResult<Option<Security>> {
        let security = tacit_proof::security_when_hiding(&self.0.key.circuit)
            .map_err(|error| Malformed::new_err(error.to_string()))?;
        Ok(security.map(|security| (security.terms, security.composed)))
    }

    /// (name, number) of columns, relations, rows of a limb, limbs and queries.
    fn sizes(&self) -> Vec<(String, u64)> {
        self.0.sizes()
    }
}
