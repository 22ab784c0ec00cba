//! The sumcheck of one level: `N(p) + lambda E(p) = sum_y eq(p, y) gate(children of y)`.
//!
//! With c = n1 + lambda e1 the gate is `a (1 + d) + (1 + b)(c + lambda) - lambda` of `(a, b, c, d) = (n0, e0, c, e1)`: two products
//! a point, and zero where all four are zero. Its restriction to one variable is `eq(p_j, X) q(X)` with q of degree 2; q is
//! found from q(0), its leading coefficient and the running claim.

use std::collections::HashMap;

use p3_field::{Field, PrimeCharacteristicRing};
use rayon::prelude::*;
use tacit_algebra::K;
use tacit_algebra::progress::{Progress, Stopped};
use tacit_transcript::Sender;

use crate::labels;
use crate::leaves::Leaves;
use crate::packed::{Packed, Quad, WIDTH, ZEROS, lane_sum, split};
use crate::regions::{Region, Regions};
use crate::shape::Shape;
use crate::tree::{Bottom, Level, TASK, assemble};
use crate::weights::{Weights, eq_range};

/// Blocks of quads, before or after `n1` became `n1 + lambda e1`.
trait Source: Sync {
    const FRESH: bool;
    fn blocks(&self) -> usize;
    /// Blocks `2 i` and `2 i + 1`, zero beyond the end. The buffer is where a source may compute them.
    fn pair<'s>(&'s self, i: usize, buffer: &'s mut [Quad; 2]) -> [&'s Quad; 2];
}

struct Stored<'a>(&'a [Quad]);
struct Folded<'a>(&'a [Quad]);

impl Source for Leaves {
    const FRESH: bool = true;
    fn blocks(&self) -> usize {
        self.blocks()
    }
    #[inline(always)]
    fn pair<'s>(&'s self, i: usize, buffer: &'s mut [Quad; 2]) -> [&'s Quad; 2] {
        for (block, slot) in (2 * i..).zip(buffer.iter_mut()) {
            *slot = if block < self.blocks() { self.quad(block) } else { ZEROS };
        }
        let [low, high] = buffer;
        [low, high]
    }
}

#[inline(always)]
fn neighbours(quads: &[Quad], i: usize) -> [&Quad; 2] {
    match quads.get(2 * i..2 * i + 2) {
        Some([low, high]) => [low, high],
        _ => [quads.get(2 * i).unwrap_or(&ZEROS), &ZEROS],
    }
}

impl Source for Stored<'_> {
    const FRESH: bool = true;
    fn blocks(&self) -> usize {
        self.0.len()
    }
    #[inline(always)]
    fn pair<'s>(&'s self, i: usize, _: &'s mut [Quad; 2]) -> [&'s Quad; 2] {
        neighbours(self.0, i)
    }
}

impl Source for Folded<'_> {
    const FRESH: bool = false;
    fn blocks(&self) -> usize {
        self.0.len()
    }
    #[inline(always)]
    fn pair<'s>(&'s self, i: usize, _: &'s mut [Quad; 2]) -> [&'s Quad; 2] {
        neighbours(self.0, i)
    }
}

/// `sum_i inner[i] (g_i(0), leading coefficient of g_i)` over the pairs from block `at` on.
#[inline(always)]
fn run<S: Source>(source: &S, at: usize, inner: &[Packed], lambda: Packed) -> [Packed; 2] {
    let one = Packed::ONE;
    let (mut constants, mut leadings) = (Packed::ZERO, Packed::ZERO);
    let mut buffer = [ZEROS; 2];
    for (i, &weight) in inner.iter().enumerate() {
        let [x, y] = source.pair(at + i, &mut buffer);
        let (a, a1) = split(x[0], y[0]);
        let (d, d1) = split(x[3], y[3]);
        let mut constant = a * (d + one) - lambda;
        let mut leading = (a1 - a) * (d1 - d);
        let (b, b1) = split(x[1], y[1]);
        let (mut c, mut c1) = split(x[2], y[2]);
        if S::FRESH {
            c += lambda * d;
            c1 += lambda * d1;
        }
        constant += (b + one) * (c + lambda);
        leading += (b1 - b) * (c1 - c);
        constants += weight * constant;
        leadings += weight * leading;
    }
    [constants, leadings]
}

