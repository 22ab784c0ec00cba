//! The weights' commitment read as one column: its limbs, row by row, whatever lies there. It is no column of the packing, whose blocks
//! it overlaps; a key's seal is a claim on it (`docs/protocol.md`, The key's seal).

use std::sync::Arc;

use tacit_algebra::K;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_circuit::ColumnId;

use crate::layout::Block;
use crate::{FormTerm, Weight};

/// A name for all rows of all limbs of commitment 0: shape [limbs, rows], one block a limb.
#[derive(Debug, Clone)]
pub struct Whole {
    column: ColumnId,
    shape: [u64; 2],
    blocks: Vec<Block>,
}

impl Whole {
    pub(crate) fn new(column: ColumnId, addresses: impl Iterator<Item = u64>, log_rows: usize) -> Self {
        let block = |(limb, address)| Block { column, parts: vec![(limb, 0), (0, log_rows as u32)], address, row: 0 };
        let blocks: Vec<Block> = (0u64..).zip(addresses).map(block).collect();
        let rows = 1u64.checked_shl(log_rows as u32).unwrap_or(0);
        Self { column, shape: [blocks.len() as u64, rows], blocks }
    }

    pub fn column(&self) -> ColumnId {
        self.column
    }

    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    pub(crate) fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// Limbs times rows.
    pub fn cells(&self) -> u64 {
        self.shape.iter().product()
    }

    /// `sum over limbs b and rows t of z^(b M + t) limb_b[t]`, M rows a limb.
    pub fn powers(&self, z: K) -> FormTerm {
        let [limbs, rows] = self.shape;
        let weights = [(z.exp_u64(rows), limbs), (z, rows)];
        let weights = weights.map(|(base, len)| Arc::new(Weight::Powers { base, len })).to_vec();
        FormTerm { coefficient: K::ONE, column: self.column, weights }
    }
}
