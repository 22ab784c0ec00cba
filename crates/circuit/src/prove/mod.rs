//! What a prover does with a circuit and its values; and the oracle, which says what a prover got wrong.

mod cells;
mod check;
mod components;
mod counts;
mod far;
mod finder;
mod sums;

pub use cells::{Cell, ColumnCells, Columns};
pub use check::{Failure, FailureKind, check};
pub use components::{component_bound, component_values};
pub use counts::{count_lookups, counts};
