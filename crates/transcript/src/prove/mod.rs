//! What only a prover does: whole trees, secret randomness.

mod lanes;
mod randomness;
mod tree;

pub use randomness::Randomness;
pub use tree::Tree;

/// Runs a stage on a thread of the pool: its hundreds of short loops would otherwise wake one each, and wait for it. Where the hooks
/// of tests may be in place, which belong to a thread, it runs where it is.
pub fn on_pool<R: Send>(stage: impl FnOnce() -> R + Send) -> R {
    if cfg!(feature = "tamper") { stage() } else { rayon::scope(|_| stage()) }
}
