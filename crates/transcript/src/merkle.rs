//! Merkle trees over rows of field elements; pruned multi-proofs.
//!
//! `leaf = Keccak-256(0x00 || salt || row)`, a row being the canonical little-endian words of its elements;
//! `node = Keccak-256(0x01 || left || right)`. A multi-proof lists, layer by layer from the leaves up and ascending within
//! a layer, the siblings that the opened leaves do not determine.

use p3_field::PrimeField64;
use tacit_algebra::F;

use crate::keccak::{Digest, keccak256};
pub use crate::prove::Tree;
use crate::{Invalid, Receiver};

pub(crate) const LEAF: u8 = 0;
pub(crate) const NODE: u8 = 1;

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

    #[test]
    fn a_cut_tree_needs_the_trees_below() {
        let case = Case::new(6, 3, 2, 4);
        for cut in 0..=6 {
            let tree = Tree::above(case.tree.layer(cut).to_vec(), cut);
            assert_eq!((tree.root(), tree.depth(), tree.cut()), (case.tree.root(), 6, cut));
            assert!(cut == 0 || tree.layer(cut - 1).is_empty());
            let positions = [1, 4, 5, 31, 62];
            let group = |position: u64| {
                let (group, size) = (position >> cut, 1usize << cut);
                let (first, last) = (group as usize * size, (group as usize + 1) * size);
                (group, Tree::new(&case.rows[3 * first..3 * last], 3, &case.salts[2 * first..2 * last], 2))
            };
            let below = positions.map(group).into_iter().collect();
            assert_eq!(tree.siblings_over(&positions, &below), case.tree.siblings(&positions));
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
