//! A factor on the shared axes of its instance: stored axes are folded, selected, then transposed and padded.

use std::borrow::Cow;

use rayon::prelude::*;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::multilinear::bits;
use tacit_algebra::{K, integer};
use tacit_circuit::Cell;

use super::kernel::{Run, add_rows};
use super::step::{Row, Rows, Step};

/// Work below this many cells is not split among threads.
const GRAIN: usize = 1 << 12;

enum Data<'a, T: Cell> {
    Cells(Cow<'a, [T]>),
    Folded(Vec<K>),
}

/// The multilinear extension's values of a factor: over the axes of `order` that the factor has, in that order, every axis
/// padded with zeros to a power of two.
pub fn table<T: Cell>(cells: &[T], steps: &[Step], order: &[usize]) -> Vec<K> {
    let mut dims: Vec<usize> = steps.iter().map(|step| step.length).collect();
    let mut data = Data::Cells(Cow::Borrowed(cells));
    let shrinks = |step: &Step| step.rows() < step.length;
    for (at, step) in steps.iter().enumerate().filter(|(_, step)| shrinks(step)) {
        data = gather(data, &mut dims, at, step);
    }
    let mut folds: Vec<usize> = (0..steps.len()).filter(|&at| matches!(steps[at].rows, Rows::Combine(_))).collect();
    // The largest reduction first; the outer axis first among equal ones, so that inner loops are long.
    folds.sort_by(|&a, &b| {
        let (a, b) = (&steps[a], &steps[b]);
        (b.length * a.rows().max(1)).cmp(&(a.length * b.rows().max(1)))
    });
    for at in folds {
        data = fold(data, &mut dims, at, &steps[at]);
    }
    for (at, step) in steps.iter().enumerate().filter(|(_, step)| !shrinks(step)) {
        data = gather(data, &mut dims, at, step);
    }
    let axes: Vec<(usize, usize)> = steps.iter().flat_map(|step| step.shared.iter().copied()).collect();
    match data {
        Data::Cells(cells) => arrange(&cells, &axes, order, |cell| integer(cell.value())),
        Data::Folded(values) => arrange(&values, &axes, order, |value| value),
    }
}

/// `(product of the lengths before, product of the lengths after)`.
fn around(dims: &[usize], at: usize) -> (usize, usize) {
    (dims[..at].iter().product(), dims[at + 1..].iter().product())
}

fn gather<'a, T: Cell>(data: Data<'a, T>, dims: &mut [usize], at: usize, step: &Step) -> Data<'a, T> {
    let Rows::Select(positions) = &step.rows else {
        return data;
    };
    let (outer, inner) = around(dims, at);
    let length = std::mem::replace(&mut dims[at], positions.len());
    match data {
        Data::Cells(cells) => Data::Cells(Cow::Owned(selected(&cells, outer, length, inner, positions, T::ZERO))),
        Data::Folded(values) => Data::Folded(selected(&values, outer, length, inner, positions, K::ZERO)),
    }
}

fn selected<T: Copy>(
    data: &[T],
    outer: usize,
    length: usize,
    inner: usize,
    positions: &[Option<usize>],
    zero: T,
) -> Vec<T> {
    let mut out = Vec::with_capacity(outer * positions.len() * inner);
    for o in 0..outer {
        for position in positions {
            match position {
                Some(h) => out.extend_from_slice(&data[(o * length + h) * inner..][..inner]),
                None => out.resize(out.len() + inner, zero),
            }
        }
    }
    out
}

fn fold<'a, T: Cell>(data: Data<'a, T>, dims: &mut [usize], at: usize, step: &Step) -> Data<'a, T> {
    let Rows::Combine(rows) = &step.rows else {
        return data;
    };
    let (outer, inner) = around(dims, at);
    let length = std::mem::replace(&mut dims[at], rows.len());
    Data::Folded(match data {
        Data::Cells(cells) if inner == 1 => fold_lines(&cells, outer, length, rows),
        Data::Cells(cells) => fold_blocks(&cells, outer, length, inner, rows),
        Data::Folded(values) => fold_values(&values, outer, length, inner, rows),
    })
}

/// Folds the last axis of a tensor `[outer, length]`.
fn fold_lines<T: Cell>(cells: &[T], outer: usize, length: usize, rows: &[Row]) -> Vec<K> {
    let runs: Vec<Option<Run>> = rows.iter().map(run).collect();
    let mut out = vec![K::ZERO; outer * rows.len()];
    let lines = out.par_chunks_mut(rows.len()).zip(cells.par_chunks(length));
    lines.with_min_len((GRAIN / length).max(1)).for_each(|(out, line)| {
        for ((value, row), run) in out.iter_mut().zip(rows).zip(&runs) {
            *value = match run {
                Some(run) => run.dot(line),
                None => row.positions.iter().zip(&row.weights).map(|(&at, &w)| w * integer(line[at].value())).sum(),
            };
        }
    });
    out
}

