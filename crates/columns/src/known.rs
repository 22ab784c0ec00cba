//! What a verifier knows without any commitment: public columns and the rules of tables.

use std::sync::Arc;

use p3_field::PrimeCharacteristicRing;
use tacit_algebra::{K, integer, multilinear, signed};
use tacit_circuit::Rule;

use crate::Weight;

/// `sum_x values[x] prod_a weights[a](x_a)`: the inner product with a column whose cells are known, folded axis by axis from
/// the last. `values` has as many cells as the product of the weights' lengths.
pub fn known(values: &[i64], weights: &[Arc<Weight>]) -> K {
    let Some((last, outer)) = weights.split_last() else {
        return values.first().map_or(K::ZERO, |&value| integer(value));
    };
    let row = last.dense();
    let fold = |cells: &[i64]| cells.iter().zip(&row).fold(K::ZERO, |sum, (&v, &w)| sum + w * signed(v));
    let mut table: Vec<K> = values.chunks(row.len().max(1)).map(fold).collect();
    for weight in outer.iter().rev() {
        let row = weight.dense();
        let fold = |cells: &[K]| cells.iter().zip(&row).fold(K::ZERO, |sum, (&v, &w)| sum + w * v);
        table = table.chunks(row.len().max(1)).map(fold).collect();
    }
    table.first().copied().unwrap_or(K::ZERO)
}

/// `sum_{i < entries} weight(i) rule(i)`; closed forms for constants and `start + i` under eq weights. `weight` has length
/// `entries`.
pub fn rule_value(rule: &Rule, weight: &Weight, entries: u64) -> K {
    match rule {
        Rule::Constant(value) => weight.total() * integer(*value),
        Rule::Iota(start) => weight.total() * integer(*start) + positions(weight, entries),
        Rule::Listed { bytes, data } => {
            let row = weight.dense();
            let cells = data.chunks_exact(usize::from(*bytes).max(1)).map(signed_cell);
            cells.zip(&row).fold(K::ZERO, |sum, (v, &w)| sum + w * signed(v))
        }
    }
}

/// `sum_{i < entries} i weight(i)`.
fn positions(weight: &Weight, entries: u64) -> K {
    match weight {
        Weight::Eq { point, len } => multilinear::iota(point, *len),
        // entries (entries - 1) / 2
        Weight::Ones { .. } => (integer(entries as i64) * integer(entries.saturating_sub(1) as i64)).halve(),
        Weight::Index { index, len } => if index < len { integer(*index as i64) } else { K::ZERO },
        Weight::Dense(values) => values.iter().zip(0i64..).fold(K::ZERO, |sum, (&w, i)| sum + w * signed(i)),
    }
}

/// A signed little-endian integer of at most eight bytes.
fn signed_cell(cell: &[u8]) -> i64 {
    let mut word = if cell.last().is_some_and(|&top| top >= 0x80) { [0xff; 8] } else { [0; 8] };
    for (to, from) in word.iter_mut().zip(cell) {
        *to = *from;
    }
    i64::from_le_bytes(word)
}
