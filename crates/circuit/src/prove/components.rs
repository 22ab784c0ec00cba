//! The integers of a lookup's component at every output index. For provers: the circuit is valid, the values belong to it.

use rayon::prelude::*;
use tacit_algebra::centred;

use super::far::{add_far, is_far, outside};
use crate::{Cell, Circuit, ColumnCells, Columns, Map, Sum, Term, View, with_cells};

/// Output indices of one piece of parallel work.
const CHUNK: usize = 1 << 14;
/// The step to a position outside the column: sums with it stay negative, as columns have fewer than 2^40 cells.
const OUTSIDE: i64 = -(1 << 55);

/// A component, ready to be read at any output indices.
pub(crate) struct Component<'a> {
    readings: Vec<Reading<'a>>,
    /// Lengths of the output axes, joined where all terms walk them as one.
    axes: Vec<u64>,
    /// What terms of far views add.
    far: Option<Vec<i64>>,
    cells: usize,
}

impl<'a> Component<'a> {
    pub(crate) fn new(circuit: &Circuit, values: &'a dyn Columns, sum: &Sum) -> Self {
        let cells = sum.output_axes().iter().product::<u64>() as usize;
        let is_far = |term: &&Term| term.factors.iter().any(|view| is_far(circuit, sum, view));
        let (far, near): (Vec<&Term>, Vec<&Term>) = sum.terms.iter().partition(is_far);
        let added = (!far.is_empty()).then(|| {
            let mut added = vec![0i64; cells];
            far.into_iter().for_each(|term| add_far(circuit, values, sum, term, &mut added));
            added
        });
        let mut readings: Vec<Reading<'_>> = near.iter().map(|term| Reading::new(circuit, values, sum, term)).collect();
        let axes = merge(sum.output_axes(), &mut readings);
        Self { readings, axes, far: added, cells }
    }

    /// Output indices.
    pub(crate) fn cells(&self) -> usize {
        self.cells
    }

    /// Writes the integers at the output indices from number `from` on.
    pub(crate) fn read(&self, from: usize, out: &mut [i64]) {
        match &self.far {
            Some(far) => out.copy_from_slice(&far[from..][..out.len()]),
            None => out.fill(0),
        }
        if self.axes.len() <= 1 {
            self.readings.iter().for_each(|reading| reading.fill(&self.axes, 0, from, out));
            return;
        }
        let width = self.axes[self.axes.len() - 1] as usize;
        let (mut at, mut rest) = (from, out);
        while !rest.is_empty() {
            let (row, start) = (at / width, at % width);
            let (cells, after) = rest.split_at_mut((width - start).min(rest.len()));
            self.readings.iter().for_each(|reading| reading.fill(&self.axes, row, start, cells));
            (at, rest) = (at + cells.len(), after);
        }
    }
}

/// `S[o]` for all output indices in C order, of a sum whose terms have at most one factor, as i64: exact when
/// [`component_bound`] is below 2^63, wrapping otherwise. Summed axes are summed; virtual columns are taken from `values`.
pub fn component_values(circuit: &Circuit, values: &dyn Columns, sum: &Sum) -> Vec<i64> {
    let component = Component::new(circuit, values, sum);
    let mut result = vec![0i64; component.cells()];
    result.par_chunks_mut(CHUNK).enumerate().for_each(|(i, piece)| component.read(i * CHUNK, piece));
    result
}

/// The largest absolute value that a partial sum of the component can have.
pub fn component_bound(circuit: &Circuit, values: &dyn Columns, sum: &Sum) -> u128 {
    let term_bound = |term: &Term| {
        let coefficient = u128::from(centred(term.coefficient).unsigned_abs());
        let Some(view) = term.factors.first() else {
            return coefficient;
        };
        let own = (usize::from(sum.outputs)..sum.axes.len()).filter(|&a| mentions(view, a));
        let volume = own.fold(1u128, |product, a| product.saturating_mul(u128::from(sum.axes[a])));
        let column = &circuit.columns[view.column as usize];
        let largest = match column.bytes {
            8 => with_cells!(values.cells(view.column as usize), cells => {
                cells.par_iter().map(|cell| cell.value().unsigned_abs()).max().unwrap_or(0)
            }),
            bytes => 1 << (8 * bytes - 1),
        };
        coefficient.saturating_mul(volume).saturating_mul(u128::from(largest))
    };
    sum.terms.iter().map(term_bound).fold(0, u128::saturating_add)
}

