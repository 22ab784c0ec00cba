//! A sum in the field, output index by output index, as `docs/circuit.md` defines it: the oracle's reading. Nothing here is
//! used by the prover. Valid circuits only.

use rayon::prelude::*;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::{F, signed};

use super::counts::unravel;
use crate::{Circuit, Map, Sum, Term, Values, View};

/// `S[o]` for every output index, C order.
pub(crate) fn evaluate(circuit: &Circuit, values: &Values, sum: &Sum) -> Vec<F> {
    let cells: u64 = sum.output_axes().iter().product();
    let terms: Vec<Reading<'_>> = sum.terms.iter().map(|term| Reading::new(circuit, values, sum, term)).collect();
    let at = |cell: usize| {
        let mut index = unravel(cell as u64, sum.output_axes());
        index.resize(sum.axes.len(), 0);
        terms.iter().map(|term| term.at(&mut index)).sum()
    };
    (0..cells as usize).into_par_iter().with_min_len(64).map(at).collect()
}

/// A term and what it reads.
struct Reading<'a> {
    coefficient: F,
    factors: Vec<Factor<'a>>,
    axes: &'a [u64],
    /// The summed axes that the term mentions, without the walked one.
    own: Vec<usize>,
    /// The longest of them: factors step along it.
    walked: Option<usize>,
}

struct Factor<'a> {
    view: &'a View,
    shape: &'a [u64],
    cells: &'a [i64],
}

impl<'a> Reading<'a> {
    fn new(circuit: &'a Circuit, values: &'a Values, sum: &'a Sum, term: &'a Term) -> Self {
        let factor = |view: &'a View| Factor {
            view,
            shape: &circuit.columns[view.column as usize].shape,
            cells: &values.columns[view.column as usize],
        };
        let mut own: Vec<usize> = (usize::from(sum.outputs)..sum.axes.len())
            .filter(|&axis| term.factors.iter().any(|view| view.maps.iter().any(|map| reads(map, axis))))
            .collect();
        let longest = (0..own.len()).max_by_key(|&i| sum.axes[own[i]]);
        let walked = longest.map(|i| own.remove(i));
        let factors = term.factors.iter().map(factor).collect();
        Self { coefficient: term.coefficient, factors, axes: &sum.axes, own, walked }
    }

    /// The term at an output index, summed over its own axes; uses the summed part of `index` as a counter.
    fn at(&self, index: &mut [u64]) -> F {
        self.own.iter().for_each(|&axis| index[axis] = 0);
        let mut total = F::ZERO;
        loop {
            total += self.walk(index);
            let next = self.own.iter().rposition(|&axis| index[axis] + 1 < self.axes[axis]);
            let Some(next) = next else { break };
            index[self.own[next]] += 1;
            self.own[next + 1..].iter().for_each(|&axis| index[axis] = 0);
        }
        total * self.coefficient
    }

    /// The product of the factors, summed along the walked axis.
    fn walk(&self, index: &[u64]) -> F {
        let walks: Vec<Walk<'_>> = self.factors.iter().map(|factor| factor.walk(index, self.walked)).collect();
        let length = self.walked.map_or(1, |axis| self.axes[axis]);
        (0..length).map(|i| walks.iter().map(|walk| walk.at(i)).product::<F>()).sum()
    }
}

/// A factor along one axis, the other axes fixed.
enum Walk<'a> {
    /// Outside the column.
    Zero,
    Fixed(F),
    /// `cells[fixed + stride * (start + map at i)]` while that position lies below `len`.
    Moving {
        cells: &'a [i64],
        fixed: u64,
        stride: u64,
        len: u64,
        start: i64,
        step: Step<'a>,
    },
}

enum Step<'a> {
    By(i64),
    List(&'a [i64]),
}

impl<'a> Factor<'a> {
    fn walk(&self, index: &[u64], walked: Option<usize>) -> Walk<'a> {
        let (mut fixed, mut stride, mut moving) = (0, 1, None);
        for (map, &len) in self.view.maps.iter().zip(self.shape).rev() {
            if let Some(axis) = walked.filter(|&axis| reads(map, axis)) {
                let (start, step) = steps(map, index, axis);
                moving = Some((stride, len, start, step));
            } else {
                let position = position(map, index, None);
                if position < 0 || position as u64 >= len {
                    return Walk::Zero;
                }
                fixed += stride * position as u64;
            }
            stride *= len;
        }
        let Some((stride, len, start, step)) = moving else {
            return Walk::Fixed(signed(self.cells[fixed as usize]));
        };
        let cells = self.cells;
        Walk::Moving { cells, fixed, stride, len, start, step }
    }
}

impl Walk<'_> {
    fn at(&self, i: u64) -> F {
        match self {
            Self::Zero => F::ZERO,
            Self::Fixed(value) => *value,
            Self::Moving { cells, fixed, stride, len, start, step } => {
                let position = match step {
                    Step::By(step) => start + step * i as i64,
                    Step::List(indices) => indices[i as usize],
                };
                if position < 0 || position as u64 >= *len {
                    return F::ZERO;
                }
                signed(cells[(fixed + stride * position as u64) as usize])
            }
        }
    }
}

/// Whether the axis feeds the map.
fn reads(map: &Map, axis: usize) -> bool {
    match map {
        Map::Affine { terms, .. } => terms.iter().any(|&(a, _)| usize::from(a) == axis),
        Map::List { axis: a, .. } => usize::from(*a) == axis,
    }
}

/// The position that a map reads at an index, with the axis `without` at zero.
fn position(map: &Map, index: &[u64], without: Option<usize>) -> i64 {
    match map {
        Map::Affine { offset, terms } => terms
            .iter()
            .filter(|(axis, _)| Some(usize::from(*axis)) != without)
            .fold(*offset, |at, &(axis, stride)| at + stride * index[usize::from(axis)] as i64),
        Map::List { axis, indices } => indices[index[usize::from(*axis)] as usize],
    }
}

/// How a map moves along an axis that feeds it: the position at zero, and the step.
fn steps<'a>(map: &'a Map, index: &[u64], axis: usize) -> (i64, Step<'a>) {
    match map {
        Map::List { indices, .. } => (0, Step::List(indices)),
        Map::Affine { terms, .. } => {
            let own = terms.iter().find(|(a, _)| usize::from(*a) == axis);
            let step = own.map_or(0, |&(_, stride)| stride);
            (position(map, index, Some(axis)), Step::By(step))
        }
    }
}
