//! Buffers of `docs/circuit.md` -> columns, one home at a time: the weights once, publics and witness with every proof.

use tacit_circuit::{Circuit, CircuitError, Home, Values, column_bytes, integers};

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

/// Fills columns one after another from a buffer that they must use up.
pub fn cut(
    circuit: &Circuit,
    values: &mut Values,
    columns: &[u32],
    mut buffer: &[u8],
    name: &str,
) -> Result<(), CircuitError> {
    for &column in columns {
        let length = circuit.columns.get(column as usize).and_then(column_bytes).unwrap_or(u64::MAX);
        let Some((head, tail)) = usize::try_from(length).ok().and_then(|length| buffer.split_at_checked(length)) else {
            return Err(CircuitError::new(format!("the {name} buffer is too short")));
        };
        fill(circuit, values, column, head)?;
        buffer = tail;
    }
    if buffer.is_empty() { Ok(()) } else { Err(CircuitError::new(format!("the {name} buffer is too long"))) }
}

/// The columns of a kind of home, in circuit order.
pub fn homes(circuit: &Circuit, wanted: fn(&Home) -> bool) -> Vec<u32> {
    (0u32..).zip(&circuit.columns).filter(|(_, column)| wanted(&column.home)).map(|(id, _)| id).collect()
}

/// A column's cells in its buffer's bytes.
pub fn bytes(circuit: &Circuit, values: &Values, column: u32) -> Vec<u8> {
    let width = circuit.columns.get(column as usize).map_or(8, |declared| usize::from(declared.bytes)).min(8);
    let cells = values.columns.get(column as usize).map_or(&[][..], Vec::as_slice);
    cells.iter().flat_map(|cell| cell.to_le_bytes().into_iter().take(width)).collect()
}
