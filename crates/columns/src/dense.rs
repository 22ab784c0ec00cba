//! What the prover does with a layout: the limbs' cells, and a form's weights as vectors. For circuits and forms that
//! passed the verifier's checks.
#![allow(clippy::indexing_slicing)]

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use p3_field::{ExtensionField, PackedFieldExtension, PackedValue, PrimeCharacteristicRing};
use rayon::prelude::*;
use tacit_algebra::{F, K, signed};
use tacit_circuit::{ColumnId, Values};

use crate::layout::Block;
use crate::{Form, FormTerm, Layout, Weight};

/// Inner loops run over up to 2^INNER_BITS cells.
const INNER_BITS: u32 = 12;

type Packed = <K as ExtensionField<F>>::ExtensionPacking;
const LANES: usize = <F as p3_field::Field>::Packing::WIDTH;

/// Every weight vector of a form, by address of its `Arc`.
type Vectors<'a> = HashMap<usize, Cow<'a, [K]>>;

impl Layout {
    /// The limbs of a commitment, each of `2^log_rows` cells; rows that hold no cell are zero.
    pub fn commit_limbs(&self, commitment: usize, values: &Values) -> Vec<Vec<F>> {
        let first: usize = self.widths.iter().take(commitment).sum();
        let count = self.widths.get(commitment).copied().unwrap_or(0);
        self.blocks_by_address()[first..first + count].par_iter().map(|blocks| self.limb(blocks, values)).collect()
    }

    /// The form's weight of every row, for every limb that the form mentions: `(address, 2^log_rows weights)`.
    pub fn dense(&self, form: &Form) -> Vec<(u64, Vec<K>)> {
        let mut terms: HashMap<ColumnId, Vec<&FormTerm>> = HashMap::new();
        let mut vectors = Vectors::new();
        for term in form {
            terms.entry(term.column).or_default().push(term);
            for weight in &term.weights {
                vectors.entry(Arc::as_ptr(weight) as usize).or_insert_with(|| match weight.as_ref() {
                    Weight::Dense(values) => Cow::Borrowed(values.as_slice()),
                    other => Cow::Owned(other.dense()),
                });
            }
        }
        let limb = |(address, blocks): (usize, &Vec<&Block>)| {
            if blocks.iter().all(|block| !terms.contains_key(&block.column)) {
                return None;
            }
            let mut rows = K::zero_vec(1 << self.log_rows);
            for block in blocks {
                if let Some(terms) = terms.get(&block.column) {
                    let first = block.row as usize;
                    fill(block, terms, &vectors, &mut rows[first..first + (1 << block.size_bits())]);
                }
            }
            Some((address as u64, rows))
        };
        self.blocks_by_address().par_iter().enumerate().filter_map(limb).collect()
    }

    fn blocks_by_address(&self) -> Vec<Vec<&Block>> {
        let mut limbs = vec![Vec::new(); self.widths.iter().sum()];
        for block in &self.blocks {
            limbs[block.address as usize].push(block);
        }
        limbs
    }

    fn limb(&self, blocks: &[&Block], values: &Values) -> Vec<F> {
        let mut rows = F::zero_vec(1 << self.log_rows);
        for block in blocks {
            let first = block.row as usize;
            let shape = self.shape_of(block.column).unwrap_or(&[]);
            copy(
                block,
                shape,
                &values.columns[block.column as usize],
                &mut rows[first..first + (1 << block.size_bits())],
            );
        }
        rows
    }
}

/// Copies a block's cells out of its column.
fn copy(block: &Block, shape: &[u64], cells: &[i64], rows: &mut [F]) {
    let cut = inner_axes(block);
    let mut strides = vec![1usize; shape.len()];
    for a in (1..shape.len()).rev() {
        strides[a - 1] = strides[a] * shape[a] as usize;
    }
    let outer = offsets(&block.parts[..cut], &strides[..cut]);
    let inner = offsets(&block.parts[cut..], &strides[cut..]);
    let contiguous = inner[inner.len() - 1] - inner[0] == inner.len() - 1;
    for (&base, run) in outer.iter().zip(rows.chunks_exact_mut(inner.len())) {
        if contiguous {
            let from = base + inner[0];
            run.iter_mut().zip(&cells[from..from + inner.len()]).for_each(|(row, &cell)| *row = signed(cell));
        } else {
            run.iter_mut().zip(&inner).for_each(|(row, &offset)| *row = signed(cells[base + offset]));
        }
    }
}

