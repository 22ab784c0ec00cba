//! A round's sums over tables element by element: of few elements, or where factors lack variables in any other way than
//! [`super::blocks`] knows.

use tacit_algebra::K;
use tacit_algebra::field::PrimeCharacteristicRing;

use super::rounds::weights;

/// Variables of the inner table of E.
const LOW: usize = 10;

/// Where a table's entry for x lies, x running over the variables `variables` of the instance.
pub struct Index {
    /// (bit of x, bit of the index).
    moves: Vec<(usize, usize)>,
}

impl Index {
    /// For the given presence flags, most significant first; `below` bits of the index follow.
    pub fn new(present: &[bool], below: usize) -> Self {
        let mut moves = Vec::new();
        for (from, _) in present.iter().rev().enumerate().filter(|(_, p)| **p) {
            moves.push((from, below + moves.len()));
        }
        Self { moves }
    }

    pub fn of(&self, x: usize) -> usize {
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

/// A factor's values, and whether it depends on the current variable and on each of those after it.
pub type Factor<'a> = (&'a [K], &'a [bool]);

/// `q(0), .., q(N)` for N factors; `rest`: the coordinates of the variables after the current one.
pub fn sums<const N: usize>(factors: [Factor<'_>; N], rest: &[Option<K>]) -> Vec<K> {
    use rayon::prelude::*;

    let low = rest.len().min(LOW);
    let (outer, inner) = rest.split_at(rest.len() - low);
    let readers = factors.map(|factor| reader(factor, low));
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
    if outer.is_empty() {
        return block(0);
    }
    let add = |a: Vec<K>, b: Vec<K>| a.iter().zip(&b).map(|(&a, &b)| a + b).collect();
    (0..1usize << outer.len()).into_par_iter().map(block).reduce(|| vec![K::ZERO; N + 1], add)
}

fn reader<'a>((values, present): Factor<'a>, low: usize) -> Reader<'a> {
    let (here, rest) = (present[0], &present[1..]);
    let (outer, inner) = rest.split_at(rest.len() - low);
    let below = inner.iter().filter(|p| **p).count();
    let index = Index::new(inner, 0);
    let inner = (0..1usize << low).map(|x| index.of(x) as u32).collect();
    let (first, second) = if here { values.split_at(values.len() / 2) } else { (values, [].as_slice()) };
    Reader { low: first, high: here.then_some(second), outer: Index::new(outer, below), inner }
}

#[inline]
fn product<const N: usize>(values: &[K; N]) -> K {
    values[1..].iter().fold(values[0], |product, &value| product * value)
}
