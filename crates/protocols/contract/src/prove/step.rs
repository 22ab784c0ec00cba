//! What a view does to one stored axis, as a linear map from stored positions to the view's shared axes.

use std::sync::Arc;

use tacit_algebra::K;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_circuit::Map;
use tacit_columns::Weight;

/// What a relation axis is to one factor.
#[derive(Debug, Clone)]
pub enum Role {
    /// A run of sumcheck variables.
    Shared,
    /// Folded with a weight before the sumcheck.
    Private(Arc<Weight>),
}

/// One stored axis and its map to the shared axes that feed it.
#[derive(Debug)]
pub struct Step {
    /// Stored positions.
    pub length: usize,
    /// Relation axes and their lengths; their indices in C order number the rows.
    pub shared: Vec<(usize, usize)>,
    pub rows: Rows,
}

#[derive(Debug)]
pub enum Rows {
    /// Row i reads position i.
    Whole,
    /// Row i reads a position, or zero.
    Select(Vec<Option<usize>>),
    Combine(Vec<Row>),
}

/// `sum_j weights[j] * stored[positions[j]]`.
#[derive(Debug, Default)]
pub struct Row {
    pub positions: Vec<usize>,
    pub weights: Vec<K>,
}

impl Step {
    /// Indices of the shared axes.
    pub fn rows(&self) -> usize {
        self.shared.iter().map(|&(_, len)| len).product()
    }
}

/// The steps of one stored axis: one, or several where the map splits a flat axis exactly.
pub fn steps(map: &Map, length: usize, axes: &[u64], role: impl Fn(usize) -> Role) -> Vec<Step> {
    match map {
        Map::Affine { offset: 0, terms } if splits(terms, length, axes) => {
            let mut terms = terms.clone();
            terms.sort_by_key(|&(_, stride)| std::cmp::Reverse(stride));
            let single =
                |&(axis, _): &(u16, i64)| affine(0, &[(axis, 1)], axes[usize::from(axis)] as usize, axes, &role);
            terms.iter().map(single).collect()
        }
        Map::Affine { offset, terms } => vec![affine(*offset, terms, length, axes, &role)],
        Map::List { axis, indices } => vec![list(usize::from(*axis), indices, length, &role)],
    }
}

/// Whether the strides are those of a C-ordered tensor of exactly `length` cells.
fn splits(terms: &[(u16, i64)], length: usize, axes: &[u64]) -> bool {
    let mut sorted: Vec<(i64, u64)> = terms.iter().map(|&(axis, stride)| (stride, axes[usize::from(axis)])).collect();
    sorted.sort_unstable();
    let mut expected = 1;
    for (stride, len) in sorted {
        if stride as u64 != expected {
            return false;
        }
        expected *= len;
    }
    terms.len() > 1 && expected == length as u64
}

fn affine(offset: i64, terms: &[(u16, i64)], length: usize, axes: &[u64], role: &impl Fn(usize) -> Role) -> Step {
    let (mut shared, mut starts) = (Vec::new(), vec![offset]);
    let (mut private, mut taps) = (false, vec![(0, K::ONE)]);
    for &(axis, stride) in terms {
        let axis = usize::from(axis);
        match role(axis) {
            Role::Shared => {
                let len = axes[axis] as usize;
                shared.push((axis, len));
                starts = starts.iter().flat_map(|&s| (0..len as i64).map(move |i| s + stride * i)).collect();
            }
            Role::Private(weight) => {
                private = true;
                let dense = weight.dense();
                let extend = |&(at, of): &(i64, K)| {
                    dense.iter().enumerate().map(move |(i, &w)| (at + stride * i as i64, of * w)).collect::<Vec<_>>()
                };
                taps = taps.iter().flat_map(extend).collect();
            }
        }
    }
    let inside = |position: i64| usize::try_from(position).ok().filter(|&at| at < length);
    let rows = if private {
        let row = |&start: &i64| {
            let (positions, weights) = taps.iter().filter_map(|&(at, w)| Some((inside(start + at)?, w))).unzip();
            Row { positions, weights }
        };
        Rows::Combine(starts.iter().map(row).collect())
    } else {
        select(starts.into_iter().map(inside).collect(), length)
    };
    Step { length, shared, rows }
}

fn list(axis: usize, indices: &[i64], length: usize, role: &impl Fn(usize) -> Role) -> Step {
    let inside = |&position: &i64| usize::try_from(position).ok().filter(|&at| at < length);
    match role(axis) {
        Role::Shared => {
            let rows = select(indices.iter().map(inside).collect(), length);
            Step { length, shared: vec![(axis, indices.len())], rows }
        }
        Role::Private(weight) => {
            let entries = indices.iter().zip(weight.dense()).filter_map(|(at, w)| Some((inside(at)?, w)));
            let (positions, weights) = entries.unzip();
            Step { length, shared: Vec::new(), rows: Rows::Combine(vec![Row { positions, weights }]) }
        }
    }
}

fn select(positions: Vec<Option<usize>>, length: usize) -> Rows {
    let whole = positions.len() == length && positions.iter().enumerate().all(|(i, &at)| at == Some(i));
    if whole { Rows::Whole } else { Rows::Select(positions) }
}
