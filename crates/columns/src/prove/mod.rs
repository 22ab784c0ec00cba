//! What a prover does with a layout: reads cells and builds weight vectors, row by row.

mod cells;
mod dense;
mod whole;

pub use cells::Cells;
pub use dense::Rows;
pub use whole::PowersOfRows;
