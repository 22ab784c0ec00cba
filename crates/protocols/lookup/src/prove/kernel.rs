//! The two passes of a sumcheck round over one region's blocks: evaluate and fold.
//!
//! With c = n1 + lambda e1 the gate is `a (1 + d) + (1 + b)(c + lambda) - lambda` of `(a, b, c, d) = (n0, e0, c, e1)`: two products
//! a point, and zero where all four are zero.

use rayon::prelude::*;
use tacit_algebra::K;
use tacit_algebra::field::PrimeCharacteristicRing;

use super::leaves::Leaves;
use super::packed::{Packed, Quad, ZEROS, lane_sum, split};
use super::tree::TASK;
use super::weights::Weights;

/// Blocks of quads, before or after `n1` became `n1 + lambda e1`.
pub(crate) trait Source: Sync {
    const FRESH: bool;
    fn blocks(&self) -> usize;
    /// Blocks `2 i` and `2 i + 1`, zero beyond the end. The buffer is where a source may compute them.
    fn pair<'s>(&'s self, i: usize, buffer: &'s mut [Quad; 2]) -> [&'s Quad; 2];
    /// `(b, b1), (d, d1)` of pair `i` when all its numerators are 1 and none is padding.
    #[inline(always)]
    fn ones(&self, _: usize) -> Option<[(Packed, Packed); 2]> {
        None
    }
}

pub(crate) struct Stored<'a>(pub &'a [Quad]);
pub(crate) struct Folded<'a>(pub &'a [Quad]);

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
    #[inline(always)]
    fn ones(&self, i: usize) -> Option<[(Packed, Packed); 2]> {
        self.all_ones(2 * i, 2).then(|| {
            let ((bx, dx), (by, dy)) = (self.fingerprints(2 * i), self.fingerprints(2 * i + 1));
            [split(bx, by), split(dx, dy)]
        })
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
    let (mut buffer, mut products) = ([ZEROS; 2], Packed::ZERO);
    for (i, &weight) in inner.iter().enumerate() {
        if let Some([(b, b1), (d, d1)]) = source.ones(at + i) {
            // a = 1 and c = 1 + lambda d.
            let above = d + one;
            constants += weight * (above + (b + one) * (lambda * above + one) - lambda);
            products += weight * ((b1 - b) * (d1 - d));
            continue;
        }
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
    [constants, leadings + lambda * products]
}

#[inline(always)]
fn fold_block<S: Source>(source: &S, block: usize, r: Packed, lambda: Packed, slot: &mut Quad) {
    if let Some([(b, b1), (d, d1)]) = source.ones(block) {
        let (b, d) = (b + (b1 - b) * r, d + (d1 - d) * r);
        *slot = [Packed::ONE, b, Packed::ONE + lambda * d, d];
        return;
    }
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

pub(crate) fn add(x: [K; 2], y: [K; 2]) -> [K; 2] {
    [x[0] + y[0], x[1] + y[1]]
}

fn scaled(sums: [Packed; 2], scale: K) -> [K; 2] {
    sums.map(|sum| lane_sum(sum) * scale)
}

/// The weighted sums of all pairs of a source.
pub(crate) fn evaluate<S: Source>(source: &S, weights: &Weights, lambda: Packed) -> [K; 2] {
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

/// [`fold`], or [`fold_evaluate`] if the next round's weights are given.
pub(crate) fn fold_with<S: Source>(
    source: &S,
    r: Packed,
    lambda: Packed,
    next: Option<&Weights>,
) -> (Vec<Quad>, Option<[K; 2]>) {
    match next {
        Some(weights) => {
            let (quads, sums) = fold_evaluate(source, r, lambda, weights);
            (quads, Some(sums))
        }
        None => (fold(source, r, lambda), None),
    }
}
