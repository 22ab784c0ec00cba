//! The waist between Python and Rust: the circuit, its canonical encoding and digest, its columns' values, and the oracle
//! that says which relation a witness breaks.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::todo,
        clippy::unimplemented,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

mod cursor;
mod decode;
mod encode;
pub mod model;
#[allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "only provers and the oracle run it, on circuits that are valid"
)]
mod prove;
mod validate;
mod values;
mod work;

pub use cursor::{CircuitError, Reader, Writer};
pub use encode::{FORMAT, MAGIC, digest};
pub use model::*;
pub use prove::{
    Cell, ColumnCells, Columns, Failure, FailureKind, check, component_bound, component_values, count_lookups, counts,
};
pub use values::{Values, column_bytes, integers};
