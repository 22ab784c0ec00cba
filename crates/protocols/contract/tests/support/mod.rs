//! Random small circuits, and brute force over their values.

#![allow(dead_code)]

use std::sync::Arc;

use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::multilinear::bits;
use tacit_algebra::progress::Progress;
use tacit_algebra::{F, K, centred, integer, lift, signed};
use tacit_circuit::{Circuit, Column, Contract, Home, Map, Sum, Term, Values, View};
use tacit_columns::{Claim, Views, Weight, Weighted};
use tacit_contract::Reduced;
use tacit_transcript::{Invalid, Receiver, Sender, Transcript};

/// splitmix64.
pub struct Random(pub u64);

impl Random {
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `low ..= high`.
    pub fn range(&mut self, low: i64, high: i64) -> i64 {
        low + (self.word() % (high - low + 1) as u64) as i64
    }

    pub fn element(&mut self) -> K {
        (0..3).fold(K::ZERO, |sum, _| {
            sum * integer(7) + K::from(F::from_u64(self.word() >> 1)) * integer(self.range(1, 9))
        }) + Transcript::new(&self.word().to_string()).draw("element")
    }
}

pub struct Case {
    pub circuit: Circuit,
    pub values: Values,
}

impl Case {
    pub fn new() -> Self {
        Self { circuit: Circuit::default(), values: Values { columns: Vec::new() } }
    }

    pub fn column(&mut self, shape: Vec<u64>, cells: Vec<i64>) -> u32 {
        assert_eq!(shape.iter().product::<u64>(), cells.len() as u64);
        let id = self.circuit.columns.len() as u32;
        self.circuit.columns.push(Column { name: format!("column {id}"), shape, bytes: 8, home: Home::Witness });
        self.values.columns.push(cells);
        id
    }

    /// A column of random cells: small ones, or now and then wide ones.
    pub fn random_column(&mut self, random: &mut Random, shape: Vec<u64>) -> u32 {
        let bound = [1, 7, 127, 1 << 20, (1 << 30) - 1, 1 << 30, 1 << 45][random.range(0, 6) as usize];
        let cells = (0..shape.iter().product::<u64>()).map(|_| random.range(-bound, bound)).collect();
        self.column(shape, cells)
    }

    /// A factor that depends on some of the axes, through random maps.
    pub fn random_view(&mut self, random: &mut Random, axes: &[u64]) -> View {
        let mut left: Vec<u16> = (0..axes.len() as u16).filter(|_| random.range(0, 3) > 0).collect();
        for i in (1..left.len()).rev() {
            left.swap(i, random.range(0, i as i64) as usize);
        }
        let (mut maps, mut shape) = (Vec::new(), Vec::new());
        while !left.is_empty() || random.range(0, 9) == 0 {
            let take = (random.range(0, 3) as usize).min(left.len());
            let group: Vec<u16> = left.split_off(left.len() - take);
            let (map, len) = random_map(random, &group, axes);
            maps.push(map);
            shape.push(len);
        }
        let column = self.random_column(random, shape);
        View { column, maps }
    }

    pub fn random_sum(&mut self, random: &mut Random) -> Sum {
        let count = random.range(0, 4) as usize;
        let axes: Vec<u64> = (0..count).map(|_| random.range(1, 5) as u64).collect();
        let outputs = random.range(0, count as i64) as u16;
        let mut terms = Vec::new();
        for _ in 0..random.range(1, 4) {
            let mut factors: Vec<View> = Vec::new();
            for _ in 0..random.range(0, 3) {
                match factors.first() {
                    Some(first) if random.range(0, 5) == 0 => factors.push(first.clone()),
                    _ => factors.push(self.random_view(random, &axes)),
                }
            }
            terms.push(Term { coefficient: signed(random.range(-9, 9)), factors });
        }
        Sum { axes, outputs, terms }
    }

    /// Adds a relation that holds: the sum minus a column with the sum's values.
    pub fn add_contract(&mut self, mut sum: Sum) {
        let shape = sum.output_axes().to_vec();
        let cells: Vec<i64> = indices(&shape).iter().map(|index| centred(evaluate(self, &sum, index, 0))).collect();
        let column = self.column(shape, cells);
        let maps = (0..sum.outputs).map(|axis| Map::Affine { offset: 0, terms: vec![(axis, 1)] }).collect();
        sum.terms.push(Term { coefficient: -F::ONE, factors: vec![View { column, maps }] });
        let name = format!("relation {}", self.circuit.contracts.len());
        self.circuit.contracts.push(Contract { name, zero: sum });
    }
}

fn random_map(random: &mut Random, group: &[u16], axes: &[u64]) -> (Map, u64) {
    let len = |axis: u16| axes[axis as usize];
    let affine = |strides: &[i64], offset: i64, length: i64| {
        let mut terms: Vec<(u16, i64)> = group.iter().copied().zip(strides.iter().copied()).collect();
        terms.sort_unstable();
        (Map::Affine { offset, terms }, length.max(1) as u64)
    };
    match (group, random.range(0, 3)) {
        ([], _) => affine(&[], random.range(-1, 4), random.range(1, 4)),
        ([a], 0 | 1) => affine(&[1], 0, len(*a) as i64),
        ([a], 2) => affine(&[random.range(1, 3)], random.range(-2, 2), random.range(1, 2 * len(*a) as i64)),
        ([a], _) => {
            let length = random.range(1, 6);
            let indices = (0..len(*a)).map(|_| random.range(-1, length)).collect();
            (Map::List { axis: *a, indices }, length as u64)
        }
        (_, 0 | 1) => {
            // Exact splits, in any order of axes.
            let mut strides = vec![1];
            group.iter().rev().for_each(|&axis| strides.push(strides[strides.len() - 1] * len(axis) as i64));
            let length = strides.pop().unwrap_or(1);
            strides.reverse();
            affine(&strides, 0, length)
        }
        _ => {
            // Windows: stride, dilation, padding.
            let strides: Vec<i64> = group.iter().map(|_| random.range(1, 3)).collect();
            let reach: i64 = group.iter().zip(&strides).map(|(&axis, s)| s * (len(axis) as i64 - 1)).sum();
            affine(&strides, -random.range(0, 2), reach + random.range(-1, 2))
        }
    }
}

