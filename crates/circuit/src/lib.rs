//! The waist between Python and Rust: the circuit, its canonical encoding and digest, its columns' values, and the oracle
//! that says which relation a witness breaks.

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod model;

pub use model::*;
