//! The satisfiability oracle over the buffers that Python fills.

use tacit_circuit::{Circuit, Values};

/// None when weights, public tensors and witness satisfy the circuit; else the relation, what is wrong, and the index.
///
/// # Errors
/// A sentence, when the circuit or a buffer is malformed.
#[allow(clippy::type_complexity)]
pub fn check(
    circuit: &[u8],
    weights: &[u8],
    public: &[u8],
    witness: &[u8],
) -> Result<Option<(String, String, Vec<u64>)>, String> {
    let circuit = Circuit::decode(circuit).map_err(|error| error.to_string())?;
    let mut values = Values::read(&circuit, weights, public, witness).map_err(|error| error.to_string())?;
    let found =
        tacit_circuit::count_lookups(&circuit, &mut values).and_then(|()| tacit_circuit::check(&circuit, &values));
    Ok(found.err().map(|failure| (failure.relation, format!("{:?}", failure.kind), failure.index)))
}
