//! A sum of a relation, weighted along its output axes: the common currency of lookup and contract.

use std::sync::Arc;

use tacit_algebra::K;
use tacit_circuit::Sum;

use crate::Weight;

/// `scale * sum_o (prod_a weights[a][o_a]) S[o]`, one weight per output axis of `sum`.
#[derive(Debug, Clone)]
pub struct Weighted<'a> {
    pub sum: &'a Sum,
    pub weights: Vec<Arc<Weight>>,
    pub scale: K,
}
