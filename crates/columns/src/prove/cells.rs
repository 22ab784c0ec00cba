//! The cells of the limbs, read range by range out of the columns: no limb is ever held whole.

use std::ops::Range;

use tacit_algebra::F;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::packed::cell;
use tacit_circuit::{Cell, ColumnCells, Columns, with_cells};

use super::dense::{Blocks, inner_axes};
use crate::Layout;
use crate::layout::Block;

/// The committed cells of all limbs.
pub struct Cells<'a> {
    /// By address.
    limbs: Vec<Blocks<Option<Source<'a>>>>,
    /// Of every limb.
    addresses: Vec<u64>,
}

/// Where a block's cells lie in their column: at `outer[o]` and an inner offset.
struct Source<'a> {
    cells: ColumnCells<'a>,
    outer: Vec<usize>,
    inner: Offsets,
}

/// Ascending offsets.
enum Offsets {
    Consecutive(Range<usize>),
    Listed(Vec<usize>),
}

impl Offsets {
    /// Of all cells of a product of pieces, in C order.
    fn new(parts: &[(u64, u32)], strides: &[usize]) -> Self {
        let ends = parts.iter().zip(strides).fold((0, 1), |(first, end), (&(start, e), &stride)| {
            (first + start as usize * stride, end + (start as usize + (1 << e) - 1) * stride)
        });
        match ends.1 - ends.0 == 1 << parts.iter().map(|&(_, e)| e).sum::<u32>() {
            true => Self::Consecutive(ends.0..ends.1),
            false => Self::Listed(offsets(parts, strides)),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Consecutive(all) => all.len(),
            Self::Listed(all) => all.len(),
        }
    }
}

impl Layout {
    /// The cells of every limb; `values` holds all columns of the commitments that will be read, the uniform ones behind the
    /// circuit's. Columns that are missing or empty are read as zeros.
    pub fn committed<'a>(&self, values: &'a dyn Columns) -> Cells<'a> {
        let held = |block: &Block| Some(values.cells(block.column as usize)).filter(|cells| !cells.is_empty());
        let shape = |block: &Block| self.shape_of(block.column).unwrap_or(&[]);
        let source = |block: &Block| held(block).map(|cells| Source::new(block, shape(block), cells));
        Cells { limbs: self.prepared(source), addresses: self.addresses.clone() }
    }
}

impl Cells<'_> {
    /// Writes the cells `first ..` of a limb (counted over all commitments); rows that hold no cell are zero.
    pub fn read(&self, limb: usize, first: usize, rows: &mut [F]) {
        rows.fill(F::ZERO);
        for (part, at, source) in self.limbs[self.addresses[limb] as usize].within(first, rows.len()) {
            source.iter().for_each(|source| source.each(at, &mut rows[part.clone()], cell));
        }
    }

    /// The same as integers, if all of them are at most `most` in magnitude; otherwise false, and some may not be written.
    pub fn read_small(&self, limb: usize, first: usize, most: i32, rows: &mut [i32]) -> bool {
        rows.fill(0);
        let most = i64::from(most);
        let mut blocks = self.limbs[self.addresses[limb] as usize].within(first, rows.len());
        blocks.all(|(part, at, source)| {
            source.iter().all(|source| {
                let mut within = true;
                source.each(at, &mut rows[part.clone()], |value| {
                    within &= (-most..=most).contains(&value);
                    value as i32
                });
                within
            })
        })
    }
}

impl<'a> Source<'a> {
    fn new(block: &Block, shape: &[u64], cells: ColumnCells<'a>) -> Self {
        let mut strides = vec![1usize; shape.len()];
        for a in (1..shape.len()).rev() {
            strides[a - 1] = strides[a] * shape[a] as usize;
        }
        let cut = inner_axes(block);
        let outer = offsets(&block.parts[..cut], &strides[..cut]);
        let inner = Offsets::new(&block.parts[cut..], &strides[cut..]);
        Self { cells, outer, inner }
    }

    /// Writes what `made` makes of the cells `at ..` of the block.
    fn each<R>(&self, at: usize, rows: &mut [R], made: impl FnMut(i64) -> R) {
        with_cells!(self.cells, cells => self.each_of(cells, at, rows, made));
    }

    fn each_of<T: Cell, R>(&self, cells: &[T], mut at: usize, mut rows: &mut [R], mut made: impl FnMut(i64) -> R) {
        let width = self.inner.len();
        while !rows.is_empty() {
            let (base, skipped) = (self.outer[at / width], at % width);
            let count = rows.len().min(width - skipped);
            let (run, rest) = rows.split_at_mut(count);
            match &self.inner {
                Offsets::Consecutive(all) => {
                    let cells = &cells[base + all.start + skipped..][..count];
                    run.iter_mut().zip(cells).for_each(|(row, value)| *row = made(value.value()));
                }
                Offsets::Listed(all) => {
                    let offsets = &all[skipped..];
                    run.iter_mut().zip(offsets).for_each(|(row, &offset)| *row = made(cells[base + offset].value()));
                }
            }
            (at, rows) = (at + count, rest);
        }
    }
}

/// Offsets of all cells of a product of pieces, in C order.
fn offsets(parts: &[(u64, u32)], strides: &[usize]) -> Vec<usize> {
    parts.iter().zip(strides).fold(vec![0], |table, (&(start, e), &stride)| {
        let axis = start as usize..start as usize + (1 << e);
        let mut offsets = Vec::with_capacity(table.len() << e);
        offsets.extend(table.iter().flat_map(|&offset| axis.clone().map(move |i| offset + i * stride)));
        offsets
    })
}
