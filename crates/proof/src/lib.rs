//! The whole argument: parameters, setup, prove, verify, and the formats of keys and receipts.
//!
//! `stages` is the single place where claims flow from one stage to the next.

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod buffers;
mod format;
mod oracle;
mod parameters;
mod prove;
mod stages;
mod statement;
mod verify;

pub use format::{Key, Receipt};
pub use oracle::check;
pub use parameters::{Security, finish, security, security_of_size};
pub use prove::{Model, ProveError};
pub use verify::{Refused, VerifyingKey};
