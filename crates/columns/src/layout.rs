//! Where cells lie: axes split into descending powers of two, columns into blocks, blocks sorted into limbs.
//!
//! Commitment 0 holds the weights, commitment 1 the witness and the counts, later ones a single column each. A limb has `2^log_rows` rows, its address
//! is its number over all commitments; a block of 2^E cells starts at a multiple of 2^E.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::slice::from_ref;

use tacit_algebra::multilinear::bits;
use tacit_circuit::{Circuit, ColumnId, Home};
use tacit_transcript::Invalid;

use crate::blinding::{Arrangement, Hiding, Kept, Uniform, addresses, arrange, fixed};
use crate::whole::Whole;

/// log2 of the blocks that a limb with kept rows is cut into at least.
const SHORT: u32 = 5;
/// A layout with more blocks is refused.
const MOST_BLOCKS: u64 = 1 << 18;

/// A product of one piece per stored axis of a column, in C order, without gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub column: ColumnId,
    /// `(start, e)` per stored axis: positions `start .. start + 2^e`, start a multiple of 2^e.
    pub parts: Vec<(u64, u32)>,
    /// Of the limb.
    pub address: u64,
    /// Of the first cell, in the limb; a multiple of the block's size.
    pub row: u64,
}

impl Block {
    /// log2 of the number of cells.
    pub fn size_bits(&self) -> u32 {
        self.parts.iter().map(|&(_, e)| e).sum()
    }
}

/// A committed column.
#[derive(Debug, Clone)]
struct Stored {
    shape: Vec<u64>,
    first_block: usize,
    blocks: usize,
}

/// Where the cells of a circuit's committed columns lie.
#[derive(Debug, Clone)]
pub struct Layout {
    pub(crate) log_rows: usize,
    pub(crate) widths: Vec<usize>,
    /// Of every limb, commitment after commitment.
    pub(crate) addresses: Vec<u64>,
    /// Sorted by column.
    pub(crate) blocks: Vec<Block>,
    stored: HashMap<ColumnId, Stored>,
    cells: Vec<u64>,
    uniform: Uniform,
    whole: Whole,
}

/// The commitment that holds a column; `None` for public and virtual columns.
pub(crate) fn commitment_of(home: &Home) -> Option<usize> {
    match home {
        Home::Weights => Some(0),
        Home::Witness | Home::Count => Some(1),
        Home::Public | Home::Virtual(_) => None,
    }
}

impl Layout {
    /// The layout of a finished circuit.
    pub fn new(circuit: &Circuit) -> Result<Self, Invalid> {
        Self::with(circuit, None)
    }

    /// The layout of a finished circuit whose witness commitment hides.
    pub fn hiding(circuit: &Circuit, hiding: &Hiding) -> Result<Self, Invalid> {
        Self::with(circuit, Some(hiding))
    }

