//! The waist between Python and Rust: the circuit, its canonical encoding and digest, its columns' values, and the oracle
//! that says which relation a witness breaks.

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod check;
mod components;
mod counts;
mod cursor;
mod decode;
mod encode;
pub mod model;
mod sums;
mod validate;
mod values;
mod work;

pub use check::{Failure, FailureKind, check};
pub use components::{component_bound, component_values};
pub use counts::count_lookups;
pub use cursor::{CircuitError, Reader, Writer};
pub use encode::{FORMAT, MAGIC, digest};
pub use model::*;
pub use values::{Values, column_bytes, integers};
