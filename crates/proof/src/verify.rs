//! Receipt, key, context -> nothing, or why not.

use tacit_algebra::K;
use tacit_circuit::Values;
use tacit_columns::{Form, Layout, Views};
use tacit_open::{Schedule, Shape};
use tacit_transcript::{Digest, Invalid, Reading, Receiver};

use crate::buffers::{empty, fill};
use crate::format::{Key, Receipt};
use crate::hiding::{Seals, committed, reduce};
use crate::parameters::{PROFILE_BITS, parameter_bytes, schedule, security, shape};
use crate::seal::Seal;
use crate::stages::{combine, outer};

/// Why a receipt is not valid for a key and a context.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("it was made for another circuit")]
    Circuit,
    #[error("it was made with other weights")]
    Weights,
    #[error("it was made for another context")]
    Context,
    #[error("the public tensor {0} has the wrong size")]
    PublicSize(String),
    #[error("the public tensor {0} has a value outside its interval")]
    PublicValue(String),
    #[error("it has {found} public tensors, the circuit has {wanted}")]
    PublicCount { found: usize, wanted: usize },
    #[error("{0}")]
    Proof(#[from] Invalid),
}

/// A parsed key, with everything about the circuit that does not depend on a receipt.
#[derive(Debug, Clone)]
pub struct VerifyingKey {
    pub key: Key,
    seal: Seal,
    layout: Layout,
    schedule: Schedule,
    shape: Shape,
    parameters: Vec<u8>,
}

impl VerifyingKey {
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let key = Key::decode(bytes)?;
        let layout = Layout::new(&key.circuit).map_err(|error| error.to_string())?;
        let schedule = schedule(&key.circuit.parameters).map_err(|error| error.to_string())?;
        let shape = shape(&layout);
        shape.check().map_err(|error| error.to_string())?;
        let security = security(&key.circuit).map_err(|error| error.to_string())?;
        if security.composed < PROFILE_BITS {
            return Err(format!(
                "its parameters give {:.1} bits of security, the profile asks for 128",
                security.composed
            ));
        }
        let parameters = parameter_bytes(&key.circuit.parameters);
        let seal = Seal::new(&key.weights_root, key.weights_seal);
        Ok(Self { key, seal, layout, schedule, shape, parameters })
    }

    /// Accepts exactly the receipts whose statement has a proof for this key and this context.
    pub fn verify(&self, receipt: &Receipt, context: &[u8]) -> Result<(), Refused> {
        if receipt.circuit_digest != self.key.circuit_digest {
            return Err(Refused::Circuit);
        }
        if receipt.weights_root != self.key.weights_root {
            return Err(Refused::Weights);
        }
        if receipt.context != context {
            return Err(Refused::Context);
        }
        let values = self.publics(receipt)?;
        let transcript = receipt.statement(&self.parameters, self.key.weights_seal).bind(&receipt.witness_root);
        let mut receiver = Receiver::new(transcript, &receipt.proof);
        let circuit = &self.key.circuit;
        match &receipt.hidden {
            None => {
                let mut claims = outer(circuit, &mut Views::default(), &mut receiver)?;
                claims.push(self.seal.claim(&self.layout));
                let zeta: K = receiver.draw("combine");
                let (form, value) = combine(circuit, &values, claims, zeta)?;
                self.open(receipt, &self.layout, &self.shape, (form, value), receiver)
            }
            Some(set) => {
                let circuit = committed(circuit, &self.schedule, set)?;
                let seals = Seals { weights: self.seal, named: &receipt.named };
                let (mode, form, value, receiver) = reduce(circuit, &self.schedule, &values, seals, receiver)?;
                self.open(receipt, &mode.layout, &mode.shape, (form, value), receiver)
            }
        }
    }

    fn open(
        &self,
        receipt: &Receipt,
        layout: &Layout,
        shape: &Shape,
        (form, value): (Form, K),
        mut receiver: Receiver<'_>,
    ) -> Result<(), Refused> {
        let named = receipt.named.iter().map(|named| named.root);
        let roots: Vec<Digest> = [receipt.weights_root, receipt.witness_root].into_iter().chain(named).collect();
        let extension = |point: &[K]| layout.evaluate(&form, point);
        tacit_open::verify(&self.schedule, &roots, shape, value, &mut receiver, extension)?;
        receiver.finish()?;
        Ok(())
    }

    /// (name, number) of what makes up the circuit and its opening.
    pub fn sizes(&self) -> Vec<(String, u64)> {
        let circuit = &self.key.circuit;
        let named = |name: &str, value: u64| (name.to_string(), value);
        let rows: u64 = circuit.tables.iter().flat_map(|table| &table.segments).map(|segment| segment.entries).sum();
        vec![
            named("columns", circuit.columns.len() as u64),
            named("contract relations", circuit.contracts.len() as u64),
            named("lookup relations", circuit.lookups.len() as u64),
            named("table rows", rows),
            named("weight cells", self.layout.cells(0)),
            named("witness cells", self.layout.cells(1)),
            named("limbs", self.shape.widths.iter().sum::<usize>() as u64),
            named("rows of a limb", 1u64.checked_shl(self.schedule.log_rows() as u32).unwrap_or(0)),
            named("queries", self.schedule.queries().iter().sum::<usize>() as u64),
        ]
    }

    /// The shown tensors' columns as integers, each inside the interval that its binding demands.
    fn publics(&self, receipt: &Receipt) -> Result<Values, Refused> {
        let circuit = &self.key.circuit;
        let shown = |index: usize| receipt.hidden.as_ref().is_none_or(|set| !set.hides(index));
        let bindings: Vec<_> = circuit.publics.iter().enumerate().filter(|(index, _)| shown(*index)).collect();
        if receipt.publics.len() != bindings.len() {
            return Err(Refused::PublicCount { found: receipt.publics.len(), wanted: bindings.len() });
        }
        let mut values = empty(circuit);
        for ((_, binding), bytes) in bindings.into_iter().zip(&receipt.publics) {
            fill(circuit, &mut values, binding.column, bytes).map_err(|_| Refused::PublicSize(binding.name.clone()))?;
            let cells = values.columns.get(binding.column as usize).map_or(&[][..], Vec::as_slice);
            if cells.iter().any(|&cell| cell < binding.lowest || cell > binding.highest) {
                return Err(Refused::PublicValue(binding.name.clone()));
            }
        }
        Ok(values)
    }
}
