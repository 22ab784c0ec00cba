//! Merkle trees over rows of field elements; pruned multi-proofs.
//!
//! `leaf = Keccak-256(0x00 || salt || row)`, a row being the canonical little-endian words of its elements;
//! `node = Keccak-256(0x01 || left || right)`. A multi-proof lists, layer by layer from the leaves up and ascending within
//! a layer, the siblings that the opened leaves do not determine.

use p3_field::PrimeField64;
use rayon::prelude::*;
use tacit_algebra::F;

use crate::keccak::{Digest, LANES, Lanes, keccak256};
use crate::{Invalid, Receiver};

const LEAF: u8 = 0;
const NODE: u8 = 1;
/// Groups of `LANES` hashes that one task computes.
const GROUPS: usize = 16;

/// The digest of one leaf; `row` holds canonical little-endian words.
pub fn leaf(salt: &[u8], row: &[u8]) -> Digest {
    keccak256(&[&[LEAF], salt, row])
}

/// The digest of an inner node.
pub fn node(left: &Digest, right: &Digest) -> Digest {
    keccak256(&[&[NODE], left, right])
}

/// The canonical little-endian words of `row`.
pub fn row_bytes(row: &[F]) -> impl Iterator<Item = u8> + '_ {
    row.iter().flat_map(|element| element.as_canonical_u64().to_le_bytes())
}

/// A tree with all its digests: `layers[0]` are the leaves, the last layer is the root alone.
#[derive(Debug, Clone)]
pub struct Tree {
    layers: Vec<Vec<Digest>>,
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

