//! `sum_j c_j (1, x_j, x_j^2, ..)`, added to packed weights.
//!
//! With n elements, L = n / 2^k and t = a L + b, `x^t = (x^L)^a x^b`. Points of one coset have few different x^L. So the points of
//! every `y = x^L` are summed up for b < L alone, then the sums of y and -y, which have one square, are joined:
//! `(g + g', y (g - g'))` has twice the length. After k such layers the length is n. It works for any points, and saves where many
//! share a value.

use std::collections::BTreeMap;

use p3_field::{PackedValue, PrimeCharacteristicRing, PrimeField64};
use rayon::prelude::*;
use tacit_algebra::packed::{Lanes, Packed, WIDTH, pack};
use tacit_algebra::{F, K};

/// Packed elements of one tile of the weight.
const TILE: usize = 8;
/// Points whose products are reduced together.
const JOINED: usize = 4;
/// More layers would need more memory than a second-level cache has.
const MOST_LAYERS: usize = 5;
/// A product of a layer, in products of a point: those are reduced four at a time.
const LAYER_COST: f64 = 1.5;

/// Points with one value of x^L, with `TILE` packed powers of each; at most `JOINED`, zeros fill the arrays.
struct Run {
    group: usize,
    count: usize,
    points: [(F, K); JOINED],
    /// x^(TILE WIDTH).
    strides: [F; JOINED],
    powers: Vec<[Lanes; JOINED]>,
}

/// Two sums that become one, or one alone: that of `y`, and that of `-y`.
struct Join {
    y: F,
    plus: usize,
    minus: Option<usize>,
}

struct Powers {
    groups: usize,
    runs: Vec<Run>,
    layers: Vec<Vec<Join>>,
    out_of_domain: (K, K),
    /// z^(a L) for every a.
    z_slices: Vec<K>,
    z_powers: Vec<Packed>,
}

/// Adds `coefficient * (1, x, x^2, ..)` for the point out of the domain and all others. The weight has a power of two of blocks.
pub(crate) fn add_powers(weight: &mut [Packed], out_of_domain: (K, K), points: &[(F, K)]) {
    let powers = Powers::new(weight.len(), out_of_domain, points);
    let slice = weight.len() >> powers.layers.len();
    let slices = 1 << powers.layers.len();
    let mut tiles: Vec<Vec<&mut [Packed]>> = (0..slice.div_ceil(TILE)).map(|_| Vec::with_capacity(slices)).collect();
    for slice in weight.chunks_exact_mut(slice) {
        tiles.iter_mut().zip(slice.chunks_mut(TILE)).for_each(|(tile, part)| tile.push(part));
    }
    let buffers = || [(); 2].map(|()| vec![Packed::ZERO; powers.most()]);
    tiles.par_iter_mut().enumerate().for_each_init(buffers, |buffers, (number, parts)| {
        powers.add(number, parts, buffers);
    });
}

/// The keys of all values, each once, by the order in which they come.
fn numbered(values: impl Iterator<Item = F>) -> (BTreeMap<u64, usize>, Vec<usize>) {
    let mut numbers = BTreeMap::new();
    let of = values.map(|value| {
        let next = numbers.len();
        *numbers.entry(value.as_canonical_u64()).or_insert(next)
    });
    let of = of.collect();
    (numbers, of)
}

/// How many layers cost least, for points and `blocks` packed elements.
fn depth(blocks: usize, points: &[(F, K)]) -> usize {
    let most = MOST_LAYERS.min((blocks / TILE).max(1).ilog2() as usize);
    let parents = |layers: usize| {
        let length = (blocks * WIDTH) >> layers;
        numbered(points.iter().map(|(x, _)| x.exp_u64(2 * length as u64))).0.len()
    };
    let (mut best, mut layers_cost) = ((points.len() as f64, 0), 0.0);
    for layers in 1..=most {
        let share = 0.5f64.powi(layers as i32);
        layers_cost += LAYER_COST * parents(layers) as f64 * share;
        let cost = points.len() as f64 * share + layers_cost;
        if cost < best.0 {
            best = (cost, layers);
        }
    }
    best.1
}

