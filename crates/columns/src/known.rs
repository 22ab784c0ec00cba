//! What a verifier knows without any commitment: public columns and the rules of tables.

use std::sync::Arc;

use tacit_algebra::field::{PackedValue, PrimeCharacteristicRing};
use tacit_algebra::multilinear::{self, eq_table};
use tacit_algebra::packed::{Lanes, Packed, WIDTH, pack};
use tacit_algebra::{F, K, integer, signed};
use tacit_circuit::{Rule, integers};

use crate::Weight;

/// `sum_x values[x] prod_a weights[a](x_a)`: the inner product with a column whose cells are known, folded axis by axis from
/// the last. `values` has as many cells as the product of the weights' lengths.
pub fn known(values: &[i64], weights: &[Arc<Weight>]) -> K {
    let Some((last, outer)) = weights.split_last() else {
        return values.first().map_or(K::ZERO, |&value| integer(value));
    };
    let row = Row::new(last);
    let mut table: Vec<K> = values.chunks((last.len() as usize).max(1)).map(|cells| row.dot(cells)).collect();
    for weight in outer.iter().rev() {
        let row = weight.dense();
        let fold = |cells: &[K]| cells.iter().zip(&row).fold(K::ZERO, |sum, (&v, &w)| sum + w * v);
        table = table.chunks(row.len().max(1)).map(fold).collect();
    }
    table.first().copied().unwrap_or(K::ZERO)
}

/// `sum_{i < entries} weight(i) rule(i)`; closed forms for constants and lines, O(entries) for lists. `weight` has
/// length `entries`.
pub fn rule_value(rule: &Rule, weight: &Weight, entries: u64) -> K {
    match rule {
        Rule::Constant(value) => weight.total() * integer(*value),
        Rule::Iota(start) => weight.total() * integer(*start) + positions(weight, entries),
        Rule::Line { start, step } => weight.total() * integer(*start) + positions(weight, entries) * integer(*step),
        Rule::Listed { bytes, data } => Row::new(weight).dot(&integers(data, *bytes)),
    }
}

/// `sum_{i < entries} i weight(i)`.
fn positions(weight: &Weight, entries: u64) -> K {
    match weight {
        Weight::Eq { point, len } => multilinear::iota(point, *len),
        // entries (entries - 1) / 2
        Weight::Ones { .. } => (integer(entries as i64) * integer(entries.saturating_sub(1) as i64)).halve(),
        Weight::Index { index, len } => {
            if index < len {
                integer(*index as i64)
            } else {
                K::ZERO
            }
        }
        Weight::Powers { .. } | Weight::Dense(_) => {
            weight.dense().into_iter().zip(0i64..).fold(K::ZERO, |sum, (w, i)| sum + w * signed(i))
        }
    }
}

/// The low part of an eq vector has at most 2^LOW_BITS entries.
const LOW_BITS: usize = 10;

/// A weight vector as `high (x) low`, the low part in blocks.
struct Row {
    high: Vec<K>,
    /// Entries of the low part.
    width: usize,
    low: Vec<Packed>,
}

impl Row {
    fn new(weight: &Weight) -> Self {
        let (high, low) = match weight {
            Weight::Eq { point, .. } => {
                let (high, low) = point.split_at(point.len().saturating_sub(LOW_BITS));
                (eq_table(high), eq_table(low))
            }
            other => (vec![K::ONE], other.dense()),
        };
        Self { high, width: low.len(), low: pack(&low) }
    }

    /// The inner product with `cells`; entries beyond them count as zero.
    fn dot(&self, cells: &[i64]) -> K {
        let parts = cells.chunks(self.width.max(1)).zip(&self.high);
        parts.fold(K::ZERO, |sum, (cells, &high)| sum + high * self.dot_low(cells))
    }

    fn dot_low(&self, cells: &[i64]) -> K {
        let mut sum = Packed::ZERO;
        for (run, &weights) in cells.chunks(WIDTH).zip(&self.low) {
            sum += weights.times(Lanes::from_fn(|i| run.get(i).map_or(F::ZERO, |&cell| signed(cell))));
        }
        sum.lanes().sum()
    }
}
