//! All contract relations by one batched sumcheck: claims on committed columns are what is left. README.md has the formulas.

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

mod plan;
#[allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "only provers run it, on circuits that are valid"
)]
mod prove;
mod verify;

pub use prove::prove;
pub use verify::verify;

use tacit_columns::Claim;

/// What the reduction leaves behind.
#[must_use]
#[derive(Debug, Clone)]
pub struct Reduced<V> {
    /// The claim on the affine parts of all contracts (when the circuit has contracts), then one claim per distinct factor.
    pub claims: Vec<Claim<V>>,
    /// `w`: the total of the product terms of all virtual sums, each with its own weights and scale. The caller takes it off
    /// the claim that the virtual sums came from.
    pub virtual_total: V,
}