#[inline(always)]
fn fold_block<S: Source>(source: &S, block: usize, r: Packed, lambda: Packed, slot: &mut Quad) {
    let mut buffer = [ZEROS; 2];
    let [x, y] = source.pair(block, &mut buffer);
    for i in 0..4 {
        let (low, high) = split(x[i], y[i]);
        slot[i] = low + (high - low) * r;
    }
    if S::FRESH {
        slot[2] += lambda * slot[3];
    }
}

fn add(x: [K; 2], y: [K; 2]) -> [K; 2] {
    [x[0] + y[0], x[1] + y[1]]
}

fn scaled(sums: [Packed; 2], scale: K) -> [K; 2] {
    sums.map(|sum| lane_sum(sum) * scale)
}

/// The weighted sums of all pairs of a source.
fn evaluate<S: Source>(source: &S, weights: &Weights, lambda: Packed) -> [K; 2] {
    let blocks = weights.inner.len();
    let chunks = blocks.div_ceil(4 * TASK);
    let task = |t: usize| {
        let (o, first) = (t / chunks, t % chunks * 4 * TASK);
        let inner = &weights.inner[first..blocks.min(first + 4 * TASK)];
        scaled(run(source, o * blocks + first, inner, lambda), weights.outer[o])
    };
    let tasks = weights.outer.len() * chunks;
    (0..tasks).into_par_iter().with_min_len(TASK.div_ceil(blocks)).map(task).reduce(|| [K::ZERO; 2], add)
}

fn fold<S: Source>(source: &S, r: Packed, lambda: Packed) -> Vec<Quad> {
    let mut folded = vec![ZEROS; source.blocks().div_ceil(2)];
    let bind = |(block, slot): (usize, &mut Quad)| fold_block(source, block, r, lambda, slot);
    folded.par_iter_mut().with_min_len(TASK).enumerate().for_each(bind);
    folded
}

/// Folds, and evaluates the next round while the folded blocks are in the cache.
fn fold_evaluate<S: Source>(source: &S, r: Packed, lambda: Packed, next: &Weights) -> (Vec<Quad>, [K; 2]) {
    let length = 2 * next.inner.len();
    let group = TASK.div_ceil(length);
    let mut folded = vec![ZEROS; source.blocks().div_ceil(2)];
    let task = |(t, chunk): (usize, &mut [Quad])| {
        for (i, slot) in chunk.iter_mut().enumerate() {
            fold_block(source, t * group * length + i, r, lambda, slot);
        }
        let runs = chunk.chunks(length).zip(&next.outer[t * group..]);
        runs.map(|(part, &scale)| scaled(run(&Folded(part), 0, &next.inner, lambda), scale)).fold([K::ZERO; 2], add)
    };
    let sums = folded.par_chunks_mut(group * length).enumerate().map(task).reduce(|| [K::ZERO; 2], add);
    (folded, sums)
}

/// A level that is being summed.
enum State<'a> {
    Leaves(&'a Bottom),
    Stored(Level),
    Folded(Level),
}

impl State<'_> {
    fn tail(&self) -> &[[K; 4]] {
        match self {
            State::Leaves(bottom) => &bottom.tail,
            State::Stored(level) | State::Folded(level) => &level.tail,
        }
    }

    fn shapes(&self) -> Vec<(usize, &Shape)> {
        match self {
            State::Leaves(bottom) => bottom.parts.iter().map(|(region, leaves)| (*region, &leaves.shape)).collect(),
            State::Stored(level) | State::Folded(level) => {
                level.parts.iter().map(|part| (part.region, &part.shape)).collect()
            }
        }
    }

    fn is_fresh(&self) -> bool {
        !matches!(self, State::Folded(_))
    }

    /// The part's sums of this round.
    fn evaluate(&self, index: usize, weights: &Weights, lambda: Packed) -> [K; 2] {
        match self {
            State::Leaves(bottom) => evaluate(&bottom.parts[index].1, weights, lambda),
            State::Stored(level) => evaluate(&Stored(&level.parts[index].quads), weights, lambda),
            State::Folded(level) => evaluate(&Folded(&level.parts[index].quads), weights, lambda),
        }
    }

    /// The part after a round, and its sums of the next one if `next` says so.
    fn fold(&self, index: usize, r: Packed, lambda: Packed, next: Option<&Weights>) -> (Vec<Quad>, Option<[K; 2]>) {
        match self {
            State::Leaves(bottom) => fold_with(&bottom.parts[index].1, r, lambda, next),
            State::Stored(level) => fold_with(&Stored(&level.parts[index].quads), r, lambda, next),
            State::Folded(level) => fold_with(&Folded(&level.parts[index].quads), r, lambda, next),
        }
    }
}

