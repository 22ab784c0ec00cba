//! The sumcheck's state for one instance: tables on a hypercube, folded variable by variable, most significant first.
//!
//! With variables 1 .. v bound to rho, the instance's polynomial in variable v + 1 is
//! `prefix * l(X) * q(X)`, `q(X) = sum_x E(x) prod_f f(rho, X, x)`, where E is the product of eq(r_b, x_b) over the later
//! variables b of output axes, and l(X) = (1 - r)(1 - X) + r X when variable v + 1 is one of those, else 1. A factor with no
//! variable left is in the prefix.

use tacit_algebra::field::{Field, PrimeCharacteristicRing};
use tacit_algebra::multilinear::interpolation_weights;
use tacit_algebra::packed::WIDTH;
use tacit_algebra::{K, integer};

use super::blocks::{self, Weights};
use super::join::Join;
use super::plain;
use super::table::{Table, Values};

/// Work of a table's cell in one round, in cells read by a fold.
const CELL_WORK: u64 = 8;

#[derive(Debug)]
pub struct Product {
    /// For every variable the coordinate of its axis' point, when the axis is an output axis.
    coordinates: Vec<Option<K>>,
    tables: Vec<Table>,
    /// Those that the sum has as factors; one fewer with `join`.
    factors: Vec<usize>,
    join: Option<Join>,
    /// Everything that multiplies the sum: scale, eq on bound variables, the lifting to the zero prefix.
    prefix: K,
    bound: usize,
    /// `q(0), q(1), ...` in the next variable; one when no variable is left.
    next: Vec<K>,
    /// `l(0) q(0) + l(1) q(1)`, where it is known.
    claim: Option<K>,
}

/// A round's challenge, and the weights that interpolate there.
pub struct Challenge {
    pub r: K,
    quadratic: Vec<K>,
    cubic: Vec<K>,
}

impl Challenge {
    pub fn new(r: K) -> Self {
        Self { r, quadratic: interpolation_weights(3, r), cubic: interpolation_weights(4, r) }
    }

    /// The value there of the polynomial of degree 2 or 3 with the values `q(0), q(1), ..`.
    fn value(&self, values: &[K]) -> Option<K> {
        let weights = [&self.quadratic, &self.cubic].into_iter().find(|weights| weights.len() == values.len())?;
        Some(values.iter().zip(weights).map(|(&value, &weight)| value * weight).sum())
    }
}

/// `eq_table` with (1, 1) for variables without a coordinate.
pub fn weights(coordinates: &[Option<K>]) -> Vec<K> {
    let mut table = vec![K::ONE];
    for coordinate in coordinates {
        table = table
            .iter()
            .flat_map(|&value| match coordinate {
                Some(r) => {
                    let high = value * *r;
                    [value - high, high]
                }
                None => [value, value],
            })
            .collect();
    }
    table
}

impl Product {
    /// The instance before the first round; computes `next`.
    pub fn new(scale: K, coordinates: Vec<Option<K>>, tables: Vec<Table>) -> Self {
        let factors = (0..tables.len()).collect();
        let mut product =
            Self { coordinates, tables, factors, join: None, prefix: scale, bound: 0, next: Vec::new(), claim: None };
        product.tables.iter_mut().for_each(Table::pack);
        if let Some((lone, join)) = Join::new(&product.tables, &product.coordinates) {
            product.factors = vec![lone];
            product.join = Some(join);
        }
        product.settle();
        product.next = product.evaluate();
        product
    }

    pub fn variables(&self) -> usize {
        self.coordinates.len()
    }

    /// The factors at the point, when all variables are bound.
    pub fn ends(&self) -> Vec<K> {
        self.tables.iter().map(Table::first).collect()
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
        self.tables.iter().map(|table| CELL_WORK * table.len() as u64).sum()
    }

    /// Multiplies the instance by a factor that no longer changes.
    pub fn scale(&mut self, factor: K) {
        self.prefix *= factor;
    }

    /// Binds the next variable.
    pub fn bind(&mut self, challenge: &Challenge) {
        let (zero, one) = self.line();
        self.prefix *= zero + (one - zero) * challenge.r;
        self.claim = challenge.value(&self.next);
        let joined = self.join.as_mut().map(|join| &mut join.table);
        self.tables.iter_mut().chain(joined).for_each(|table| table.bind(self.bound, challenge.r));
        self.bound += 1;
        self.settle();
        self.next = self.evaluate();
    }