pub(super) fn mentions(view: &View, axis: usize) -> bool {
    view.maps.iter().any(|map| match map {
        Map::Affine { terms, .. } => terms.iter().any(|&(a, _)| usize::from(a) == axis),
        Map::List { axis: a, .. } => usize::from(*a) == axis,
    })
}

/// What one axis adds to the offset of a cell in its column.
#[derive(Debug, Clone)]
enum Steps {
    Stride(i64),
    /// Per index; [`OUTSIDE`] where the position is outside.
    Table(Vec<i64>),
}

impl Steps {
    fn at(&self, index: usize) -> i64 {
        match self {
            Self::Stride(stride) => stride * index as i64,
            Self::Table(table) => table[index],
        }
    }
}

/// A term with at most one factor, ready to be read row by row.
struct Reading<'a> {
    coefficient: i64,
    /// `None` for a constant term.
    column: Option<Surrounded<'a>>,
    /// One per output axis.
    outputs: Vec<Steps>,
    /// Offsets of all index tuples of the summed axes that the term mentions, the constant offset included.
    bases: Vec<i64>,
}

impl<'a> Reading<'a> {
    fn new(circuit: &Circuit, values: &'a dyn Columns, sum: &Sum, term: &Term) -> Self {
        let coefficient = centred(term.coefficient);
        let Some(view) = term.factors.first() else {
            let outputs = vec![Steps::Stride(0); usize::from(sum.outputs)];
            return Self { coefficient, column: None, outputs, bases: vec![0] };
        };
        let shape = &circuit.columns[view.column as usize].shape;
        let source = Source::new(view, shape, &sum.axes, values.cells(view.column as usize));
        let mut steps = source.steps;
        let own = steps.split_off(usize::from(sum.outputs));
        let lengths = &sum.axes[usize::from(sum.outputs)..];
        let bases = own.iter().zip(lengths).fold(vec![source.base], |bases, (steps, &len)| match steps {
            None => bases,
            Some(steps) => bases.iter().flat_map(|&base| (0..len as usize).map(move |i| base + steps.at(i))).collect(),
        });
        let outputs = steps.into_iter().map(|steps| steps.unwrap_or(Steps::Stride(0))).collect();
        Self { coefficient, column: Some(source.cells), outputs, bases }
    }

    /// Adds the term to the cells `from ..` of row `row`; a row runs along the last of `axes`.
    fn fill(&self, axes: &[u64], row: usize, from: usize, cells: &mut [i64]) {
        let Some(column) = &self.column else {
            cells.iter_mut().for_each(|cell| *cell = cell.wrapping_add(self.coefficient));
            return;
        };
        let (mut start, mut rest) = (0i64, row);
        for (steps, &len) in self.outputs.iter().zip(axes).rev().skip(1) {
            start += steps.at(rest % len as usize);
            rest /= len as usize;
        }
        let last = self.outputs.last().unwrap_or(&Steps::Stride(0));
        for base in self.bases.iter().map(|base| base + start).filter(|&base| base >= 0) {
            with_cells!(column.cells(), column => add(cells, self.coefficient, column, base, last, from));
        }
    }
}

/// Adds `coefficient * column[base + steps]` along one row.
fn add<T: Cell>(cells: &mut [i64], coefficient: i64, column: &[T], base: i64, steps: &Steps, from: usize) {
    let term = |cell: &mut i64, value: T| *cell = cell.wrapping_add(coefficient.wrapping_mul(value.value()));
    match steps {
        Steps::Stride(1) => {
            let first = base as usize + from;
            let source = &column[first..first + cells.len()];
            cells.iter_mut().zip(source).for_each(|(cell, &value)| term(cell, value));
        }
        Steps::Stride(0) => {
            let value = column[base as usize];
            cells.iter_mut().for_each(|cell| term(cell, value));
        }
        Steps::Stride(stride) => {
            for (j, cell) in cells.iter_mut().enumerate() {
                term(cell, column[(base + stride * (from + j) as i64) as usize]);
            }
        }
        Steps::Table(table) => {
            for (cell, &step) in cells.iter_mut().zip(&table[from..]).filter(|(_, step)| base + **step >= 0) {
                term(cell, column[(base + step) as usize]);
            }
        }
    }
}

/// A view as steps through a flat column: one per relation axis that feeds it.
struct Source<'a> {
    cells: Surrounded<'a>,
    base: i64,
    steps: Vec<Option<Steps>>,
}

