//! The opening: one linear form over the concatenated limbs of several commitments, in one proof. See README.md.
//!
//! A limb is a vector of `2^log_rows` cells: at the same time the coefficients of the polynomial that Reed-Solomon encodes
//! and the table whose multilinear extension the sumcheck uses, so no basis changes.

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

pub mod choice;
#[allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "only provers run it, on circuits that are valid"
)]
mod prove;
mod schedule;
pub mod security;
mod verify;

pub use prove::{Commitment, Limbs, OpenError, RankOne, SALTS, SMALL, Weights, commit, commit_within, open, values_at};
pub use schedule::{MAX_LOG_LIMBS, Schedule, Shape};
pub use verify::verify;
