//! What a prover does with hashes: whole trees.

mod lanes;
mod tree;

pub use tree::Tree;
