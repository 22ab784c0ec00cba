//! A round's sums over blocks of `WIDTH` elements, where all factors depend on all variables left but for one, which may depend on
//! the last ones only: it then is a weight.

use rayon::prelude::*;
use tacit_algebra::K;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::packed::{Packed, WIDTH, pack};

use super::rounds::weights;

/// Variables of the inner weights, at most.
const LOW: usize = 9;
/// Blocks that one task handles at least.
const TASK: usize = 64;

/// Weights of pairs: that of block `o * width + i` is `outer[o] * inner[i]`, or `outer[o]` without inner ones.
pub struct Weights {
    outer: Vec<K>,
    inner: Option<Vec<Packed>>,
    width: usize,
}

impl Weights {
    /// Of the pairs, given the coordinates of the variables after the current one; at least a block of pairs.
    pub fn new(rest: &[Option<K>]) -> Self {
        let (outer, inner) = rest.split_at(rest.len() - rest.len().min(LOW));
        let weighted = inner.iter().any(Option::is_some);
        let width = (1usize << inner.len()) / WIDTH;
        Self { outer: weights(outer), inner: weighted.then(|| pack(&weights(inner))), width }
    }

    /// Times a factor that depends on the last of these variables only.
    pub fn times(rest: &[Option<K>], factor: &[Packed]) -> Self {
        let last = (factor.len() * WIDTH).ilog2() as usize;
        let (outer, inner) = rest.split_at(rest.len() - last);
        let mut factor = factor.to_vec();
        if inner.iter().any(Option::is_some) {
            factor.iter_mut().zip(pack(&weights(inner))).for_each(|(value, weight)| *value = *value * weight);
        }
        Self { outer: weights(outer), width: factor.len(), inner: Some(factor) }
    }
}

/// What a round's polynomial q of degree N follows from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sums {
    pub zero: K,
    /// Not summed where it is known otherwise.
    pub one: Option<K>,
    /// At -1; of three factors.
    pub minus: K,
    pub leading: K,
}

impl Sums {
    /// `q(0), .., q(N)`, given q(1).
    pub fn values(&self, one: K, factors: usize) -> Vec<K> {
        let mut values = vec![self.zero, one];
        if factors == 2 {
            values.push((one + self.leading).double() - self.zero);
        } else {
            // The third difference of a cubic is six times its leading coefficient.
            let third = self.leading.double() + self.leading.double().double();
            let next = |a: K, b: K, c: K| (c - b).double() + (c - b) + a + third;
            values.push(next(self.minus, self.zero, one));
            values.push(next(self.zero, one, values[2]));
        }
        values
    }
}

/// The sums over all pairs; `one`: that at 1 among them.
pub fn sums<const N: usize>(tables: [&[Packed]; N], weights: &Weights, one: bool) -> Sums {
    let halves = tables.map(|table| table.split_at(table.len() / 2));
    let task = |from: usize, to: usize| {
        let mut total = [Packed::ZERO; 4];
        for o in from..to {
            let at = o * weights.width..(o + 1) * weights.width;
            let rows = halves.map(|(low, high)| [&low[at.clone()], &high[at.clone()]]);
            let row = match (one, &weights.inner) {
                (true, Some(inner)) => row::<N, true>(rows, |i, value| value * inner[i]),
                (true, None) => row::<N, true>(rows, |_, value| value),
                (false, Some(inner)) => row::<N, false>(rows, |i, value| value * inner[i]),
                (false, None) => row::<N, false>(rows, |_, value| value),
            };
            let weight = Packed::from(weights.outer[o]);
            total.iter_mut().zip(row).for_each(|(total, sum)| *total += sum * weight);
        }
        total.map(|sum| sum.lanes().sum::<K>())
    };
    let (rows, grain) = (weights.outer.len(), (TASK / weights.width).max(1));
    let [zero, at_one, minus, leading] = if rows <= grain {
        task(0, rows)
    } else {
        let tasks = (0..rows.div_ceil(grain)).into_par_iter().map(|t| task(t * grain, rows.min((t + 1) * grain)));
        tasks.reduce(|| [K::ZERO; 4], |a, b| std::array::from_fn(|i| a[i] + b[i]))
    };
    Sums { zero, one: one.then_some(at_one), minus, leading }
}

/// The products at 0, 1, -1 and infinity, weighted.
#[inline(always)]
fn row<const N: usize, const ONE: bool>(
    rows: [[&[Packed]; 2]; N],
    weight: impl Fn(usize, Packed) -> Packed,
) -> [Packed; 4] {
    let blocks = rows[0][0].len();
    let rows = rows.map(|row| row.map(|half| &half[..blocks]));
    let mut sums = [Packed::ZERO; 4];
    for i in 0..blocks {
        let low = rows.map(|[low, _]| low[i]);
        let high = rows.map(|[_, high]| high[i]);
        let difference: [Packed; N] = std::array::from_fn(|f| high[f] - low[f]);
        sums[0] += weight(i, product(low));
        if ONE {
            sums[1] += weight(i, product(high));
        }
        if N > 2 {
            sums[2] += weight(i, product::<N>(std::array::from_fn(|f| low[f] - difference[f])));
        }
        sums[3] += weight(i, product(difference));
    }
    sums
}

#[inline(always)]
fn product<const N: usize>(values: [Packed; N]) -> Packed {
    values[1..].iter().fold(values[0], |product, &value| product * value)
}

/// Binds the first variable of a table of at least two blocks.
pub fn bind(table: &mut Vec<Packed>, r: K) {
    let half = table.len() / 2;
    let (low, high) = table.split_at_mut(half);
    let r = Packed::from(r);
    let fold = |(low, &high): (&mut Packed, &Packed)| *low += (high - *low) * r;
    if half <= TASK {
        low.iter_mut().zip(&*high).for_each(fold);
    } else {
        low.par_iter_mut().with_min_len(TASK).zip(&*high).for_each(fold);
    }
    table.truncate(half);
}
