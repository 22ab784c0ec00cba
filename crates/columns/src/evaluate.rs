//! What the verifier does with a form: its multilinear extension at a point, block by block, in closed form.

use std::collections::HashMap;
use std::sync::Arc;

use tacit_algebra::K;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::multilinear::eq_index;
use tacit_transcript::Invalid;

use crate::layout::Block;
use crate::{Form, FormTerm, Layout, Weight};

/// `U_{a,P}(segment)` by vector, piece and position of the segment; `eq(z_hi, .)` by block.
struct Memo<'a> {
    point: &'a [K],
    pieces: HashMap<(usize, u64, u32, usize), K>,
    prefixes: HashMap<(u64, u64, u32), K>,
}

impl Layout {
    /// `W^(z) = sum_terms c sum_blocks eq(z_hi, address and row / 2^E) prod_axes U(segment)`: the multilinear extension of
    /// the form's weight vector at `z`, whose coordinates are those of the address, then those of the row, most
    /// significant first. Fails when `z` has another length than `log_limbs + log_rows`, or when a term is not on a
    /// committed column of that shape.
    pub fn evaluate(&self, form: &Form, z: &[K]) -> Result<K, Invalid> {
        if z.len() != self.log_limbs().saturating_add(self.log_rows) {
            return Err(Invalid::Circuit("a point has the wrong length"));
        }
        let mut memo = Memo { point: z, pieces: HashMap::new(), prefixes: HashMap::new() };
        form.iter().try_fold(K::ZERO, |sum, term| Ok(sum + self.evaluate_term(term, &mut memo)?))
    }

    fn evaluate_term(&self, term: &FormTerm, memo: &mut Memo<'_>) -> Result<K, Invalid> {
        let Some(shape) = self.shape_of(term.column) else {
            return Err(Invalid::Circuit("a form is on a column that is not committed"));
        };
        if term.weights.iter().map(|weight| weight.len()).ne(shape.iter().copied()) {
            return Err(Invalid::Circuit("a form does not have its column's shape"));
        }
        let blocks = self.blocks_of(term.column);
        let sum =
            blocks.iter().try_fold(K::ZERO, |sum, block| Ok(sum + self.evaluate_block(block, &term.weights, memo)?))?;
        Ok(sum * term.coefficient)
    }

    fn evaluate_block(&self, block: &Block, weights: &[Arc<Weight>], memo: &mut Memo<'_>) -> Result<K, Invalid> {
        let size = block.size_bits();
        let wrong = Invalid::Circuit("a block lies outside its limb");
        let high = memo.point.len().checked_sub(size as usize).ok_or(wrong)?;
        let (high_point, mut rest) = memo.point.split_at(high);
        let prefix = memo.prefixes.entry((block.address, block.row, size));
        let mut product = *prefix.or_insert_with(|| {
            let index = (block.address << self.log_rows | block.row).checked_shr(size).unwrap_or(0);
            eq_index(high_point, index)
        });
        for (weight, &(start, e)) in weights.iter().zip(&block.parts) {
            let at = rest.len();
            let (segment, after) =
                rest.split_at_checked(e as usize).ok_or(Invalid::Circuit("a block lies outside its limb"))?;
            rest = after;
            let key = (Arc::as_ptr(weight) as usize, start, e, at);
            product *= *memo.pieces.entry(key).or_insert_with(|| weight.at_piece(start, segment));
        }
        Ok(product)
    }
}
