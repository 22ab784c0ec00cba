//! All lookups of a circuit as one fraction tree (LogUp): the sum of 1 / (alpha - fingerprint) over lookups equals the sum of
//! count / (alpha - fingerprint) over table entries. `README.md` has the formulas.

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod claims;
#[allow(clippy::indexing_slicing)]
mod kernel;
mod labels;
#[allow(clippy::indexing_slicing)]
mod layer;
#[allow(clippy::indexing_slicing)]
mod leaves;
#[allow(clippy::indexing_slicing)]
mod packed;
#[allow(clippy::indexing_slicing, clippy::expect_used)]
mod prove;
mod regions;
#[allow(clippy::indexing_slicing)]
mod shape;
#[allow(clippy::indexing_slicing)]
mod tree;
mod verify;
#[allow(clippy::indexing_slicing)]
mod weights;

pub use claims::Reduced;
pub use prove::prove;
pub use verify::verify;