impl Powers {
    fn new(blocks: usize, out_of_domain: (K, K), points: &[(F, K)]) -> Self {
        let depth = depth(blocks, points);
        let length = ((blocks * WIDTH) >> depth) as u64;
        let value = |x: F| if depth == 0 { F::ONE } else { x.exp_u64(length) };
        let mut values: Vec<F> = points.iter().map(|&(x, _)| value(x)).collect();
        let (groups, of) = numbered(values.iter().copied());
        let mut members: Vec<Vec<(F, K)>> = vec![Vec::new(); groups.len()];
        of.iter().zip(points).for_each(|(&group, &point)| members[group].push(point));
        values = distinct(&groups);
        let layer = |_| {
            let (parents, of) = numbered(values.iter().map(|&y| y * y));
            let mut joins: Vec<Option<Join>> = parents.iter().map(|_| None).collect();
            for (child, (&y, &parent)) in values.iter().zip(&of).enumerate() {
                match &mut joins[parent] {
                    Some(join) => join.minus = Some(child),
                    empty => *empty = Some(Join { y, plus: child, minus: None }),
                }
            }
            values = distinct(&parents);
            joins.into_iter().flatten().collect()
        };
        let layers = (0..depth).map(layer).collect();
        let runs: Vec<(usize, &[(F, K)])> = members
            .iter()
            .enumerate()
            .flat_map(|(group, points)| points.chunks(JOINED).map(move |run| (group, run)))
            .collect();
        let z = out_of_domain.0;
        Self {
            groups: groups.len(),
            runs: runs.into_par_iter().map(|(group, points)| Run::new(group, points)).collect(),
            layers,
            out_of_domain,
            z_slices: z.exp_u64(length).powers().take(1 << depth).collect(),
            z_powers: pack(&z.powers().collect_n(TILE * WIDTH)),
        }
    }

    /// Elements of the largest set of sums.
    fn most(&self) -> usize {
        let widths = self.layers.iter().zip(1..).map(|(joins, height)| joins.len() << height);
        widths.fold(self.groups, usize::max) * TILE
    }

    /// The tile's part of every slice.
    fn add(&self, number: usize, parts: &mut [&mut [Packed]], [from, to]: &mut [Vec<Packed>; 2]) {
        from[..self.groups * TILE].fill(Packed::ZERO);
        for run in &self.runs {
            run.add(number, &mut from[run.group * TILE..][..TILE]);
        }
        let (mut height, mut count) = (TILE, self.groups);
        for joins in &self.layers {
            for (join, sum) in joins.iter().zip(to.chunks_exact_mut(2 * height)) {
                join.join(&from[..count * height], sum);
            }
            std::mem::swap(from, to);
            (height, count) = (2 * height, joins.len());
        }
        for sum in from[..count * height].chunks_exact(height) {
            for (part, sum) in parts.iter_mut().zip(sum.chunks_exact(TILE)) {
                part.iter_mut().zip(sum).for_each(|(weight, &sum)| *weight += sum);
            }
        }
        let (z, coefficient) = self.out_of_domain;
        let start = coefficient * z.exp_u64((number * TILE * WIDTH) as u64);
        for (part, &slice) in parts.iter_mut().zip(&self.z_slices) {
            let start = Packed::from(start * slice);
            part.iter_mut().zip(&self.z_powers).for_each(|(weight, &power)| *weight += power * start);
        }
    }
}

/// The values in the order of their numbers.
fn distinct(numbers: &BTreeMap<u64, usize>) -> Vec<F> {
    let mut values = vec![F::ZERO; numbers.len()];
    numbers.iter().for_each(|(&value, &number)| values[number] = F::from_u64(value));
    values
}

impl Join {
    /// Writes the joined sum, twice as long as those it is made of.
    fn join(&self, sums: &[Packed], out: &mut [Packed]) {
        let (low, high) = out.split_at_mut(out.len() / 2);
        let of = |number: usize| &sums[number * low.len()..][..low.len()];
        let (y, plus) = (Lanes::from(self.y), of(self.plus));
        match self.minus.map(of) {
            Some(minus) => {
                for (((low, high), &a), &b) in low.iter_mut().zip(high).zip(plus).zip(minus) {
                    (*low, *high) = (a + b, (a - b).times(y));
                }
            }
            None => {
                for ((low, high), &a) in low.iter_mut().zip(high).zip(plus) {
                    (*low, *high) = (a, a.times(y));
                }
            }
        }
    }
}

