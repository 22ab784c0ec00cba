//! All lookups of a circuit as one fraction tree (LogUp): the sum of 1 / (alpha - fingerprint) over lookups equals the sum of
//! count / (alpha - fingerprint) over table entries. `README.md` has the formulas.

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

mod claims;
mod labels;
#[allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "only provers run it, on circuits that are valid"
)]
mod prove;
mod regions;
mod verify;

pub use claims::Reduced;
pub use prove::prove;
pub use verify::verify;