/// The row as weights on consecutive positions, unless most of those would be zero.
fn run(row: &Row) -> Option<Run> {
    let first = row.positions.iter().copied().min().unwrap_or(0);
    let end = row.positions.iter().copied().max().map_or(0, |last| last + 1);
    if end - first > 4 * row.positions.len() {
        return None;
    }
    let mut weights = vec![K::ZERO; end - first];
    row.positions.iter().zip(&row.weights).for_each(|(&at, &w)| weights[at - first] += w);
    Some(Run::new(first, weights))
}

/// Folds the middle axis of a tensor `[outer, length, inner]`.
fn fold_blocks<T: Cell>(cells: &[T], outer: usize, length: usize, inner: usize, rows: &[Row]) -> Vec<K> {
    /// Columns of one task.
    const WIDTH: usize = 512;
    let mut out = vec![K::ZERO; outer * rows.len() * inner];
    let mut tasks: Vec<(usize, &Row, usize, &mut [K])> = Vec::new();
    for (index, block) in out.chunks_mut(inner).enumerate() {
        for (part, columns) in block.chunks_mut(WIDTH).enumerate() {
            tasks.push((index / rows.len(), &rows[index % rows.len()], part * WIDTH, columns));
        }
    }
    let grain = (GRAIN / (length * inner.min(WIDTH))).max(1);
    tasks.into_par_iter().with_min_len(grain).for_each(|(o, row, from, columns)| {
        let block = &cells[o * length * inner..][..length * inner];
        add_rows(&block[from..], inner, &row.positions, &row.weights, columns);
    });
    out
}

/// Folds the middle axis of a tensor of extension elements.
fn fold_values(values: &[K], outer: usize, length: usize, inner: usize, rows: &[Row]) -> Vec<K> {
    let mut out = vec![K::ZERO; outer * rows.len() * inner];
    let grain = (GRAIN / (length * inner)).max(1);
    out.par_chunks_mut(inner).enumerate().with_min_len(grain).for_each(|(index, out)| {
        let (o, row) = (index / rows.len(), &rows[index % rows.len()]);
        for (&at, &weight) in row.positions.iter().zip(&row.weights) {
            let line = &values[(o * length + at) * inner..][..inner];
            out.iter_mut().zip(line).for_each(|(sum, &value)| *sum += value * weight);
        }
    });
    out
}

/// One axis of the result: its length, its stride in the source, its padded length.
#[derive(Clone, Copy)]
struct Axis {
    length: usize,
    stride: usize,
    padded: usize,
}

/// Transposes a tensor over `axes` to `order`, padding every axis with zeros to a power of two.
fn arrange<T: Copy + Sync>(
    data: &[T],
    axes: &[(usize, usize)],
    order: &[usize],
    convert: impl Fn(T) -> K + Sync + Copy,
) -> Vec<K> {
    let mut stride = 1;
    let mut sources = vec![(0, 0, 0); axes.len()];
    for (source, &(axis, length)) in sources.iter_mut().zip(axes).rev() {
        *source = (axis, length, stride);
        stride *= length;
    }
    let named = |axis: &usize| sources.iter().find(|source| source.0 == *axis);
    let axis = |&(_, length, stride): &(usize, usize, usize)| Axis { length, stride, padded: 1 << bits(length as u64) };
    let order: Vec<Axis> = order.iter().filter_map(named).map(axis).collect();
    let mut out = vec![K::ZERO; order.iter().map(|axis| axis.padded).product()];
    match order.split_first() {
        None => out.iter_mut().zip(data).for_each(|(value, &cell)| *value = convert(cell)),
        Some((first, rest)) => {
            let size = out.len() / first.padded;
            let grain = (GRAIN / size).max(1);
            out.par_chunks_mut(size).take(first.length).enumerate().with_min_len(grain).for_each(|(i, out)| {
                fill(out, &data[i * first.stride..], rest, convert);
            });
        }
    }
    out
}

fn fill<T: Copy>(out: &mut [K], data: &[T], order: &[Axis], convert: impl Fn(T) -> K + Copy) {
    match order.split_first() {
        None => out[0] = convert(data[0]),
        Some((axis, [])) => {
            let cells = data.iter().step_by(axis.stride);
            out.iter_mut().zip(cells).take(axis.length).for_each(|(value, &cell)| *value = convert(cell));
        }
        Some((axis, rest)) => {
            let blocks = out.chunks_mut(out.len() / axis.padded).take(axis.length);
            blocks.enumerate().for_each(|(i, out)| fill(out, &data[i * axis.stride..], rest, convert));
        }
    }
}
