//! Whole Merkle trees, their digests computed side by side.

use std::collections::HashMap;

use p3_field::{PackedFieldPow2, PackedValue, PrimeCharacteristicRing, PrimeField64};
use rayon::prelude::*;
use tacit_algebra::F;
use tacit_algebra::packed::{Lanes as Packing, WIDTH};

use super::lanes::{LANES, Lanes};
use crate::keccak::Digest;
use crate::merkle::{LEAF, NODE, leaf, node, row_bytes};

/// Groups of `LANES` hashes that one task computes.
const GROUPS: usize = 16;

/// A tree with all its digests, or all but those of the lowest layers: `layers[0]` are the lowest ones that are held (the leaves
/// when `cut` is 0), the last layer is the root alone.
#[derive(Debug, Clone)]
pub struct Tree {
    pub(crate) layers: Vec<Vec<Digest>>,
    cut: usize,
}

impl Tree {
    /// The tree of `2^depth` rows.
    ///
    /// `rows`: row-major, `width << depth` elements, `width >= 1`. `salts`: row-major, `salt << depth` bytes.
    ///
    /// # Panics
    /// When a length is not as stated.
    pub fn new(rows: &[F], width: usize, salts: &[u8], salt: usize) -> Self {
        let count = rows.len() / width.max(1);
        assert!(
            count.is_power_of_two() && count * width == rows.len() && salts.len() == salt * count,
            "a tree has 2^n rows and as many salts"
        );
        Self::above(leaves(rows, width, salts, salt), 0)
    }

    /// The digests `height` layers above the leaves, nothing above them; arguments as in [`Tree::new`], `2^height` divides the rows.
    pub fn groups(rows: &[F], width: usize, salts: &[u8], salt: usize, height: usize) -> Vec<Digest> {
        (0..height).fold(leaves(rows, width, salts, salt), |digests, _| parents(&digests))
    }

    /// The tree whose nodes `cut` layers above the leaves are `digests`, a power of two of them; nothing below is held.
    pub fn above(digests: Vec<Digest>, cut: usize) -> Self {
        let mut layers = vec![digests];
        while let Some(children) = layers.last().filter(|layer| layer.len() > 1) {
            layers.push(parents(children));
        }
        Self { layers, cut }
    }

    /// The digests `height` layers above the leaves; none if they are not held.
    pub fn layer(&self, height: usize) -> &[Digest] {
        height.checked_sub(self.cut).and_then(|held| self.layers.get(held)).map_or(&[], Vec::as_slice)
    }

    /// Layers that are not held.
    pub fn cut(&self) -> usize {
        self.cut
    }

    pub fn root(&self) -> Digest {
        self.layers.last().and_then(|top| top.first()).copied().unwrap_or_default()
    }

    /// log2 of the number of leaves.
    pub fn depth(&self) -> usize {
        self.layers.len().saturating_sub(1) + self.cut
    }

    /// The siblings that [`crate::merkle::verify`] asks for, given distinct ascending positions below `2^depth`, of a tree whose
    /// layers are all held.
    pub fn siblings(&self, positions: &[u64]) -> Vec<Digest> {
        self.siblings_over(positions, &HashMap::new())
    }

    /// The siblings, with the trees over the `2^cut` leaves around every position, by `position >> cut`.
    pub fn siblings_over(&self, positions: &[u64], below: &HashMap<u64, Tree>) -> Vec<Digest> {
        let mut siblings = Vec::new();
        let mut known = positions.to_vec();
        for height in 0..self.depth() {
            let digest = |position: u64| match self.cut.checked_sub(height).filter(|&left| left > 0) {
                None => self.layer(height).get(position as usize),
                Some(left) => {
                    let inside = position & ((1 << left) - 1);
                    below.get(&(position >> left))?.layer(height).get(inside as usize)
                }
            };
            let mut above = Vec::with_capacity(known.len());
            let mut rest = known.iter().copied().peekable();
            while let Some(position) = rest.next() {
                if rest.next_if_eq(&(position ^ 1)).is_none() {
                    siblings.extend(digest(position ^ 1));
                }
                above.push(position >> 1);
            }
            known = above;
        }
        siblings
    }
}

