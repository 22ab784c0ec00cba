//! The sumcheck's state for one instance: tables on a hypercube, folded variable by variable, most significant first.
//!
//! With variables 1 .. v bound to rho, the instance's polynomial in variable v + 1 is
//! `prefix * l(X) * q(X)`, `q(X) = sum_x E(x) prod_f f(rho, X, x)`, where E is the product of eq(r_b, x_b) over the later
//! variables b of output axes, and l(X) = (1 - r)(1 - X) + r X when variable v + 1 is one of those, else 1.

use rayon::prelude::*;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::{K, integer};

/// Variables of the inner table of E.
const LOW: usize = 10;

/// Work of a table's cell in one round, in cells read by a fold.
const CELL_WORK: u64 = 8;

/// A factor's values over the axes that it has.
#[derive(Debug)]
pub struct Table {
    pub data: Vec<K>,
    /// For every variable of the instance, whether the factor depends on it.
    pub present: Vec<bool>,
}

#[derive(Debug)]
pub struct Product {
    /// For every variable the coordinate of its axis' point, when the axis is an output axis.
    pub coordinates: Vec<Option<K>>,
    pub tables: Vec<Table>,
    /// Everything that multiplies the sum: scale, eq on bound variables, the lifting to the zero prefix.
    prefix: K,
    bound: usize,
    /// `q(0), q(1), ...` in the next variable; the product itself when no variable is left.
    next: Vec<K>,
}

/// `eq_table` with (1, 1) for variables without a coordinate.
fn weights(coordinates: &[Option<K>]) -> Vec<K> {
    let mut table = vec![K::ONE];
    for coordinate in coordinates {
        table = table
            .iter()
            .flat_map(|&value| match coordinate {
                Some(r) => [value - value * *r, value * *r],
                None => [value, value],
            })
            .collect();
    }
    table
}

/// Where a table's entry for x lies, x running over the variables `variables` of the instance.
struct Index {
    /// (bit of x, bit of the index).
    moves: Vec<(usize, usize)>,
}

impl Index {
    /// For the given presence flags, most significant first; `below` bits of the index follow.
    fn new(present: &[bool], below: usize) -> Self {
        let mut moves = Vec::new();
        for (from, _) in present.iter().rev().enumerate().filter(|(_, p)| **p) {
            moves.push((from, below + moves.len()));
        }
        Self { moves }
    }

    fn of(&self, x: usize) -> usize {
        self.moves.iter().map(|&(from, to)| (x >> from & 1) << to).sum()
    }
}

/// One table as the inner loop reads it.
struct Reader<'a> {
    low: &'a [K],
    /// `None` when the table does not depend on the current variable.
    high: Option<&'a [K]>,
    outer: Index,
    inner: Vec<u32>,
}

impl Product {
    /// The instance before the first round; computes `next`.
    pub fn new(scale: K, coordinates: Vec<Option<K>>, tables: Vec<Table>) -> Self {
        let mut product = Self { coordinates, tables, prefix: scale, bound: 0, next: Vec::new() };
        product.next = product.evaluate();
        product
    }

    pub fn variables(&self) -> usize {
        self.coordinates.len()
    }

    /// The line l at 0 and 1.
    fn line(&self) -> (K, K) {
        match self.coordinates.get(self.bound) {
            Some(Some(r)) => (K::ONE - *r, *r),
            _ => (K::ONE, K::ONE),
        }
    }

    /// The instance's sum over all variables that are not bound, with its prefix.
    pub fn total(&self) -> K {
        if self.bound == self.variables() {
            return self.prefix * self.next[0];
        }
        let (zero, one) = self.line();
        self.prefix * (zero * self.next[0] + one * self.next[1])
    }

    /// Adds the instance's polynomial of a round in which it takes part, at 0 ..= degree.
    pub fn add_round(&self, out: &mut [K]) {
        let (zero, one) = self.line();
        let values = extrapolate(&self.next, out.len());
        for (x, (out, value)) in out.iter_mut().zip(values).enumerate() {
            *out += self.prefix * value * (zero + (one - zero) * integer(x as i64));
        }
    }

    /// Adds the polynomial of a round before the instance's first: `total * (1 - X)`.
    pub fn add_waiting(&self, total: K, out: &mut [K]) {
        for (x, out) in out.iter_mut().enumerate() {
            *out += total * integer(1 - x as i64);
        }
    }

    /// Units of work of the next round: a few per table cell.
    pub fn work(&self) -> u64 {
        self.tables.iter().map(|table| CELL_WORK * table.data.len() as u64).sum()
    }

