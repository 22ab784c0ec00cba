//! The uniform cells of a hiding prover's commitments.

use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::{K, signed};
use tacit_circuit::{ColumnId, Values};
use tacit_columns::{Layout, mask_columns};
use tacit_transcript::Randomness;

/// Streams of a commitment's randomness; the salts have theirs.
const NOISE: u64 = 0;
pub const PADS: u64 = 1;
const MASKS: u64 = 2;
/// Of a named commitment's own randomness.
const SEAL: u64 = 3;

/// Puts a column's cells where its identifier says.
pub fn put(values: &mut Values, column: Option<ColumnId>, cells: Vec<i64>) {
    let Some(column) = column.map(|column| column as usize) else {
        return;
    };
    values.columns.resize(values.columns.len().max(column.saturating_add(1)), Vec::new());
    if let Some(held) = values.columns.get_mut(column) {
        *held = cells;
    }
}

/// Uniform cells of one proof; wiped when they are dropped.
#[derive(Debug, Default)]
pub struct Secret(pub Values);

impl Secret {
    fn wipe(&mut self) {
        self.0.columns.iter_mut().for_each(|cells| cells.fill(0));
        // What is never read may be left out by a compiler; this reads it.
        std::hint::black_box(&self.0);
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// Draws the uniform cells of a commitment, pads excepted.
pub fn uniform(layout: &Layout, commitment: usize, values: &mut Values, randomness: &Randomness) {
    let length = |id: ColumnId| layout.shape_of(id).map_or(0, |shape| shape.iter().product::<u64>() as usize);
    if let Some(noise) = layout.uniform().noise.get(commitment).copied().flatten() {
        put(values, Some(noise), randomness.cells(NOISE, length(noise)));
    }
    for (stream, &mask) in (MASKS..).zip(layout.uniform().masks.iter().filter(|_| commitment == 1)) {
        put(values, Some(mask), randomness.cells(stream, length(mask)));
    }
    let seal = commitment.checked_sub(2).and_then(|named| layout.uniform().seals.get(named)).copied();
    put(values, seal, randomness.cells(SEAL, 3));
}

/// `sum over mask limbs j and rows i of z^((j + 1)(i + 1)) cell`.
pub fn masked(layout: &Layout, values: &Values, z: K) -> K {
    let column = |((mask, _), base): ((ColumnId, u64), K)| -> K {
        let cells = values.columns.get(mask as usize).map_or(&[][..], Vec::as_slice);
        cells.iter().zip(base.powers().skip(1)).map(|(&cell, power)| power * signed(cell)).sum()
    };
    mask_columns(layout).into_iter().zip(z.powers().skip(1)).map(column).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wiped_is_zero() {
        let mut secret = Secret(Values { columns: vec![vec![1, -2], vec![], vec![3]] });
        secret.wipe();
        assert_eq!(secret.0.columns, [vec![0, 0], vec![], vec![0]]);
    }
}
