//! Terms with a view that reaches so far outside its column that the column is not worth surrounding with zeros: read index
//! by index. No compiled model has one.

use rayon::prelude::*;
use tacit_algebra::centred;

use super::components::{mentions, reach};
use super::counts::unravel;
use crate::{Circuit, Columns, Map, Sum, Term, View};

/// Zeros around a column may take this many times the column and the index tuples that read it, and never fewer cells than
/// [`FREE`].
const MOST: u64 = 4;
const FREE: u64 = 1 << 12;

/// Whether surrounding the view's column with zeros would take memory out of proportion.
pub(super) fn is_far(circuit: &Circuit, sum: &Sum, view: &View) -> bool {
    let shape = &circuit.columns[view.column as usize].shape;
    let mut surrounded = view.maps.iter().zip(shape).map(|(map, &len)| match outside(map, len, &sum.axes) {
        Some((low, high)) => low.abs_diff(high) + 1,
        None => len,
    });
    let mut read = (0..sum.axes.len()).filter(|&a| mentions(view, a)).map(|a| sum.axes[a]);
    let product = |lengths: &mut dyn Iterator<Item = u64>| lengths.fold(1u64, u64::saturating_mul);
    let allowed = product(&mut shape.iter().copied()).saturating_add(product(&mut read));
    product(&mut surrounded) > allowed.saturating_mul(MOST).max(FREE)
}

/// The positions that an affine map of several axes reaches, when some lie outside (a window over padding).
pub(super) fn outside(map: &Map, len: u64, axes: &[u64]) -> Option<(i64, i64)> {
    let Map::Affine { offset, terms } = map else {
        return None;
    };
    let (low, high) = reach(*offset, terms, axes);
    (terms.len() > 1 && (low < 0 || high >= len as i64)).then_some((low, high))
}

/// Adds a term of one factor to all output indices.
pub(super) fn add_far(circuit: &Circuit, values: &dyn Columns, sum: &Sum, term: &Term, result: &mut [i64]) {
    let coefficient = centred(term.coefficient);
    for view in &term.factors {
        let shape = &circuit.columns[view.column as usize].shape;
        let cells = values.cells(view.column as usize);
        let own: Vec<usize> = (usize::from(sum.outputs)..sum.axes.len()).filter(|&a| mentions(view, a)).collect();
        let lengths: Vec<u64> = own.iter().map(|&a| sum.axes[a]).collect();
        let tuples = lengths.iter().product::<u64>();
        result.par_iter_mut().enumerate().for_each(|(cell, value)| {
            let mut index = unravel(cell as u64, sum.output_axes());
            index.resize(sum.axes.len(), 0);
            for tuple in 0..tuples {
                own.iter().zip(unravel(tuple, &lengths)).for_each(|(&a, i)| index[a] = i);
                if let Some(at) = offset(view, shape, &index) {
                    *value = value.wrapping_add(coefficient.wrapping_mul(cells.at(at)));
                }
            }
        });
    }
}

/// The cell that the view reads at an index tuple of all axes; `None` outside the column.
fn offset(view: &View, shape: &[u64], index: &[u64]) -> Option<usize> {
    view.maps.iter().zip(shape).try_fold(0usize, |flat, (map, &len)| {
        let position = match map {
            Map::Affine { offset, terms } => {
                terms.iter().fold(*offset, |at, &(axis, stride)| at + stride * index[usize::from(axis)] as i64)
            }
            Map::List { axis, indices } => indices[index[usize::from(*axis)] as usize],
        };
        let inside = u64::try_from(position).ok().filter(|&position| position < len)?;
        Some(flat * len as usize + inside as usize)
    })
}