/// The first of the trailing axes that together make an inner loop.
fn inner_axes(block: &Block) -> usize {
    let (mut cut, mut size) = (block.parts.len(), 0);
    while cut > 0 && (size == 0 || size + block.parts[cut - 1].1 <= INNER_BITS) {
        cut -= 1;
        size += block.parts[cut].1;
    }
    cut
}

/// Offsets of all cells of a product of pieces, in C order.
fn offsets(parts: &[(u64, u32)], strides: &[usize]) -> Vec<usize> {
    parts.iter().zip(strides).fold(vec![0], |table, (&(start, e), &stride)| {
        let axis = start as usize..start as usize + (1 << e);
        table.iter().flat_map(|&offset| axis.clone().map(move |i| offset + i * stride)).collect()
    })
}

/// The products of the weights over a product of pieces, in C order, times `scale`.
fn product(scale: K, weights: &[Arc<Weight>], parts: &[(u64, u32)], vectors: &Vectors<'_>) -> Vec<K> {
    weights.iter().zip(parts).fold(vec![scale], |table, (weight, &(start, e))| {
        let axis = &vectors[&(Arc::as_ptr(weight) as usize)][start as usize..start as usize + (1 << e)];
        table.iter().flat_map(|&value| axis.iter().map(move |&entry| value * entry)).collect()
    })
}

/// Terms with the same inner vectors: their outer vectors are added first.
struct Group {
    outer: Vec<K>,
    inner: Vec<K>,
}

/// Writes the weights of one block: `rows[o, i] = sum over groups of outer[o] * inner[i]`.
fn fill(block: &Block, terms: &[&FormTerm], vectors: &Vectors<'_>, rows: &mut [K]) {
    let cut = inner_axes(block);
    let (outer_parts, inner_parts) = block.parts.split_at(cut);
    let mut found: HashMap<Vec<usize>, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for term in terms {
        let (outer_weights, inner_weights) = term.weights.split_at(cut);
        let outer = product(term.coefficient, outer_weights, outer_parts, vectors);
        let key = inner_weights.iter().map(|weight| Arc::as_ptr(weight) as usize).collect();
        match found.get(&key) {
            Some(&group) => groups[group].outer.iter_mut().zip(outer).for_each(|(sum, value)| *sum += value),
            None => {
                found.insert(key, groups.len());
                groups.push(Group { outer, inner: product(K::ONE, inner_weights, inner_parts, vectors) });
            }
        }
    }
    let width = groups[0].inner.len();
    if width < LANES {
        for (o, run) in rows.chunks_exact_mut(width).enumerate() {
            for (i, row) in run.iter_mut().enumerate() {
                *row = groups.iter().map(|group| group.outer[o] * group.inner[i]).sum();
            }
        }
        return;
    }
    let inner: Vec<Vec<Packed>> =
        groups.iter().map(|g| g.inner.chunks_exact(LANES).map(Packed::from_ext_slice).collect()).collect();
    for (o, run) in rows.chunks_exact_mut(width).enumerate() {
        let scalars: Vec<Packed> = groups.iter().map(|group| Packed::from(group.outer[o])).collect();
        for (j, lanes) in run.chunks_exact_mut(LANES).enumerate() {
            let mut sum = scalars[0] * inner[0][j];
            for (scalar, column) in scalars.iter().zip(&inner).skip(1) {
                sum += *scalar * column[j];
            }
            lanes.iter_mut().enumerate().for_each(|(lane, row)| *row = sum.extract(lane));
        }
    }
}
