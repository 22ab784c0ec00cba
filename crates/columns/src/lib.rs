//! Where cells lie, what a view does to a weight, and what a linear form evaluates to: shared by prover and verifier.

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
mod evaluate;
mod known;
mod layout;
mod linear;
#[allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "only provers run it, on circuits that are valid"
)]
mod prove;
mod views;
mod weight;
mod weighted;
mod whole;

pub use blinding::{Hiding, LEAST_LOG_LIMBS, Uniform, clear_rows, limb_counts, mask_columns};
pub use known::{known, rule_value};
pub use layout::{Block, Layout};
pub use linear::{linear_form, virtual_terms};
pub use prove::{Cells, PowersOfRows, Rows};
pub use views::Views;
pub use weight::{Claim, Form, FormTerm, Weight};
pub use weighted::Weighted;
pub use whole::Whole;