    /// Multiplies the instance by a factor that no longer changes.
    pub fn scale(&mut self, factor: K) {
        self.prefix *= factor;
    }

    /// Binds the next variable.
    pub fn bind(&mut self, r: K) {
        let (zero, one) = self.line();
        self.prefix *= zero + (one - zero) * r;
        let bound = self.bound;
        for table in self.tables.iter_mut().filter(|table| table.present[bound]) {
            let half = table.data.len() / 2;
            let (low, high) = table.data.split_at_mut(half);
            low.par_iter_mut().with_min_len(1 << 10).zip(&*high).for_each(|(low, &high)| *low += (high - *low) * r);
            table.data.truncate(half);
        }
        self.bound += 1;
        self.next = self.evaluate();
    }

    fn evaluate(&self) -> Vec<K> {
        if self.bound == self.variables() {
            return vec![self.tables.iter().map(|table| table.data[0]).product()];
        }
        match self.tables.len() {
            2 => self.sums::<2>(),
            _ => self.sums::<3>(),
        }
    }

    /// `q(0), .., q(N)` for N factors.
    fn sums<const N: usize>(&self) -> Vec<K> {
        let rest = &self.coordinates[self.bound + 1..];
        let low = rest.len().min(LOW);
        let (outer, inner) = rest.split_at(rest.len() - low);
        let readers: [Reader<'_>; N] = std::array::from_fn(|f| self.reader(&self.tables[f], low));
        let weighted = rest.iter().any(Option::is_some);
        let (outer_weights, inner_weights) = (weights(outer), weights(inner));
        let block = |hi: usize| {
            let bases: [usize; N] = std::array::from_fn(|f| readers[f].outer.of(hi));
            let (mut sums, mut extra) = ([K::ZERO; N], K::ZERO);
            for (lo, &weight) in inner_weights.iter().enumerate() {
                let at: [usize; N] = std::array::from_fn(|f| bases[f] + readers[f].inner[lo] as usize);
                let mut values: [K; N] = std::array::from_fn(|f| readers[f].low[at[f]]);
                let mut deltas: [K; N] =
                    std::array::from_fn(|f| readers[f].high.map_or(K::ZERO, |high| high[at[f]] - values[f]));
                if weighted {
                    values[0] *= weight;
                    deltas[0] *= weight;
                }
                for sum in &mut sums {
                    *sum += product(&values);
                    values.iter_mut().zip(&deltas).for_each(|(value, &delta)| *value += delta);
                }
                extra += product(&values);
            }
            let mut all = sums.to_vec();
            all.push(extra);
            all.iter_mut().for_each(|sum| *sum *= outer_weights[hi]);
            all
        };
        let add = |a: Vec<K>, b: Vec<K>| a.iter().zip(&b).map(|(&a, &b)| a + b).collect();
        (0..1usize << outer.len()).into_par_iter().map(block).reduce(|| vec![K::ZERO; N + 1], add)
    }

    fn reader<'a>(&self, table: &'a Table, low: usize) -> Reader<'a> {
        let rest = &table.present[self.bound + 1..];
        let (outer, inner) = rest.split_at(rest.len() - low);
        let below = inner.iter().filter(|p| **p).count();
        let index = Index::new(inner, 0);
        let inner = (0..1usize << low).map(|x| index.of(x) as u32).collect();
        let (first, second) = match table.present[self.bound] {
            true => table.data.split_at(table.data.len() / 2),
            false => (table.data.as_slice(), [].as_slice()),
        };
        Reader { low: first, high: table.present[self.bound].then_some(second), outer: Index::new(outer, below), inner }
    }
}

#[inline]
fn product<const N: usize>(values: &[K; N]) -> K {
    values[1..].iter().fold(values[0], |product, &value| product * value)
}

/// The values at 0 .. count of the polynomial of degree below `values.len()`.
fn extrapolate(values: &[K], count: usize) -> Vec<K> {
    // Forward differences at 0; each step below moves them to the next point.
    let mut differences = values.to_vec();
    for k in 1..differences.len() {
        for i in (k..differences.len()).rev() {
            differences[i] = differences[i] - differences[i - 1];
        }
    }
    let mut out = Vec::with_capacity(count);
    for _ in 0..count {
        out.push(differences[0]);
        for k in 1..differences.len() {
            differences[k - 1] = differences[k - 1] + differences[k];
        }
    }
    out
}
