//! The opening: one linear form over the concatenated limbs of several commitments, in one proof. See README.md.
//!
//! A limb is a vector of `2^log_rows` cells: at the same time the coefficients of the polynomial that Reed-Solomon encodes
//! and the table whose multilinear extension the sumcheck uses, so no basis changes.

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod batch;
mod encode;
mod prove;
mod schedule;
pub mod security;
mod sumcheck;
mod transform;
mod verify;

pub use batch::{Scratch, Weights};
pub use encode::{Commitment, commit};
pub use prove::open;
pub use schedule::{MAX_LOG_LIMBS, Schedule, Shape};
pub use verify::verify;
