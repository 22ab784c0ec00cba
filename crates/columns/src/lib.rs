//! Where cells lie, what a view does to a weight, and what a linear form evaluates to: shared by prover and verifier.

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod weight;
mod weighted;

pub use weight::{Claim, Form, FormTerm, Weight};
pub use weighted::Weighted;