    /// The siblings that [`verify`] asks for, given distinct ascending positions below `2^depth`.
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
#[allow(clippy::indexing_slicing, clippy::needless_range_loop)]
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
#[allow(clippy::indexing_slicing)]
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

/// Checks that `opened` (distinct ascending positions, leaf digests) belong to the tree of `2^depth` leaves under `root`,
/// taking exactly the siblings that are missing (at most `opened.len() * depth`) from the proof.
pub fn verify(
    root: &Digest,
    depth: usize,
    opened: &[(u64, Digest)],
    receiver: &mut Receiver<'_>,
) -> Result<(), Invalid> {
    let ascending = opened.windows(2).all(|pair| matches!(pair, [(a, _), (b, _)] if a < b));
    let last = opened.last().ok_or(Invalid::Check("Merkle positions"))?.0;
    if !ascending || depth > 63 || last >> depth != 0 {
        return Err(Invalid::Check("Merkle positions"));
    }
    let mut known = opened.to_vec();
    for _ in 0..depth {
        let mut above = Vec::with_capacity(known.len());
        let mut rest = known.into_iter().peekable();
        while let Some((position, digest)) = rest.next() {
            let sibling = match rest.next_if(|(next, _)| *next == position ^ 1) {
                Some((_, sibling)) => sibling,
                None => receiver
                    .take("Merkle siblings", 32)?
                    .try_into()
                    .map_err(|_| Invalid::Truncated("Merkle siblings"))?,
            };
            let (left, right) = if position & 1 == 0 { (digest, sibling) } else { (sibling, digest) };
            above.push((position >> 1, node(&left, &right)));
        }
        known = above;
    }
    if known == [(0, *root)] { Ok(()) } else { Err(Invalid::Check("a Merkle root")) }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use p3_field::PrimeCharacteristicRing;
    use proptest::prelude::*;
    use rand::rngs::SmallRng;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::Transcript;

    struct Case {
        rows: Vec<F>,
        width: usize,
        salts: Vec<u8>,
        salt: usize,
        tree: Tree,
    }

    impl Case {
        fn new(depth: usize, width: usize, salt: usize, seed: u64) -> Self {
            let mut random = SmallRng::seed_from_u64(seed);
            // Words between p and 2^64 are stored as they are: hashing must reduce them.
            let rows: Vec<F> =
                (0..width << depth).map(|_| F::from_u64(random.random::<u64>() | 0xffff_ffff << 32)).collect();
            let salts: Vec<u8> = (0..salt << depth).map(|_| random.random()).collect();
            let tree = Tree::new(&rows, width, &salts, salt);
            Self { rows, width, salts, salt, tree }
        }

        fn leaf(&self, position: usize) -> Digest {
            let row: Vec<u8> = row_bytes(&self.rows[position * self.width..][..self.width]).collect();
            leaf(&self.salts[position * self.salt..][..self.salt], &row)
        }

        fn open(&self, positions: &[u64]) -> (Vec<(u64, Digest)>, Vec<u8>) {
            let opened = positions.iter().map(|&p| (p, self.leaf(p as usize))).collect();
            (opened, self.tree.siblings(positions).concat())
        }
    }

    fn check(root: &Digest, depth: usize, opened: &[(u64, Digest)], proof: &[u8]) -> Result<(), Invalid> {
        let mut receiver = Receiver::new(Transcript::new("test"), proof);
        verify(root, depth, opened, &mut receiver)?;
        receiver.finish()
    }

    #[test]
    fn lanes_agree_with_the_scalar_hash() {
        for width in [1, 2, 16, 17, 18, 33, 34, 53] {
            for salt in [0, 7, 8, 16] {
                let case = Case::new(5, width, salt, 1);
                for position in 0..32 {
                    assert_eq!(case.tree.layers[0][position], case.leaf(position), "width {width}, salt {salt}");
                }
            }
        }
    }

    #[test]
    fn parents_agree_with_the_scalar_hash() {
        let case = Case::new(10, 1, 0, 2);
        assert_eq!(case.tree.depth(), 10);
        for pair in case.tree.layers.windows(2) {
            for (parent, children) in pair[1].iter().zip(pair[0].chunks(2)) {
                assert_eq!(*parent, node(&children[0], &children[1]));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn multi_proofs(depth in 0usize..8, width in 1usize..5, salt in 0usize..3, seed: u64, chosen: u128) {
            let case = Case::new(depth, width, salt, seed);
            let mut positions: Vec<u64> = (0..1u64 << depth).filter(|p| chosen >> (p % 128) & 1 == 1).collect();
            if positions.is_empty() {
                positions.push((seed as u64) & ((1 << depth) - 1));
            }
            let (opened, proof) = case.open(&positions);
            let root = case.tree.root();
            prop_assert!(proof.len() <= 32 * positions.len() * depth);
            prop_assert_eq!(check(&root, depth, &opened, &proof), Ok(()));

            let victim = (seed >> 8) as usize;
            let mut altered = opened.clone();
            let place = victim % opened.len();
            altered[place].1[victim % 32] ^= 1;
            prop_assert!(check(&root, depth, &altered, &proof).is_err());
            if !proof.is_empty() {
                let mut altered = proof.clone();
                altered[victim % proof.len()] ^= 4;
                prop_assert!(check(&root, depth, &opened, &altered).is_err());
                prop_assert!(check(&root, depth, &opened, &proof[..proof.len() - 1]).is_err());
            }
            prop_assert!(check(&root, depth, &opened, &[&proof[..], &[0]].concat()).is_err());
            prop_assert!(check(&root, depth + 1, &opened, &proof).is_err());
        }
    }

    #[test]
    fn positions_must_be_distinct_ascending_and_in_range() {
        let case = Case::new(2, 1, 0, 3);
        let root = case.tree.root();
        let leaves: Vec<(u64, Digest)> = (0..4).map(|p| (p, case.leaf(p as usize))).collect();
        assert_eq!(check(&root, 2, &leaves, &[]), Ok(()));
        let refused = Err(Invalid::Check("Merkle positions"));
        assert_eq!(check(&root, 2, &[], &[]), refused);
        assert_eq!(check(&root, 2, &[leaves[1], leaves[0], leaves[2], leaves[3]], &[]), refused);
        assert_eq!(check(&root, 2, &[leaves[0], leaves[0]], &[0; 64]), refused);
        assert_eq!(check(&root, 2, &[(4, leaves[0].1)], &[0; 64]), refused);
        assert_eq!(check(&root, 200, &leaves, &[]), refused);
    }
}