impl Run {
    fn new(group: usize, points: &[(F, K)]) -> Self {
        let count = points.len();
        let points: [(F, K); JOINED] = std::array::from_fn(|j| points.get(j).copied().unwrap_or((F::ZERO, K::ZERO)));
        let powers: [Vec<F>; JOINED] = points.map(|(x, _)| x.powers().take(TILE * WIDTH).collect());
        let lanes = |s: usize| std::array::from_fn(|j| *Lanes::from_slice(&powers[j][s * WIDTH..][..WIDTH]));
        Self {
            group,
            count,
            strides: points.map(|(x, _)| x.exp_u64((TILE * WIDTH) as u64)),
            powers: (0..TILE).map(lanes).collect(),
            points,
        }
    }

    fn add(&self, tile: usize, sum: &mut [Packed]) {
        match self.count {
            1 => self.add_of::<1>(tile, sum),
            2 => self.add_of::<2>(tile, sum),
            3 => self.add_of::<3>(tile, sum),
            _ => self.add_of::<JOINED>(tile, sum),
        }
    }

    fn add_of<const N: usize>(&self, tile: usize, sum: &mut [Packed]) {
        let start: [Packed; N] =
            std::array::from_fn(|j| Packed::from(self.points[j].1 * self.strides[j].exp_u64(tile as u64)));
        for (sum, powers) in sum.iter_mut().zip(&self.powers) {
            *sum += Packed::dot(&start, &std::array::from_fn(|j| powers[j]));
        }
    }
}

#[cfg(test)]
mod tests {
    use p3_field::{BasedVectorSpace, TwoAdicField};

    use super::*;

    fn element(seed: u64) -> K {
        K::from_basis_coefficients_fn(|i| F::from_u64((seed * 3 + i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    fn check(blocks: usize, points: &[(F, K)]) {
        let out_of_domain = (element(1), element(2));
        let start: Vec<K> = (0..(blocks * WIDTH) as u64).map(|i| element(i + 100)).collect();
        let mut expected = start.clone();
        for (x, c) in points.iter().map(|&(x, c)| (K::from(x), c)).chain([out_of_domain]) {
            expected.iter_mut().zip(x.powers()).for_each(|(weight, power)| *weight += c * power);
        }
        let mut weight = pack(&start);
        add_powers(&mut weight, out_of_domain, points);
        let found: Vec<K> = weight.into_iter().flat_map(Packed::lanes).collect();
        assert!(found == expected, "{blocks} blocks, {} points", points.len());
    }

    /// Points of a coset of `2^log` elements, some of them more than once.
    fn coset(log: usize, count: u64) -> Vec<(F, K)> {
        let w = F::two_adic_generator(log);
        let point = |j: u64| F::from_u64(7) * w.exp_u64(j.wrapping_mul(0x9e37_79b9) >> 3);
        (0..count).map(|j| (point(j), element(j + 10))).collect()
    }

    #[test]
    fn powers_agree_with_those_of_single_points() {
        for blocks in [1, 4, 8, 16, 64, 256, 1024] {
            let log = (blocks * WIDTH).ilog2() as usize;
            for count in [0, 1, 2, 3, 5, 37, 120] {
                check(blocks, &coset(log + 2, count));
            }
            check(blocks, &coset(log + 6, 23));
            check(blocks, &(0..9).map(|j| (F::from_u64(j * j + 3), element(j))).collect::<Vec<_>>());
        }
    }

    #[test]
    fn layers_are_taken_where_points_share_values() {
        assert_eq!(depth(4, &coset(7, 100)), 0, "a tile has no slices");
        assert!(depth(4096, &coset(17, 118)) >= 3);
        let alone: Vec<(F, K)> = (0..9).map(|j| (F::from_u64(j * j + 3), element(j))).collect();
        assert_eq!(depth(4096, &alone), 0);
    }
}
