//! The cells of a column where they lie: in a buffer, in the column's own width, or as integers.

use crate::Values;

/// One cell, in any of the forms that buffers have.
pub trait Cell: Copy + Send + Sync {
    const ZERO: Self;

    fn value(self) -> i64;
}

impl Cell for i64 {
    const ZERO: Self = 0;

    #[inline(always)]
    fn value(self) -> i64 {
        self
    }
}

macro_rules! signed_little_endian {
    ($($bytes:literal $integer:ty),*) => {$(
        impl Cell for [u8; $bytes] {
            const ZERO: Self = [0; $bytes];

            #[inline(always)]
            fn value(self) -> i64 {
                i64::from(<$integer>::from_le_bytes(self))
            }
        }
    )*};
}

signed_little_endian!(1 i8, 2 i16, 4 i32, 8 i64);

/// All cells of a column, in C order.
#[derive(Debug, Clone, Copy)]
pub enum ColumnCells<'a> {
    One(&'a [[u8; 1]]),
    Two(&'a [[u8; 2]]),
    Four(&'a [[u8; 4]]),
    Eight(&'a [[u8; 8]]),
    Integers(&'a [i64]),
}

/// The expression for whichever slice of [`Cell`]s the cells are.
#[macro_export]
macro_rules! with_cells {
    ($cells:expr, $slice:ident => $body:expr) => {
        match $cells {
            $crate::ColumnCells::One($slice) => $body,
            $crate::ColumnCells::Two($slice) => $body,
            $crate::ColumnCells::Four($slice) => $body,
            $crate::ColumnCells::Eight($slice) => $body,
            $crate::ColumnCells::Integers($slice) => $body,
        }
    };
}

impl<'a> ColumnCells<'a> {
    /// Signed little-endian cells of `width` bytes (1, 2, 4 or 8).
    pub fn of_bytes(bytes: &'a [u8], width: u8) -> Self {
        match width {
            1 => Self::One(bytes.as_chunks().0),
            2 => Self::Two(bytes.as_chunks().0),
            4 => Self::Four(bytes.as_chunks().0),
            _ => Self::Eight(bytes.as_chunks().0),
        }
    }

    pub fn len(&self) -> usize {
        with_cells!(self, cells => cells.len())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The cell at a place; zero beyond the end.
    pub fn at(&self, place: usize) -> i64 {
        with_cells!(self, cells => cells.get(place).map_or(0, |cell| cell.value()))
    }

    pub fn to_vec(&self) -> Vec<i64> {
        with_cells!(self, cells => cells.iter().map(|cell| cell.value()).collect())
    }
}

/// What a prover reads: the cells of every column of a circuit.
pub trait Columns: Sync {
    /// Of a column by its number; none if there is no such column.
    fn cells(&self, column: usize) -> ColumnCells<'_>;
}

impl Columns for Values {
    fn cells(&self, column: usize) -> ColumnCells<'_> {
        ColumnCells::Integers(self.columns.get(column).map_or(&[], Vec::as_slice))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_the_integers_of_their_bytes() {
        let integers = [0, 1, -1, 100, -128, 127];
        for width in [1u8, 2, 4, 8] {
            let bytes: Vec<u8> =
                integers.iter().flat_map(|v: &i64| v.to_le_bytes().into_iter().take(usize::from(width))).collect();
            let cells = ColumnCells::of_bytes(&bytes, width);
            assert_eq!(cells.to_vec(), integers);
            assert_eq!((cells.len(), cells.at(4), cells.at(6)), (6, -128, 0));
        }
        let values = Values { columns: vec![vec![], integers.to_vec()] };
        assert_eq!(values.cells(1).to_vec(), integers);
        assert!(values.cells(0).is_empty() && values.cells(2).is_empty());
        assert_eq!(<[u8; 4]>::ZERO.value(), 0);
    }
}