    fn with(circuit: &Circuit, hiding: Option<&Hiding>) -> Result<Self, Invalid> {
        let log_rows = usize::from(circuit.parameters.log_rows);
        let mut next = circuit.columns.len() as ColumnId;
        let mut name = || {
            let id = next;
            next = next.saturating_add(1);
            id
        };
        // What belongs to the weights is named first: its identifiers are the same whatever else is hidden.
        let reserved = u64::from(circuit.parameters.reserved);
        let weights_noise = (reserved > 0).then(&mut name);
        let whole = name();
        let mut noise_names = vec![weights_noise, hiding.map(|_| name())];
        let pads = hiding.map(|hiding| (name(), [hiding.pads, 3]));
        let named = hiding.map_or(&[][..], |hiding| &hiding.named);
        let apart: BTreeSet<ColumnId> = named.iter().copied().collect();
        if apart.len() != named.len() {
            return Err(Invalid::Circuit("a column is named twice"));
        }
        let seals: Vec<ColumnId> = named.iter().map(|_| name()).collect();
        noise_names.extend(named.iter().map(|_| (reserved > 0).then(&mut name)));
        let of = |commitment: usize| -> Vec<(ColumnId, &[u64])> {
            let ids = (0u32..).zip(&circuit.columns).filter(|(_, c)| commitment_of(&c.home) == Some(commitment));
            let ids = ids.filter(|(id, _)| !apart.contains(id));
            let own = pads.iter().filter(|_| commitment == 1).map(|(id, shape)| (*id, shape.as_slice()));
            ids.map(|(id, column)| (id, column.shape.as_slice())).chain(own).collect()
        };
        let mut columns = vec![of(0), of(1)];
        for (&id, &seal) in named.iter().zip(&seals) {
            let column = circuit.columns.get(id as usize).filter(|column| commitment_of(&column.home) == Some(1));
            let column = column.ok_or(Invalid::Circuit("a named column is not hidden"))?;
            columns.push(vec![(id, column.shape.as_slice()), (seal, &[3])]);
        }
        let Arrangement { mut blocks, widths, log_limbs, kept } = arrange(&columns, log_rows, reserved, hiding)?;
        let addresses = addresses(&widths, hiding.map(|_| log_limbs));
        let mut shapes: HashMap<ColumnId, Vec<u64>> =
            columns.iter().flatten().map(|&(id, shape)| (id, shape.to_vec())).collect();
        let noise = vec![None; columns.len()];
        let mut uniform = Uniform { pads: pads.map(|(id, _)| id), noise, seals, masks: Vec::new() };
        for (commitment, kept) in kept.iter().enumerate() {
            let noise: Vec<(u64, &[Range<u64>])> =
                kept.iter().enumerate().map(|(limb, kept)| (limb as u64, kept.noise.as_slice())).collect();
            let mut add = |id: ColumnId, runs: &[(u64, &[Range<u64>])]| {
                let (found, cells) = fixed(id, runs);
                if let Some(part) = blocks.get_mut(commitment) {
                    part.extend(found);
                }
                shapes.insert(id, vec![cells]);
                Some(id)
            };
            if let Some(id) = noise_names.get_mut(commitment).and_then(Option::take) {
                let id = add(id, &noise);
                uniform.noise.iter_mut().skip(commitment).take(1).for_each(|slot| *slot = id);
            }
            for (limb, kept) in kept.iter().enumerate().filter(|(_, kept)| !kept.mask.is_empty()) {
                uniform.masks.extend(add(name(), &[(limb as u64, from_ref(&kept.mask))]));
            }
        }
        let mut base = 0;
        for (part, width) in blocks.iter_mut().zip(&widths) {
            for block in part {
                let limb = usize::try_from(block.address).ok().and_then(|limb| limb.checked_add(base));
                let address = limb.and_then(|limb| addresses.get(limb)).copied();
                block.address = address.ok_or(Invalid::Circuit("a limb has no address"))?;
            }
            base = base.saturating_add(*width);
        }
        let cells = columns.iter().map(|columns| columns.iter().map(|(_, shape)| shape.iter().product::<u64>()).sum());
        let cells = cells.collect();
        let mut blocks: Vec<Block> = blocks.into_iter().flatten().collect();
        blocks.sort_by_key(|block| (block.column, block.address, block.row));
        let mut stored: HashMap<ColumnId, Stored> = HashMap::new();
        for (index, block) in blocks.iter().enumerate() {
            let shape = || shapes.get(&block.column).cloned().unwrap_or_default();
            let first = || Stored { shape: shape(), first_block: index, blocks: 0 };
            let stored = stored.entry(block.column).or_insert_with(first);
            stored.blocks = stored.blocks.saturating_add(1);
        }
        let limbs = addresses.iter().copied().take(widths.first().copied().unwrap_or(0));
        let whole = Whole::new(whole, limbs, log_rows);
        Ok(Self { log_rows, widths, addresses, blocks, stored, cells, uniform, whole })
    }

    /// The columns of uniform cells that belong to no relation.
    pub fn uniform(&self) -> &Uniform {
        &self.uniform
    }

    /// The weights' commitment, row by row.
    pub fn whole(&self) -> &Whole {
        &self.whole
    }

    /// log2 of the rows of a limb.
    pub fn log_rows(&self) -> usize {
        self.log_rows
    }

    /// Limbs per commitment.
    pub fn widths(&self) -> &[usize] {
        &self.widths
    }

    /// All limbs' addresses, commitment after commitment.
    pub fn addresses(&self) -> &[u64] {
        &self.addresses
    }

    /// Coordinates of an address.
    pub fn log_limbs(&self) -> usize {
        bits(self.addresses.iter().max().map_or(0, |&last| last.saturating_add(1)))
    }

    /// Committed cells of a commitment.
    pub fn cells(&self, commitment: usize) -> u64 {
        self.cells.get(commitment).copied().unwrap_or(0)
    }

    /// The blocks of a column, none if it is not committed.
    pub fn blocks_of(&self, column: ColumnId) -> &[Block] {
        if column == self.whole.column() {
            return self.whole.blocks();
        }
        let Some(stored) = self.stored.get(&column) else {
            return &[];
        };
        self.blocks.get(stored.first_block..).and_then(|blocks| blocks.get(..stored.blocks)).unwrap_or(&[])
    }

    /// The shape of a committed column.
    pub fn shape_of(&self, column: ColumnId) -> Option<&[u64]> {
        if column == self.whole.column() {
            return Some(self.whole.shape());
        }
        self.stored.get(&column).map(|stored| stored.shape.as_slice())
    }
}

