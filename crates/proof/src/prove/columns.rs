//! The columns of a proof where they lie: weights, publics and witness in their buffers (`docs/circuit.md`), in their own width.

use std::fmt;
use std::sync::Arc;

use tacit_circuit::{Circuit, CircuitError, ColumnCells, ColumnId, Columns, Home, Values, column_bytes};

/// Bytes that live elsewhere, in the front end's memory say, for as long as this does.
#[derive(Clone)]
pub struct Shared(pub Arc<dyn AsRef<[u8]> + Send + Sync>);

impl Shared {
    pub fn bytes(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.bytes().len())
    }
}

/// All columns of one proof where they lie: in the buffers, and multiplicities as integers.
#[derive(Debug)]
pub struct Buffers<'a> {
    columns: Vec<Place<'a>>,
}

#[derive(Debug, Clone)]
enum Place<'a> {
    Bytes(&'a [u8], u8),
    Counts(Vec<i64>),
}

impl<'a> Buffers<'a> {
    /// No cells yet.
    pub fn new(circuit: &Circuit) -> Self {
        Self { columns: vec![Place::Bytes(&[], 8); circuit.columns.len()] }
    }

    /// Gives columns their bytes, one after another, from a buffer that they must use up.
    pub fn cut(
        &mut self,
        circuit: &Circuit,
        columns: &[u32],
        mut buffer: &'a [u8],
        name: &str,
    ) -> Result<(), CircuitError> {
        for &column in columns {
            let declared = circuit.columns.get(column as usize);
            let length = declared.and_then(column_bytes).unwrap_or(u64::MAX);
            let parts = usize::try_from(length).ok().and_then(|length| buffer.split_at_checked(length));
            let (Some((head, tail)), Some(place)) = (parts, self.columns.get_mut(column as usize)) else {
                return Err(CircuitError::new(format!("the {name} buffer is too short")));
            };
            *place = Place::Bytes(head, declared.map_or(8, |declared| declared.bytes));
            buffer = tail;
        }
        if buffer.is_empty() { Ok(()) } else { Err(CircuitError::new(format!("the {name} buffer is too long"))) }
    }

    /// Gives columns of multiplicities their cells.
    pub fn count(&mut self, counts: Vec<(ColumnId, Vec<i64>)>) {
        for (column, cells) in counts {
            if let Some(place) = self.columns.get_mut(column as usize) {
                *place = Place::Counts(cells);
            }
        }
    }
}

impl Columns for Buffers<'_> {
    fn cells(&self, column: usize) -> ColumnCells<'_> {
        match self.columns.get(column) {
            Some(Place::Bytes(bytes, width)) => ColumnCells::of_bytes(bytes, *width),
            Some(Place::Counts(cells)) => ColumnCells::Integers(cells),
            None => ColumnCells::Integers(&[]),
        }
    }
}

/// Columns, and uniform cells in columns behind them.
pub struct Extended<'a> {
    columns: &'a dyn Columns,
    more: &'a Values,
}

impl<'a> Extended<'a> {
    pub fn new(columns: &'a dyn Columns, more: &'a Values) -> Self {
        Self { columns, more }
    }

    /// The uniform cells alone.
    pub fn more(&self) -> &Values {
        self.more
    }

    /// All cells as integers, of `count` columns and of those behind them.
    pub fn values(&self, count: usize) -> Values {
        let count = count.max(self.more.columns.len());
        Values { columns: (0..count).map(|column| self.cells(column).to_vec()).collect() }
    }
}

impl Columns for Extended<'_> {
    fn cells(&self, column: usize) -> ColumnCells<'_> {
        match self.more.columns.get(column).filter(|cells| !cells.is_empty()) {
            Some(cells) => ColumnCells::Integers(cells),
            None => self.columns.cells(column),
        }
    }
}

/// The columns of a kind of home, in circuit order.
pub fn homes(circuit: &Circuit, wanted: fn(&Home) -> bool) -> Vec<u32> {
    (0u32..).zip(&circuit.columns).filter(|(_, column)| wanted(&column.home)).map(|(id, _)| id).collect()
}

/// A column's cells in its buffer's bytes.
pub fn bytes(circuit: &Circuit, values: &dyn Columns, column: u32) -> Vec<u8> {
    let width = circuit.columns.get(column as usize).map_or(8, |declared| usize::from(declared.bytes)).min(8);
    let cells = values.cells(column as usize).to_vec();
    cells.iter().flat_map(|cell| cell.to_le_bytes().into_iter().take(width)).collect()
}