    /// Drops a join whose variables are bound, and factors without variables.
    fn settle(&mut self) {
        if self.join.as_ref().is_some_and(|join| join.until == self.bound) {
            self.join = None;
            self.factors = (0..self.tables.len()).collect();
        }
        for &at in &self.factors {
            let table = &self.tables[at];
            if !table.present[self.bound..].contains(&true) {
                self.prefix *= table.first();
                self.claim = None;
            }
        }
        let (tables, bound) = (&self.tables, self.bound);
        self.factors.retain(|&at| tables[at].present[bound..].contains(&true));
    }

    fn evaluate(&mut self) -> Vec<K> {
        if self.bound == self.variables() {
            return vec![K::ONE];
        }
        if let Some(values) = self.by_blocks() {
            return values;
        }
        let joined = self.join.as_mut().map(|join| &mut join.table);
        self.tables.iter_mut().chain(joined).for_each(Table::unpack);
        let (rest, end) = (self.rest(), self.end());
        let factors: Vec<plain::Factor<'_>> =
            self.in_sum().filter_map(|table| Some((table.plain()?, &table.present[self.bound..end]))).collect();
        match *factors {
            [a, b] => plain::sums([a, b], rest),
            _ => plain::sums::<3>(factors.try_into().expect("a variable is one of two or three factors"), rest),
        }
    }

    /// The variables of the sum end here: a join has the others.
    fn end(&self) -> usize {
        self.join.as_ref().map_or(self.variables(), |join| join.until)
    }

    /// Coordinates of the sum's variables after the current one.
    fn rest(&self) -> &[Option<K>] {
        &self.coordinates[self.bound + 1..self.end()]
    }

    fn in_sum(&self) -> impl Iterator<Item = &Table> {
        self.factors.iter().map(|&at| &self.tables[at]).chain(self.join.iter().map(|join| &join.table))
    }

    /// `None` where the tables are not in blocks, or where factors depend on different variables in more than one way.
    fn by_blocks(&self) -> Option<Vec<K>> {
        let (rest, end) = (self.rest(), self.end());
        if 1 << rest.len() < WIDTH {
            return None;
        }
        let (mut whole, mut part) = (Vec::new(), None);
        for table in self.in_sum() {
            let Values::Blocks(blocks) = &table.values else { return None };
            let present = &table.present[self.bound..end];
            let missing = present.iter().take_while(|present| !**present).count();
            if present[missing..].contains(&false) {
                return None;
            }
            if missing == 0 {
                whole.push(blocks.as_slice());
            } else if part.replace(blocks).is_some() {
                return None;
            }
        }
        let weights = part.map_or_else(|| Weights::new(rest), |factor| Weights::times(rest, factor));
        let (zero, one) = self.line();
        let known = self.claim.and_then(|claim| Some((claim, if one == K::ONE { one } else { one.try_inverse()? })));
        let sums = match *whole {
            [a, b] => blocks::sums([a, b], &weights, known.is_none()),
            [a, b, c] => blocks::sums([a, b, c], &weights, known.is_none()),
            _ => return None,
        };
        let at_one = sums.one.or_else(|| known.map(|(claim, inverse)| (claim - zero * sums.zero) * inverse))?;
        Some(sums.values(at_one, whole.len()))
    }
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

#[cfg(test)]
mod tests {
    use tacit_algebra::F;
    use tacit_algebra::field::BasedVectorSpace;

    use super::*;