/// All index tuples of a shape, in C order.
pub fn indices(shape: &[u64]) -> Vec<Vec<u64>> {
    shape.iter().fold(vec![Vec::new()], |all, &len| {
        all.iter().flat_map(|index| (0..len).map(move |i| [index.as_slice(), &[i]].concat())).collect()
    })
}

fn position(map: &Map, index: &[u64]) -> i64 {
    match map {
        Map::Affine { offset, terms } => {
            offset + terms.iter().map(|&(a, stride)| stride * index[a as usize] as i64).sum::<i64>()
        }
        Map::List { axis, indices } => indices[index[*axis as usize] as usize],
    }
}

fn read(case: &Case, view: &View, index: &[u64]) -> F {
    let mut at = 0;
    for (map, &len) in view.maps.iter().zip(&case.circuit.columns[view.column as usize].shape) {
        let position = position(map, index);
        if position < 0 || position >= len as i64 {
            return F::ZERO;
        }
        at = at * len as usize + position as usize;
    }
    signed(case.values.columns[view.column as usize][at])
}

fn mentioned(term: &Term, axis: usize) -> bool {
    let feeds = |map: &Map| match map {
        Map::Affine { terms, .. } => terms.iter().any(|&(a, _)| a as usize == axis),
        Map::List { axis: a, .. } => *a as usize == axis,
    };
    term.factors.iter().any(|view| view.maps.iter().any(feeds))
}

/// The terms of a sum with at least `least` factors, at one output index.
pub fn evaluate(case: &Case, sum: &Sum, output: &[u64], least: usize) -> F {
    let mut total = F::ZERO;
    for term in sum.terms.iter().filter(|term| term.factors.len() >= least) {
        let summed = |axis: usize| {
            if mentioned(term, axis) { sum.axes[axis] } else { 1 }
        };
        let inner: Vec<u64> = (output.len()..sum.axes.len()).map(summed).collect();
        for rest in indices(&inner) {
            let index = [output, &rest].concat();
            total += term.factors.iter().fold(term.coefficient, |product, view| product * read(case, view, &index));
        }
    }
    total
}

/// `scale * sum_o weights(o) * (terms with two or three factors)[o]`.
pub fn products_total(case: &Case, weighted: &Weighted<'_>) -> K {
    let weights: Vec<Vec<K>> = weighted.weights.iter().map(|weight| weight.dense()).collect();
    let at = |index: &Vec<u64>| {
        let weight: K = index.iter().zip(&weights).map(|(&i, w)| w[i as usize]).product();
        weight * lift(evaluate(case, weighted.sum, index, 2))
    };
    weighted.scale * indices(weighted.sum.output_axes()).iter().map(at).sum::<K>()
}

pub fn holds(case: &Case, claim: &Claim<K>) -> bool {
    let mut total = K::ZERO;
    for term in &claim.form {
        let weights: Vec<Vec<K>> = term.weights.iter().map(|weight| weight.dense()).collect();
        let shape = &case.circuit.columns[term.column as usize].shape;
        assert!(weights.iter().map(|w| w.len() as u64).eq(shape.iter().copied()));
        for (index, &cell) in indices(shape).iter().zip(&case.values.columns[term.column as usize]) {
            let weight: K = index.iter().zip(&weights).map(|(&i, w)| w[i as usize]).product();
            total += term.coefficient * weight * integer(cell);
        }
    }
    total == claim.value
}

/// Eq weights at random points, on the output axes of a sum.
pub fn random_weights(random: &mut Random, sum: &Sum) -> Vec<Arc<Weight>> {
    let mut weight =
        |&len: &u64| Arc::new(Weight::Eq { point: (0..bits(len)).map(|_| random.element()).collect(), len });
    sum.output_axes().iter().map(&mut weight).collect()
}

pub fn prove(case: &Case, virtuals: &[Weighted<'_>]) -> (Vec<u8>, Reduced<K>) {
    let mut sender = Sender::new(Transcript::new("test"));
    let progress = Progress::default();
    let reduced =
        tacit_contract::prove(&case.circuit, &case.values, virtuals, &mut Views::new(), &mut sender, &progress);
    (sender.finish(), reduced.expect("nobody asked to stop"))
}

pub fn verify(case: &Case, virtuals: &[Weighted<'_>], proof: &[u8]) -> Result<Reduced<K>, Invalid> {
    let mut receiver = Receiver::new(Transcript::new("test"), proof);
    let reduced = tacit_contract::verify(&case.circuit, virtuals, &mut Views::new(), &mut receiver)?;
    receiver.finish()?;
    Ok(reduced)
}
