//! Zero knowledge as a reading of the verifier: its messages are one-time padded, a value is an affine expression in committed pads,
//! every check a linear claim on them, and products use committed products of pads. See README.md.

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

mod affine;
#[allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "only provers run it, on circuits that are valid"
)]
mod prove;
mod reading;
mod triples;

pub use affine::{Affine, Variable};
pub use prove::{Pads, prove_triples};
pub use reading::{Blank, Hidden, Variables, mask_form, pad_form};