    fn element(seed: usize) -> K {
        K::from_basis_coefficients_fn(|i| match (seed + i) % 7 {
            0 => F::ZERO,
            1 => F::NEG_ONE,
            _ => F::from_u64(((seed * 3 + i + 1) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        })
    }

    /// Tables over the variables with a `1`; every `sparse`-th element is not zero.
    fn tables(present: &[&str], sparse: usize) -> Vec<Table> {
        let table = |(f, flags): (usize, &&str)| {
            let present: Vec<bool> = flags.chars().map(|flag| flag == '1').collect();
            let len = 1usize << present.iter().filter(|present| **present).count();
            let value = |i: usize| if i.is_multiple_of(sparse) { element(1000 * f + i) } else { K::ZERO };
            Table::new((0..len).map(value).collect(), present)
        };
        present.iter().enumerate().map(table).collect()
    }

    /// All rounds against the same sums element by element; gives whether blocks were summed and whether factors were joined.
    fn compare(present: &[&str], coordinates: &[Option<K>], sparse: usize) -> (bool, bool) {
        let (n, degree) = (coordinates.len(), present.len() + 1);
        let mut product = Product::new(element(5), coordinates.to_vec(), tables(present, sparse));
        let mut expected = tables(present, sparse);
        let used = (product.tables.iter().any(|table| table.blocks().is_some()), product.join.is_some());
        let mut prefix = element(5);
        for bound in 0..n {
            let factor = |f: usize| (expected[f].plain().unwrap(), &expected[f].present[bound..]);
            let q = match present.len() {
                2 => plain::sums([factor(0), factor(1)], &coordinates[bound + 1..]),
                _ => plain::sums([factor(0), factor(1), factor(2)], &coordinates[bound + 1..]),
            };
            let line = |x: K| coordinates[bound].map_or(K::ONE, |r| (K::ONE - r) * (K::ONE - x) + r * x);
            let points = (0..=degree as i64).map(integer).zip(extrapolate(&q, degree + 1));
            let wanted: Vec<K> = points.map(|(x, value)| prefix * line(x) * value).collect();
            let mut found = vec![K::ZERO; degree + 1];
            product.add_round(&mut found);
            assert!(found == wanted, "{present:?} round {bound}");
            assert!(product.total() == wanted[0] + wanted[1], "{present:?} round {bound}");
            let r = element(77 + bound);
            prefix *= line(r);
            expected.iter_mut().for_each(|table| table.bind(bound, r));
            product.bind(&Challenge::new(r));
        }
        let ends: Vec<K> = expected.iter().map(Table::first).collect();
        assert!(product.ends() == ends && product.total() == ends.iter().copied().fold(prefix, |a, b| a * b));
        used
    }

    #[test]
    fn blocks_and_joins_sum_as_element_by_element() {
        let ones = |n: usize| "1".repeat(n);
        let zeros = |n: usize| "0".repeat(n);
        for n in [0, 1, 3, 4, 6, 11, 13] {
            let some: Vec<Option<K>> = (0..n).map(|v| Some(element(300 + v))).collect();
            let none = vec![None; n];
            // A coordinate of zero: the sum at 1 does not follow from the claim.
            let zero: Vec<Option<K>> = (0..n).map(|v| Some(if v % 2 == 0 { K::ZERO } else { element(v) })).collect();
            let first: Vec<Option<K>> = (0..n).map(|v| (v < 4).then(|| element(300 + v))).collect();
            let last: Vec<Option<K>> = (0..n).map(|v| (v >= 4).then(|| element(300 + v))).collect();
            for coordinates in [&some, &none, &zero, &first, &last] {
                let (all, blocked) = (ones(n), 1 << n >= 2 * WIDTH);
                assert_eq!(compare(&[&all, &all], coordinates, 1), (blocked, false));
                assert_eq!(compare(&[&all, &all, &all], coordinates, 1), (blocked, false));
                for missing in (1..n.min(11)).step_by(if n > 6 { 5 } else { 2 }) {
                    let part = zeros(missing) + &ones(n - missing);
                    assert!(!compare(&[&all, &part, &all], coordinates, 1).1);
                    let (x, y) = (missing, n - missing);
                    for split in [0, x / 2, x] {
                        let lone = ones(x) + &zeros(y);
                        let b = ones(split) + &zeros(x - split) + &ones(y);
                        let c = zeros(split) + &ones(x - split) + &ones(y);
                        let fits = 1 << y >= WIDTH && [split, x - split].iter().all(|&own| 1 << (own + y) >= 2 * WIDTH);
                        for sparse in [1, 40] {
                            assert_eq!(compare(&[&b, &lone, &c], coordinates, sparse).1, fits, "{b} {lone} {c}");
                        }
                    }
                }
            }
        }
    }

    /// Both factors have a variable that the third has not first, and factors that miss different ones.
    #[test]
    fn other_shapes_are_summed_element_by_element() {
        let coordinates: Vec<Option<K>> = (0..9).map(|v| (v % 3 > 0).then(|| element(300 + v))).collect();
        for present in [["011111111", "101111111", "111111111"], ["111110111", "111111111", "111111111"]] {
            assert!(!compare(&present, &coordinates, 1).1);
        }
        assert!(!compare(&["111000111", "111111111", "000111111"], &coordinates, 1).1);
    }
}
