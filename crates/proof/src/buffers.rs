//! Buffers of `docs/circuit.md` -> public columns.

use tacit_circuit::{Circuit, CircuitError, Values, column_bytes, integers};

/// No values yet.
pub fn empty(circuit: &Circuit) -> Values {
    Values { columns: vec![Vec::new(); circuit.columns.len()] }
}

/// Fills one column from exactly its bytes.
pub fn fill(circuit: &Circuit, values: &mut Values, column: u32, bytes: &[u8]) -> Result<(), CircuitError> {
    let (Some(declared), Some(cells)) = (circuit.columns.get(column as usize), values.columns.get_mut(column as usize))
    else {
        return Err(CircuitError::new(format!("the circuit has no column {column}")));
    };
    if column_bytes(declared) != Some(bytes.len() as u64) {
        return Err(CircuitError::new(format!("the column {} does not fill its buffer", declared.name)));
    }
    *cells = integers(bytes, declared.bytes);
    Ok(())
}
