//! The whole argument: parameters, setup, prove, verify, and the formats of keys and receipts.
//!
//! `stages` is the single place where claims flow from one stage to the next.

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

mod blinding;
mod buffers;
mod choose;
mod format;
mod hiding;
mod named;
mod oracle;
mod parameters;
mod prove;
mod seal;
mod stages;
mod statement;
mod verify;

pub use choose::{Like, Wanted, finish, finish_with, security_of_size};
pub use format::{Key, Receipt};
pub use hiding::HideSet;
pub use named::Named;
pub use oracle::check;
pub use parameters::{Security, security, security_when_hiding};
pub use prove::{Model, ProveError, Shared, name_tensor};
pub use seal::seal_point;
pub use tacit_open::choice::Receipts;
pub use verify::{Refused, VerifyingKey};
