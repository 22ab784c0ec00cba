//! Large blocks of memory in huge pages, kept from one use to the next.
//!
//! A proof takes and drops blocks of megabytes to hundreds of megabytes, phase after phase. The system's allocator gives them back to
//! the kernel each time, which clears new ones page by page: a sixth of a prover's processor time, and its sums then miss the
//! translation buffer at every other row. [`Kept`] cuts blocks of [`LEAST`] bytes and more from one reserved range of addresses, the
//! first place where they fit, and leaves pages of dropped blocks to the next one. It keeps no more pages than the most that was
//! in use at once, but for a few, since blocks begin and end within pages. Smaller blocks, and all of them where no range can be had, are the system's.
//!
//! The one crate with unsafe code of its own; the bookkeeping ([`pages`]) has none.

#![deny(unsafe_op_in_unsafe_fn)]
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

pub mod pages;

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[allow(unsafe_code, reason = "an interface of C")]
mod arrays;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[allow(unsafe_code, reason = "the interface of allocators, and calls of the system")]
mod kept;

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
pub use arrays::handler;

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
pub use kept::{Kept, give_back, held};

/// Bytes of the smallest block that is kept.
pub const LEAST: usize = 2 * pages::UNIT;

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
pub use std::alloc::System as Kept;

/// Bytes of pages that no block uses.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
pub fn held() -> usize {
    0
}

/// Gives these pages back to the system.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
pub fn give_back() {}

/// The address of a handler of NumPy's data memory; 0 where there is none.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
pub fn handler() -> usize {
    0
}
