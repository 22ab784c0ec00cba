//! What only a prover does: whole trees, secret randomness.

mod lanes;
mod randomness;
mod tree;

pub use randomness::Randomness;
pub use tree::Tree;