fn leaves(rows: &[F], width: usize, salts: &[u8], salt: usize) -> Vec<Digest> {
    let mut digests = vec![[0; 32]; rows.len() / width];
    let chunk = GROUPS * LANES;
    digests.par_chunks_mut(chunk).enumerate().for_each(|(index, digests)| {
        let rows = rows.get(index * chunk * width..).unwrap_or_default();
        let salts = salts.get(index * chunk * salt..).unwrap_or_default();
        for (group, digests) in digests.chunks_mut(LANES).enumerate() {
            let rows = rows.get(group * LANES * width..).unwrap_or_default();
            let salts = salts.get(group * LANES * salt..).unwrap_or_default();
            if digests.len() == LANES {
                digests.copy_from_slice(&leaf_lanes(rows, width, salts, salt));
            } else {
                for (lane, digest) in digests.iter_mut().enumerate() {
                    let row: Vec<u8> =
                        row_bytes(rows.get(lane * width..).unwrap_or_default()).take(8 * width).collect();
                    *digest = leaf(salts.get(lane * salt..(lane + 1) * salt).unwrap_or_default(), &row);
                }
            }
        }
    });
    digests
}

/// The first `LANES` rows.
fn leaf_lanes(rows: &[F], width: usize, salts: &[u8], salt: usize) -> [Digest; LANES] {
    let mut lanes = Lanes::new();
    lanes.absorb_bytes([LEAF; LANES]);
    let salts: [&[u8]; LANES] = std::array::from_fn(|lane| &salts[lane * salt..(lane + 1) * salt]);
    for word in 0..salt / 8 {
        lanes.absorb_words(salts.map(|salt| words(salt)[word]).map(u64::from_le_bytes));
    }
    for byte in salt / 8 * 8..salt {
        lanes.absorb_bytes(salts.map(|salt| salt[byte]));
    }
    if LANES == WIDTH {
        for from in (0..width).step_by(WIDTH) {
            let columns = transposed(std::array::from_fn(|lane| elements(rows, lane * width + from)));
            for column in &columns[..WIDTH.min(width - from)] {
                lanes.absorb_words(std::array::from_fn(|lane| column.as_slice()[lane].as_canonical_u64()));
            }
        }
    } else {
        for element in 0..width {
            lanes.absorb_words(std::array::from_fn(|lane| rows[lane * width + element].as_canonical_u64()));
        }
    }
    lanes.finish()
}

/// The chunks of eight bytes.
#[inline(always)]
fn words(bytes: &[u8]) -> &[[u8; 8]] {
    bytes.as_chunks().0
}

/// `WIDTH` elements from `at` on, zeros beyond the end.
#[inline(always)]
fn elements(rows: &[F], at: usize) -> Packing {
    match rows.get(at..at + WIDTH) {
        Some(elements) => *Packing::from_slice(elements),
        None => Packing::from_fn(|i| rows.get(at + i).copied().unwrap_or(F::ZERO)),
    }
}

/// A square of elements, row by row -> column by column; for as many lanes as a packed element has.
#[inline(always)]
fn transposed(mut square: [Packing; LANES]) -> [Packing; LANES] {
    let mut block = 1;
    while block < WIDTH {
        for i in (0..WIDTH).filter(|i| i & block == 0) {
            (square[i], square[i | block]) = square[i].interleave(square[i | block], block);
        }
        block *= 2;
    }
    square
}

fn parents(children: &[Digest]) -> Vec<Digest> {
    let mut digests = vec![[0; 32]; children.len() / 2];
    let chunk = GROUPS * LANES;
    digests.par_chunks_mut(chunk).zip(children.par_chunks(2 * chunk)).for_each(|(digests, children)| {
        for (digests, children) in digests.chunks_mut(LANES).zip(children.chunks(2 * LANES)) {
            if digests.len() == LANES {
                digests.copy_from_slice(&node_lanes(children));
            } else {
                for (digest, pair) in digests.iter_mut().zip(children.as_chunks::<2>().0) {
                    *digest = node(&pair[0], &pair[1]);
                }
            }
        }
    });
    digests
}

/// The parents of `2 LANES` digests.
fn node_lanes(children: &[Digest]) -> [Digest; LANES] {
    let mut lanes = Lanes::new();
    lanes.absorb_bytes([NODE; LANES]);
    let pairs = children.as_flattened().as_chunks::<64>().0;
    for word in 0..8 {
        lanes.absorb_words(std::array::from_fn(|lane| u64::from_le_bytes(words(&pairs[lane])[word])));
    }
    lanes.finish()
}