/// An axis as descending powers of two: `(start, e)`, start a multiple of 2^e.
fn pieces(len: u64) -> Vec<(u64, u32)> {
    let (mut found, mut start) = (Vec::new(), 0);
    for e in (0..u64::BITS).rev().filter(|&e| len >> e & 1 == 1) {
        found.push((start, e));
        start |= 1 << e;
    }
    found
}

/// Blocks of at most 2^limit cells; a longer one is halved along its first axis that can be.
fn split(column: ColumnId, shape: &[u64], limit: u32) -> Result<Vec<Block>, Invalid> {
    let cells = shape.iter().try_fold(1u64, |product, &d| product.checked_mul(d)).unwrap_or(u64::MAX);
    let count = shape.iter().fold(1u64, |product, d| product.saturating_mul(u64::from(d.count_ones())));
    if cells == 0 || count > MOST_BLOCKS || cells.checked_shr(limit).unwrap_or(0) > MOST_BLOCKS {
        return Err(Invalid::Circuit("a column has too many blocks"));
    }
    // Every product is written once: an axis of length 1, or the 64th, costs no copy of what came before.
    let axes: Vec<_> = shape.iter().map(|&len| pieces(len)).collect();
    let mut products: Vec<Vec<(u64, u32)>> = (0..count).map(|_| Vec::with_capacity(axes.len())).collect();
    let mut run = count as usize;
    for axis in &axes {
        run = run.checked_div(axis.len()).unwrap_or(1);
        let along = axis.iter().flat_map(|&piece| std::iter::repeat_n(piece, run)).cycle();
        products.iter_mut().zip(along).for_each(|(parts, piece)| parts.push(piece));
    }
    let mut done = Vec::new();
    while let Some(parts) = products.pop() {
        let size: u32 = parts.iter().map(|&(_, e)| e).sum();
        let long = parts.iter().position(|&(_, e)| e > 0);
        let Some(axis) = long.filter(|_| size > limit) else {
            done.push(Block { column, parts, address: 0, row: 0 });
            continue;
        };
        for upper in [true, false] {
            let mut half = parts.clone();
            if let Some((start, e)) = half.get_mut(axis) {
                *e = e.saturating_sub(1);
                *start |= if upper { 1 << *e } else { 0 };
            }
            products.push(half);
        }
    }
    Ok(done)
}

/// Buddy packing, largest first: the free chunks of a limb are aligned powers of two that hold no kept row. The limbs of `first`
/// exist from the start, others (with the kept rows `other`) are added one by one. Addresses count from 0.
pub(crate) fn place(
    columns: &[(ColumnId, &[u64])],
    log_rows: usize,
    first: &[Kept],
    other: &Kept,
) -> Result<(Vec<Block>, usize), Invalid> {
    let rows = u32::try_from(log_rows).ok().filter(|&e| e < 48).ok_or(Invalid::Circuit("limbs are too long"))?;
    let template = other.free(rows);
    let longest = template.iter().map(|&(e, _)| e).max().ok_or(Invalid::Circuit("reserved rows fill the limbs"))?;
    // Blocks of a whole limb where nothing is kept; else short ones, which fill what the kept rows leave.
    let limit = if longest == rows { rows } else { longest.min(rows.saturating_sub(SHORT)) };
    let mut blocks = Vec::new();
    for (column, shape) in columns {
        blocks.extend(split(*column, shape, limit)?);
        if blocks.len() as u64 > MOST_BLOCKS {
            return Err(Invalid::Circuit("the columns have too many blocks"));
        }
    }
    blocks.sort_by_key(|block| std::cmp::Reverse(block.size_bits()));
    // Free chunks (exponent, address, row).
    let (mut free, mut limbs): (BTreeSet<(u32, u64, u64)>, usize) = (BTreeSet::new(), first.len());
    for (address, kept) in (0u64..).zip(first) {
        free.extend(kept.free(rows).into_iter().map(|(e, row)| (e, address, row)));
    }
    for block in &mut blocks {
        let size = block.size_bits();
        if free.range((size, 0, 0)..).next().is_none() {
            let address = limbs as u64;
            limbs = limbs.saturating_add(1);
            free.extend(template.iter().map(|&(e, row)| (e, address, row)));
        }
        let chunk = free.range((size, 0, 0)..).next().copied().ok_or(Invalid::Circuit("a block fits no limb"))?;
        free.remove(&chunk);
        let (e, address, row) = chunk;
        free.extend((size..e).map(|half| (half, address, row | 1 << half)));
        (block.address, block.row) = (address, row);
    }
    // A commitment is never empty: without columns it is one limb of zeros.
    Ok((blocks, limbs.max(1)))
}