fn fold_with<S: Source>(source: &S, r: Packed, lambda: Packed, next: Option<&Weights>) -> (Vec<Quad>, Option<[K; 2]>) {
    match next {
        Some(weights) => {
            let (quads, sums) = fold_evaluate(source, r, lambda, weights);
            (quads, Some(sums))
        }
        None => (fold(source, r, lambda), None),
    }
}

/// The prover of one level.
pub(crate) struct Layer<'a> {
    regions: &'a Regions<'a>,
    point: &'a [K],
    lambda: K,
    state: State<'a>,
    /// Distance of the state's nodes from the leaves.
    height: usize,
    /// Sums per part, where they are known already.
    known: Vec<Option<[K; 2]>>,
}

/// Eq weights shared by regions of the same size and shape.
type Cache = HashMap<(usize, Shape), Weights>;

impl<'a> Layer<'a> {
    pub fn of_leaves(regions: &'a Regions<'a>, point: &'a [K], lambda: K, bottom: &'a Bottom) -> Self {
        let known = vec![None; bottom.parts.len()];
        Self { regions, point, lambda, state: State::Leaves(bottom), height: 1, known }
    }

    pub fn of_level(regions: &'a Regions<'a>, point: &'a [K], lambda: K, level: Level, height: usize) -> Self {
        let known = vec![None; level.parts.len()];
        Self { regions, point, lambda, state: State::Stored(level), height, known }
    }

    /// Runs all rounds; returns the point, highest digit first, and the four values.
    pub fn prove(mut self, claim: K, sender: &mut Sender, progress: &Progress) -> Result<(Vec<K>, [K; 4]), Stopped> {
        let (mut target, mut bound, mut drawn) = (claim, K::ONE, Vec::with_capacity(self.point.len() + 1));
        for j in (0..self.point.len()).rev() {
            let p = self.point[j];
            let [constant, leading] = self.sums(j);
            // target = (1 - p) q(0) + p q(1); p = 0 has probability 1/|K|.
            let at1 = (target - (K::ONE - p) * constant) * p.try_inverse().unwrap_or(K::ZERO);
            let linear = at1 - constant - leading;
            let q = |x: K| (leading * x + linear) * x + constant;
            let weight = |x: K| bound * (K::ONE - p + (p + p - K::ONE) * x);
            let three = K::TWO + K::ONE;
            sender.send_many(labels::ROUND, &[weight(K::ZERO) * constant, weight(K::TWO) * q(K::TWO), weight(three) * q(three)]);
            let r = sender.draw(labels::CHALLENGE);
            (target, bound) = (q(r), weight(r));
            drawn.push(r);
            self.fold(r, j);
            progress.advance(0)?;
        }
        drawn.reverse();
        let [n0, e0, mut n1, e1] = self.state.tail().first().copied().unwrap_or_default();
        if !self.state.is_fresh() {
            n1 -= self.lambda * e1;
        }
        Ok((drawn, [n0, e0, n1, e1]))
    }

    /// The state's tail with `n1 + lambda e1` in the third place.
    fn tail(&self) -> Vec<[K; 4]> {
        let lambda = if self.state.is_fresh() { self.lambda } else { K::ZERO };
        self.state.tail().iter().map(|&[a, b, c, d]| [a, b, c + lambda * d, d]).collect()
    }

