//! The integers of all columns, from the buffers that the front end fills.

use rayon::prelude::*;

use crate::{Circuit, CircuitError, Column, Home};

/// The cells of every column of a circuit, in circuit order, each in C order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    pub columns: Vec<Vec<i64>>,
}

/// Bytes of a column in its buffer; `None` when they do not fit 64 bits.
pub fn column_bytes(column: &Column) -> Option<u64> {
    column_cells(column)?.checked_mul(u64::from(column.bytes))
}

fn column_cells(column: &Column) -> Option<u64> {
    column.shape.iter().try_fold(1u64, |product, &d| product.checked_mul(d))
}

impl Values {
    /// Reads the three buffers of `docs/circuit.md`; their lengths must match exactly. Count columns are zero:
    /// [`crate::count_lookups`] derives them.
    pub fn read(circuit: &Circuit, weights: &[u8], public: &[u8], witness: &[u8]) -> Result<Self, CircuitError> {
        let mut slices: Vec<Option<&[u8]>> = vec![None; circuit.columns.len()];
        let of_home = |wanted: fn(&Home) -> bool| {
            circuit.columns.iter().enumerate().filter(move |(_, c)| wanted(&c.home)).map(|(i, _)| i).collect::<Vec<_>>()
        };
        let bound = circuit.publics.iter().map(|p| p.column as usize).collect::<Vec<_>>();
        cut(circuit, "weights", weights, &of_home(|h| matches!(h, Home::Weights)), &mut slices)?;
        cut(circuit, "witness", witness, &of_home(|h| matches!(h, Home::Witness | Home::Virtual(_))), &mut slices)?;
        cut(circuit, "public", public, &bound, &mut slices)?;
        let columns = circuit.columns.par_iter().zip(slices).map(|(column, slice)| match slice {
            Some(bytes) => Ok(integers(bytes, column.bytes)),
            None if column.home == Home::Count => Ok(vec![0; column_cells(column).unwrap_or(0) as usize]),
            None => Err(CircuitError::new(format!("no buffer holds the column {}", column.name))),
        });
        Ok(Self { columns: columns.collect::<Result<_, _>>()? })
    }
}

/// Cuts a buffer into the given columns, which it must fill exactly.
fn cut<'a>(
    circuit: &Circuit,
    name: &str,
    buffer: &'a [u8],
    ids: &[usize],
    slices: &mut [Option<&'a [u8]>],
) -> Result<(), CircuitError> {
    let mut rest = buffer;
    for &id in ids {
        let (Some(column), Some(slice)) = (circuit.columns.get(id), slices.get_mut(id)) else {
            return Err(CircuitError::new(format!("the circuit has no column {id}")));
        };
        let length = column_bytes(column).and_then(|n| usize::try_from(n).ok());
        let (head, tail) = length
            .and_then(|n| rest.split_at_checked(n))
            .ok_or_else(|| CircuitError::new(format!("the {name} buffer ends inside the column {}", column.name)))?;
        *slice = Some(head);
        rest = tail;
    }
    if rest.is_empty() {
        return Ok(());
    }
    Err(CircuitError::new(format!("the {name} buffer is {} bytes longer than its columns", rest.len())))
}

/// Signed little-endian integers of `width` bytes (1, 2, 4 or 8).
pub fn integers(bytes: &[u8], width: u8) -> Vec<i64> {
    match width {
        1 => bytes.iter().map(|&b| i64::from(b as i8)).collect(),
        2 => widen(bytes, |cell: [u8; 2]| i64::from(i16::from_le_bytes(cell))),
        4 => widen(bytes, |cell: [u8; 4]| i64::from(i32::from_le_bytes(cell))),
        _ => widen(bytes, i64::from_le_bytes),
    }
}

fn widen<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> i64) -> Vec<i64> {
    let (cells, _) = bytes.as_chunks::<N>();
    cells.iter().map(|&cell| value(cell)).collect()
}
