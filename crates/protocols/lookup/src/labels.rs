//! Labels of the transcript, in their order; and the names of the checks.

pub(crate) const ALPHA: &str = "lookup alpha";
pub(crate) const BETA: &str = "lookup beta";
pub(crate) const ROUND: &str = "tree round";
pub(crate) const CHALLENGE: &str = "tree challenge";
pub(crate) const VALUES: &str = "tree values";
pub(crate) const TAU: &str = "tree tau";
pub(crate) const LAMBDA: &str = "tree lambda";

pub(crate) const ROOT_CHECK: &str = "the fraction tree's root";
pub(crate) const LEVEL_CHECK: &str = "a level of the fraction tree";
