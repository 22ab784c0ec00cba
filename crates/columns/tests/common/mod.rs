//! Random weights, columns and brute force.
#![allow(dead_code)]

use std::sync::Arc;

use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::multilinear::bits;
use tacit_algebra::{K, integer};
use tacit_circuit::*;
use tacit_columns::*;

/// A small generator of numbers (xorshift).
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn word(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        (self.word() >> 11) % bound.max(1)
    }

    pub fn element(&mut self) -> K {
        let mut bytes = [0; 24];
        bytes.chunks_exact_mut(8).for_each(|chunk| chunk.copy_from_slice(&(self.word() >> 1).to_le_bytes()));
        tacit_algebra::from_bytes(bytes).unwrap_or(K::ONE)
    }

    pub fn point(&mut self, count: usize) -> Vec<K> {
        (0..count).map(|_| self.element()).collect()
    }

    pub fn weight(&mut self, len: u64) -> Arc<Weight> {
        Arc::new(match self.below(6) {
            0 => Weight::Ones { len },
            1 => Weight::Index { index: self.below(len + 2), len },
            2 => Weight::Dense(self.point(len as usize)),
            3 => Weight::Powers { base: self.element(), len },
            _ => Weight::Eq { point: self.point(bits(len)), len },
        })
    }
}

pub fn column(name: &str, shape: &[u64], home: Home) -> Column {
    Column { name: name.into(), shape: shape.to_vec(), bytes: 8, home }
}

/// All index tuples in C order.
pub fn indices(axes: &[u64]) -> Vec<Vec<u64>> {
    axes.iter().fold(vec![vec![]], |tuples, &len| {
        tuples.iter().flat_map(|t| (0..len).map(move |i| [t.as_slice(), &[i]].concat())).collect()
    })
}

/// `<values, product of weights>`, entry by entry.
pub fn inner(values: &[i64], shape: &[u64], weights: &[Arc<Weight>]) -> K {
    let dense: Vec<Vec<K>> = weights.iter().map(|w| w.dense()).collect();
    let term = |(index, &value): (Vec<u64>, &i64)| {
        index.iter().zip(&dense).fold(integer(value), |product, (&i, axis)| product * axis[i as usize])
    };
    indices(shape).into_iter().zip(values).map(term).sum()
}

pub fn apply(form: &Form, shape: impl Fn(ColumnId) -> Vec<u64>, values: &Values) -> K {
    let term = |t: &FormTerm| t.coefficient * inner(&values.columns[t.column as usize], &shape(t.column), &t.weights);
    form.iter().map(term).sum()
}

/// A random map of an axis of length `len`; takes the relation axes that it uses out of `free`.
pub fn map(numbers: &mut Numbers, len: u64, axes: &[u64], free: &mut Vec<u16>) -> Map {
    let take = |numbers: &mut Numbers, free: &mut Vec<u16>| free.remove(numbers.below(free.len() as u64) as usize);
    match numbers.below(6) {
        0 => Map::Affine { offset: numbers.below(len + 1) as i64, terms: vec![] },
        1 => {
            let axis = take(numbers, free);
            let indices = (0..axes[usize::from(axis)]).map(|_| numbers.below(len + 2) as i64 - 1).collect();
            Map::List { axis, indices }
        }
        2 => {
            let mut terms = vec![(take(numbers, free), numbers.below(3) as i64 + 1), (take(numbers, free), -1)];
            terms.sort_unstable();
            Map::Affine { offset: numbers.below(3) as i64 - 1, terms }
        }
        3 => {
            // A split: row-major over two or three axes, with an offset now and then.
            let mut used: Vec<u16> = (0..numbers.below(2) + 2).map(|_| take(numbers, free)).collect();
            let mut stride = 1 << numbers.below(2);
            let mut terms = Vec::new();
            while let Some(axis) = used.pop() {
                terms.push((axis, stride));
                stride *= axes[usize::from(axis)] as i64;
            }
            terms.sort_unstable();
            Map::Affine { offset: numbers.below(2) as i64 * stride, terms }
        }
        _ => Map::Affine { offset: 0, terms: vec![(take(numbers, free), 1)] },
    }
}

/// The position that a map reads, if it lies inside.
pub fn position(map: &Map, len: u64, index: &[u64]) -> Option<u64> {
    let at = match map {
        Map::Affine { offset, terms } => {
            terms.iter().fold(*offset, |at, &(a, stride)| at + stride * index[usize::from(a)] as i64)
        }
        Map::List { axis, indices } => indices[index[usize::from(*axis)] as usize],
    };
    u64::try_from(at).ok().filter(|&at| at < len)
}

/// The cell that a view reads.
pub fn cell(view: &View, shape: &[u64], values: &[i64], index: &[u64]) -> i64 {
    let number =
        view.maps.iter().zip(shape).try_fold(0, |number, (map, &len)| Some(number * len + position(map, len, index)?));
    number.map_or(0, |number| values[number as usize])
}