impl<'a> Source<'a> {
    fn new(view: &View, shape: &[u64], axes: &[u64], cells: ColumnCells<'a>) -> Self {
        let ranges: Vec<Option<(i64, i64)>> =
            view.maps.iter().zip(shape).map(|(map, &d)| outside(map, d, axes)).collect();
        let (cells, lengths) = pad(cells, shape, &ranges);
        let (mut base, mut steps, mut stride) = (0, vec![None; axes.len()], 1);
        for (a, map) in view.maps.iter().enumerate().rev() {
            let inside = |position: i64| {
                if (0..lengths[a]).contains(&position) { position * stride } else { OUTSIDE }
            };
            match map {
                Map::List { axis, indices } => {
                    steps[usize::from(*axis)] =
                        Some(Steps::Table(indices.iter().map(|&position| inside(position)).collect()));
                }
                Map::Affine { offset, terms } if terms.is_empty() => base += inside(*offset),
                Map::Affine { offset, terms } => {
                    let lowest = ranges[a].map_or(0, |(lowest, _)| lowest);
                    let (low, high) = reach(*offset, terms, axes);
                    let all_inside = low - lowest >= 0 && high - lowest < lengths[a];
                    if let (false, [(axis, step)]) = (all_inside, terms.as_slice()) {
                        let table = (0..axes[usize::from(*axis)] as i64).map(|i| inside(offset + step * i)).collect();
                        steps[usize::from(*axis)] = Some(Steps::Table(table));
                    } else {
                        base += (offset - lowest) * stride;
                        for &(axis, step) in terms {
                            // An axis of one index is never walked: its step may be anything.
                            let walked = axes[usize::from(axis)] > 1;
                            steps[usize::from(axis)] = Some(Steps::Stride(if walked { step * stride } else { 0 }));
                        }
                    }
                }
            }
            stride *= lengths[a];
        }
        Self { cells, base, steps }
    }
}

/// The lowest and the highest position of an affine map.
pub(super) fn reach(offset: i64, terms: &[(u16, i64)], axes: &[u64]) -> (i64, i64) {
    terms.iter().fold((offset, offset), |(low, high), &(axis, stride)| {
        let span = stride * (axes[usize::from(axis)] as i64 - 1);
        (low + span.min(0), high + span.max(0))
    })
}

/// A column, or a copy with zeros around it.
enum Surrounded<'a> {
    Not(ColumnCells<'a>),
    By(Vec<i64>),
}

impl Surrounded<'_> {
    fn cells(&self) -> ColumnCells<'_> {
        match self {
            Self::Not(cells) => *cells,
            Self::By(cells) => ColumnCells::Integers(cells),
        }
    }
}

/// The column with zeros around it along the axes that have a range; the padded axis starts at the range's lowest position.
fn pad<'a>(cells: ColumnCells<'a>, shape: &[u64], ranges: &[Option<(i64, i64)>]) -> (Surrounded<'a>, Vec<i64>) {
    let mut lengths: Vec<i64> = shape.iter().map(|&d| d as i64).collect();
    if ranges.iter().all(Option::is_none) {
        return (Surrounded::Not(cells), lengths);
    }
    let mut padded = cells.to_vec();
    for (a, range) in ranges.iter().enumerate() {
        let Some((low, high)) = *range else { continue };
        let inner: usize = lengths[a + 1..].iter().product::<i64>() as usize;
        let (from, to) = (lengths[a] as usize, (high - low + 1) as usize);
        let outer = padded.len() / (from * inner);
        let mut wider = vec![0i64; outer * to * inner];
        for (target, source) in wider.chunks_exact_mut(to * inner).zip(padded.chunks_exact(from * inner)) {
            for (position, row) in source.chunks_exact(inner).enumerate() {
                let at = position as i64 - low;
                if (0..to as i64).contains(&at) {
                    target[at as usize * inner..][..inner].copy_from_slice(row);
                }
            }
        }
        lengths[a] = to as i64;
        padded = wider;
    }
    (Surrounded::By(padded), lengths)
}

/// Joins neighbouring output axes that every term walks as one; returns the lengths that are left.
fn merge(axes: &[u64], readings: &mut [Reading<'_>]) -> Vec<u64> {
    let mut lengths = axes.to_vec();
    for a in (1..axes.len()).rev() {
        let len = lengths[a] as i64;
        let joined = readings.iter().all(|reading| match (&reading.outputs[a - 1], &reading.outputs[a]) {
            (Steps::Stride(outer), Steps::Stride(inner)) => *outer == inner * len,
            _ => false,
        });
        if joined {
            lengths[a - 1] *= lengths[a];
            lengths.remove(a);
            for reading in readings.iter_mut() {
                reading.outputs.remove(a - 1);
            }
        }
    }
    lengths
}