    /// Weights of the pairs of every part, given the first `j` digits of the point.
    fn weights(&self, shapes: impl Iterator<Item = (usize, Shape)>, j: usize) -> Cache {
        let mut cache = Cache::new();
        for (region, shape) in shapes {
            let size = self.regions.list[region].size;
            let digits = &self.point[self.regions.depth - size..j];
            cache.entry((size, shape)).or_insert_with_key(|(_, shape)| Weights::new(digits, shape));
        }
        cache
    }

    /// `(q(0), leading coefficient of q)` of the round that binds digit `j`.
    fn sums(&self, j: usize) -> [K; 2] {
        let shapes: Vec<(usize, Shape)> = self.state.shapes().into_iter().map(|(region, shape)| (region, shape.halved())).collect();
        let missing = shapes.iter().zip(&self.known).filter(|(_, known)| known.is_none());
        let cache = self.weights(missing.map(|(entry, _)| entry.clone()), j);
        let lambda = Packed::from(self.lambda);
        let part = |(index, (region, shape)): (usize, (usize, Shape))| {
            let Region { size, offset, .. } = self.regions.list[region];
            let sums = self.known[index].unwrap_or_else(|| self.state.evaluate(index, &cache[&(size, shape)], lambda));
            let selector = tacit_algebra::multilinear::eq_index(&self.point[..self.regions.depth - size], offset >> size);
            sums.map(|sum| sum * selector)
        };
        let parts = shapes.into_par_iter().enumerate().map(part).reduce(|| [K::ZERO; 2], add);
        add(parts, self.tail_sums(j))
    }

    fn tail_sums(&self, j: usize) -> [K; 2] {
        let tail = self.tail();
        let start = self.regions.tail_start(self.height) >> 1;
        let weights = eq_range(&self.point[..j], start, tail.len().div_ceil(2));
        let term = |(pair, weight): (&[[K; 4]], K)| {
            let [a, b, c, d] = pair[0];
            let [a1, b1, c1, d1] = pair.get(1).copied().unwrap_or_default();
            let constant = a * (K::ONE + d) + (K::ONE + b) * (c + self.lambda) - self.lambda;
            [weight * constant, weight * ((a1 - a) * (d1 - d) + (b1 - b) * (c1 - c))]
        };
        tail.chunks(2).zip(weights).map(term).fold([K::ZERO; 2], add)
    }

    /// Binds digit `j` to `r`, and evaluates the next round where that is cheap now.
    fn fold(&mut self, r: K, j: usize) {
        let lambda = Packed::from(self.lambda);
        let shapes: Vec<(usize, Shape)> = self.state.shapes().into_iter().map(|(region, shape)| (region, shape.halved())).collect();
        let next = shapes.iter().map(|(region, shape)| {
            let aligned = !shape.is_single() && (shape.rows() == 1 || *shape == shape.padded());
            let wide = shape.len() >= 8 * WIDTH && j > 0;
            (aligned && wide).then(|| (*region, shape.padded().halved()))
        });
        let next: Vec<Option<(usize, Shape)>> = next.collect();
        let cache = self.weights(next.iter().flatten().cloned(), j.saturating_sub(1));
        let part = |(index, (region, shape)): (usize, (usize, Shape))| {
            let size = self.regions.list[region].size;
            let weights = next[index].as_ref().and_then(|(_, shape)| cache.get(&(size, shape.clone())));
            let weights = weights.filter(|weights| weights.inner.len() <= 4 * TASK);
            let (quads, sums) = self.state.fold(index, Packed::from(r), lambda, weights);
            (sums, (region, shape, quads))
        };
        let folded: Vec<_> = shapes.into_par_iter().enumerate().map(part).collect();
        let tail = self.tail();
        let bind = |pair: &[[K; 4]]| {
            let high = pair.get(1).copied().unwrap_or_default();
            std::array::from_fn(|i| pair[0][i] + (high[i] - pair[0][i]) * r)
        };
        let tail: Vec<[K; 4]> = tail.chunks(2).map(bind).collect();
        self.known = folded.iter().filter(|(_, (_, shape, _))| !shape.is_single()).map(|(sums, _)| *sums).collect();
        self.state = State::Folded(assemble(folded.into_iter().map(|(_, lifted)| lifted).collect(), tail));
        self.height += 1;
    }
}
