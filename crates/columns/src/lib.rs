//! Where cells lie, what a view does to a weight, and what a linear form evaluates to: shared by prover and verifier.

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cells;
mod dense;
mod evaluate;
mod known;
mod layout;
mod linear;
mod views;
mod weight;
mod weighted;

pub use cells::Cells;
pub use dense::Rows;
pub use known::{known, rule_value};
pub use layout::{Block, Layout, limb_counts};
pub use linear::{linear_form, virtual_terms};
pub use views::Views;
pub use weight::{Claim, Form, FormTerm, Weight};
pub use weighted::Weighted;
