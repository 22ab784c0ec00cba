//! Whole Merkle trees, their digests computed side by side.

use p3_field::PrimeField64;
use rayon::prelude::*;
use tacit_algebra::F;

use super::lanes::{LANES, Lanes};
use crate::keccak::Digest;
use crate::merkle::{LEAF, NODE, leaf, node, row_bytes};

/// Groups of `LANES` hashes that one task computes.
const GROUPS: usize = 16;

/// A tree with all its digests: `layers[0]` are the leaves, the last layer is the root alone.
#[derive(Debug, Clone)]
pub struct Tree {
    pub(crate) layers: Vec<Vec<Digest>>,
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
        let mut layers = vec![leaves(rows, width, salts, salt)];
        while let Some(children) = layers.last().filter(|layer| layer.len() > 1) {
            layers.push(parents(children));
        }
        Self { layers }
    }

    pub fn root(&self) -> Digest {
        self.layers.last().and_then(|top| top.first()).copied().unwrap_or_default()
    }

    /// log2 of the number of leaves.
    pub fn depth(&self) -> usize {
        self.layers.len().saturating_sub(1)
    }

    /// The siblings that [`crate::merkle::verify`] asks for, given distinct ascending positions below `2^depth`.
    pub fn siblings(&self, positions: &[u64]) -> Vec<Digest> {
        let mut siblings = Vec::new();
        let mut known = positions.to_vec();
        for layer in self.layers.iter().take(self.depth()) {
            let mut above = Vec::with_capacity(known.len());
            let mut rest = known.iter().copied().peekable();
            while let Some(position) = rest.next() {
                if rest.next_if_eq(&(position ^ 1)).is_none() {
                    siblings.extend(layer.get((position ^ 1) as usize));
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
#[allow(clippy::needless_range_loop)]
fn leaf_lanes(rows: &[F], width: usize, salts: &[u8], salt: usize) -> [Digest; LANES] {
    let mut lanes = Lanes::new();
    lanes.absorb_bytes([LEAF; LANES]);
    for byte in 0..salt {
        lanes.absorb_bytes(std::array::from_fn(|lane| salts[lane * salt + byte]));
    }
    let rows: [&[F]; LANES] = std::array::from_fn(|lane| &rows[lane * width..(lane + 1) * width]);
    for element in 0..width {
        lanes.absorb_words(std::array::from_fn(|lane| rows[lane][element].as_canonical_u64()));
    }
    lanes.finish()
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
    for side in 0..2 {
        for word in 0..4 {
            lanes.absorb_words(std::array::from_fn(|lane| {
                children[2 * lane + side].as_chunks::<8>().0.get(word).map_or(0, |bytes| u64::from_le_bytes(*bytes))
            }));
        }
    }
    lanes.finish()
}
