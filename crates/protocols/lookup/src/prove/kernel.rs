//! The two passes of a sumcheck round over one region's blocks: evaluate and fold.
//!
//! With c = n1 + lambda e1 the gate is `a (1 + d) + (1 + b)(c + lambda) - lambda` of `(a, b, c, d) = (n0, e0, c, e1)`: two products
//! a point, and zero where all four are zero. Where all numerators are 1, `b' = lambda (1 + b) + 1` and `d'` likewise say everything,
//! the gate is `(b' d' - 1) / lambda - lambda`, one product, and its leading coefficient that of `b' d' / lambda`.

use std::ops::Range;

use rayon::prelude::*;
use tacit_algebra::K;
use tacit_algebra::field::{Field, PrimeCharacteristicRing};

use super::leaves::{Leaves, Ones};
use super::moments::Form;
use super::packed::{Packed, Quad, TILE, ZEROS, gate, lane_sum, split, touch};
use super::pairs::BoundPairs;
use super::tree::TASK;
use super::weights::Weights;

/// The lambda of a level and its inverse.
pub(crate) struct Lambda {
    pub scalar: K,
    pub packed: Packed,
    pub inverse: K,
    inverses: Packed,
}

impl Lambda {
    pub fn new(scalar: K) -> Self {
        let inverse = scalar.try_inverse().unwrap_or(K::ZERO);
        Self { scalar, packed: Packed::from(scalar), inverse, inverses: Packed::from(inverse) }
    }

    /// `(a, b, c, d)` of `(b', d')`.
    pub(crate) fn quad(&self, [b, d]: [Packed; 2]) -> Quad {
        let plain = |x: Packed| (x - Packed::ONE) * self.inverses - Packed::ONE;
        [Packed::ONE, plain(b), d - self.packed, plain(d)]
    }
}

/// Blocks of quads, before or after `n1` became `n1 + lambda e1`.
pub(crate) trait Source: Sync {
    const FRESH: bool;
    /// Blocks, those that are absent at the end not counted.
    fn blocks(&self) -> usize;
    /// Blocks `2 i` and `2 i + 1`, zero beyond the end. The buffer is where a source may compute them.
    fn pair<'s>(&'s self, i: usize, buffer: &'s mut [Quad; 2]) -> [&'s Quad; 2];
    /// Brings the blocks of [`TILE`] pairs from `i` on into the cache, where they are stored.
    #[inline(always)]
    fn bring(&self, _: usize) {}
    /// `(b', b1'), (d', d1')` of pair `i` when all its numerators are 1 and none is padding.
    #[inline(always)]
    fn ones(&self, _: usize) -> Option<[(Packed, Packed); 2]> {
        None
    }
    /// The first so many of the pairs from `at` on, and their sums, lane by lane, with the weights `inner`: where integers give them
    /// for less than values do.
    #[inline(always)]
    fn moments(&self, _at: usize, _inner: &[Packed]) -> (usize, [Packed; 2]) {
        (0, [Packed::ZERO; 2])
    }
}

/// Where the `(b', d')` of blocks without padding and with numerators 1 come from.
pub(crate) trait Shifted: Sync {
    fn at(&self, block: usize) -> [Packed; 2];
    /// As [`Source::bring`].
    #[inline(always)]
    fn bring(&self, _: usize) {}
    /// As [`Source::moments`].
    #[inline(always)]
    fn moments(&self, _at: usize, _inner: &[Packed]) -> (usize, [Packed; 2]) {
        (0, [Packed::ZERO; 2])
    }
}

impl Shifted for &[[Packed; 2]] {
    #[inline(always)]
    fn at(&self, block: usize) -> [Packed; 2] {
        self[block]
    }
    #[inline(always)]
    fn bring(&self, i: usize) {
        touch(tile(self, i).as_flattened());
    }
}

/// The blocks of [`TILE`] pairs from `i` on, as far as there are any.
#[inline(always)]
pub(crate) fn tile<T>(blocks: &[T], i: usize) -> &[T] {
    let end = blocks.len().min(2 * (i + TILE));
    &blocks[end.min(2 * i)..end]
}

#[inline(always)]
pub(crate) fn pair_of(source: &impl Shifted, i: usize) -> [(Packed, Packed); 2] {
    let ([bx, dx], [by, dy]) = (source.at(2 * i), source.at(2 * i + 1));
    [split(bx, by), split(dx, dy)]
}

#[inline(always)]
fn neighbours(quads: &[Quad], i: usize) -> [&Quad; 2] {
    match quads.get(2 * i..2 * i + 2) {
        Some([low, high]) => [low, high],
        _ => [quads.get(2 * i).unwrap_or(&ZEROS), &ZEROS],
    }
}

/// The leaves, before the first round; `ones` where that can say it all.
pub(crate) struct Fresh<'a>(pub &'a Leaves, pub Option<Ones<'a>>);

impl Source for Fresh<'_> {
    const FRESH: bool = true;
    fn blocks(&self) -> usize {
        self.0.blocks()
    }
    #[inline(always)]
    fn pair<'s>(&'s self, i: usize, buffer: &'s mut [Quad; 2]) -> [&'s Quad; 2] {
        computed(i, self.0.blocks(), buffer, |block| self.0.quad(block))
    }
    #[inline(always)]
    fn ones(&self, i: usize) -> Option<[(Packed, Packed); 2]> {
        self.1.as_ref().filter(|ones| 2 * i < ones.count).map(|ones| pair_of(ones, i))
    }
    #[inline(always)]
    fn moments(&self, at: usize, inner: &[Packed]) -> (usize, [Packed; 2]) {
        self.1.as_ref().map_or((0, [Packed::ZERO; 2]), |ones| ones.moments(at, inner))
    }
}

/// A level above the leaves, or above another such level, computed from it.
pub(crate) struct Above<B>(pub B);

/// Blocks of a level, before any round.
pub(crate) trait Blocks: Sync {
    fn count(&self) -> usize;
    fn quad(&self, block: usize) -> Quad;
    /// The nodes over a block.
    fn nodes(&self, block: usize) -> [Packed; 2];
}

impl Blocks for &Leaves {
    fn count(&self) -> usize {
        self.blocks()
    }
    #[inline(always)]
    fn quad(&self, block: usize) -> Quad {
        Leaves::quad(self, block)
    }
    #[inline(always)]
    fn nodes(&self, block: usize) -> [Packed; 2] {
        Leaves::nodes(self, block)
    }
}

impl<B: Blocks> Blocks for Above<B> {
    fn count(&self) -> usize {
        self.0.count().div_ceil(2)
    }
    #[inline]
    fn quad(&self, block: usize) -> Quad {
        let nodes = |block| if block < self.0.count() { self.0.nodes(block) } else { [Packed::ZERO; 2] };
        let ([nx, ex], [ny, ey]) = (nodes(2 * block), nodes(2 * block + 1));
        let ((n0, n1), (e0, e1)) = (split(nx, ny), split(ex, ey));
        [n0, e0, n1, e1]
    }
    #[inline]
    fn nodes(&self, block: usize) -> [Packed; 2] {
        gate(&self.quad(block))
    }
}

impl<B: Blocks> Source for Above<B> {
    const FRESH: bool = true;
    fn blocks(&self) -> usize {
        self.count()
    }
    #[inline(always)]
    fn pair<'s>(&'s self, i: usize, buffer: &'s mut [Quad; 2]) -> [&'s Quad; 2] {
        computed(i, self.count(), buffer, |block| self.quad(block))
    }
}

/// The second level; of leaves with one component and numerators 1, its gates are a form.
pub(crate) struct Second<'a>(&'a Leaves, Option<Form<2>>);

impl<'a> Second<'a> {
    pub fn new(leaves: &'a Leaves, lambda: &Lambda) -> Self {
        Self(leaves, leaves.pairs.as_ref().map(|pairs| pairs.form(lambda)))
    }
}

impl Source for Second<'_> {
    const FRESH: bool = true;
    fn blocks(&self) -> usize {
        Above(self.0).count()
    }
    #[inline(always)]
    fn pair<'s>(&'s self, i: usize, buffer: &'s mut [Quad; 2]) -> [&'s Quad; 2] {
        computed(i, self.blocks(), buffer, |block| Above(self.0).quad(block))
    }
    #[inline(always)]
    fn moments(&self, at: usize, inner: &[Packed]) -> (usize, [Packed; 2]) {
        self.1.as_ref().map_or((0, [Packed::ZERO; 2]), |form| self.0.second_moments(form, at, inner))
    }
}

/// The second level after a round.
pub(crate) struct SecondOnce<'a> {
    second: Bound<'a, Above<&'a Leaves>>,
    pairs: Option<BoundPairs>,
}

impl<'a> SecondOnce<'a> {
    pub fn new(leaves: &'a Leaves, r: K, lambda: &'a Lambda) -> Self {
        let pairs = leaves.pairs.as_ref().map(|pairs| pairs.bound(r, lambda));
        Self { second: Bound::new(Above(leaves), r, lambda), pairs }
    }

    #[inline(always)]
    pub fn quad(&self, block: usize) -> Quad {
        let computed = self.pairs.as_ref().and_then(|pairs| self.second.source.0.second_bound(pairs, block));
        computed.unwrap_or_else(|| self.second.quad(block))
    }
}

impl Source for SecondOnce<'_> {
    const FRESH: bool = false;
    fn blocks(&self) -> usize {
        self.second.blocks()
    }
    #[inline(always)]
    fn pair<'s>(&'s self, i: usize, buffer: &'s mut [Quad; 2]) -> [&'s Quad; 2] {
        computed(i, self.blocks(), buffer, |block| self.quad(block))
    }
}

/// Blocks after a round with the challenge `r`, computed from what they were.
pub(crate) struct Bound<'a, S> {
    source: S,
    r: Packed,
    lambda: &'a Lambda,
}

impl<'a, S: Source> Bound<'a, S> {
    pub fn new(source: S, r: K, lambda: &'a Lambda) -> Self {
        Self { source, r: Packed::from(r), lambda }
    }

    #[inline]
    fn quad(&self, block: usize) -> Quad {
        fold_block(&self.source, block, self.r, self.lambda)
    }
}

impl<S: Source> Source for Bound<'_, S> {
    const FRESH: bool = false;
    fn blocks(&self) -> usize {
        self.source.blocks().div_ceil(2)
    }
    #[inline(always)]
    fn pair<'s>(&'s self, i: usize, buffer: &'s mut [Quad; 2]) -> [&'s Quad; 2] {
        computed(i, self.blocks(), buffer, |block| self.quad(block))
    }
}

#[inline(always)]
fn computed(i: usize, blocks: usize, buffer: &mut [Quad; 2], quad: impl Fn(usize) -> Quad) -> [&Quad; 2] {
    for (block, slot) in (2 * i..).zip(buffer.iter_mut()) {
        *slot = if block < blocks { quad(block) } else { ZEROS };
    }
    let [low, high] = buffer;
    [low, high]
}

pub(crate) struct Stored<'a>(pub &'a [Quad]);

impl Source for Stored<'_> {
    const FRESH: bool = true;
    fn blocks(&self) -> usize {
        self.0.len()
    }
    #[inline(always)]
    fn pair<'s>(&'s self, i: usize, _: &'s mut [Quad; 2]) -> [&'s Quad; 2] {
        neighbours(self.0, i)
    }
    #[inline(always)]
    fn bring(&self, i: usize) {
        touch(tile(self.0, i).as_flattened());
    }
}

/// Blocks after a round: the first `count` (an even number) as `(b', d')`, the rest as quads.
pub(crate) struct Folded<'a, O> {
    pub ones: O,
    pub count: usize,
    pub rest: &'a [Quad],
}

impl<O: Shifted> Source for Folded<'_, O> {
    const FRESH: bool = false;
    fn blocks(&self) -> usize {
        self.count + self.rest.len()
    }
    #[inline(always)]
    fn pair<'s>(&'s self, i: usize, _: &'s mut [Quad; 2]) -> [&'s Quad; 2] {
        neighbours(self.rest, i - self.count / 2)
    }
    #[inline(always)]
    fn bring(&self, i: usize) {
        match i.checked_sub(self.count / 2) {
            Some(i) => touch(tile(self.rest, i).as_flattened()),
            None => self.ones.bring(i),
        }
    }
    #[inline(always)]
    fn ones(&self, i: usize) -> Option<[(Packed, Packed); 2]> {
        (2 * i < self.count).then(|| pair_of(&self.ones, i))
    }
    #[inline(always)]
    fn moments(&self, at: usize, inner: &[Packed]) -> (usize, [Packed; 2]) {
        self.ones.moments(at, inner)
    }
}

/// `sum_i inner[i] (g_i(0), leading coefficient of g_i)` over the pairs from `at` on. `FAR`: they may not be in the cache.
#[inline(always)]
fn run<S: Source, const FAR: bool>(source: &S, at: usize, inner: &[Packed], lambda: &Lambda) -> [Packed; 2] {
    let (one, lambda, inverse) = (Packed::ONE, lambda.packed, lambda.inverses);
    let (done, [mut constants, mut leadings]) = source.moments(at, inner);
    let (mut products, mut product_leadings, mut total) = (Packed::ZERO, Packed::ZERO, None);
    let mut buffer = [ZEROS; 2];
    for (i, &weight) in inner.iter().enumerate().skip(done) {
        if FAR && i % TILE == 0 {
            source.bring(at + i);
        }
        if let Some([(b, b1), (d, d1)]) = source.ones(at + i) {
            products += weight * (b * d);
            product_leadings += weight * ((b1 - b) * (d1 - d));
            total = Some(total.unwrap_or(Packed::ZERO) + weight);
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
    if let Some(total) = total {
        constants += (products - total) * inverse - total * lambda;
        leadings += product_leadings * inverse;
    }
    [constants, leadings]
}

pub(crate) fn add(x: [K; 2], y: [K; 2]) -> [K; 2] {
    [x[0] + y[0], x[1] + y[1]]
}

/// The weighted sums of the pairs `pairs` of a source whose first pair has the weight of pair `offset`.
fn weighted<S: Source, const FAR: bool>(
    source: &S,
    pairs: Range<usize>,
    offset: usize,
    weights: &Weights,
    lambda: &Lambda,
) -> [K; 2] {
    let (width, mut at, mut sums) = (weights.inner.len(), pairs.start, [K::ZERO; 2]);
    while at < pairs.end {
        let (o, first) = ((offset + at) / width, (offset + at) % width);
        let inner = &weights.inner[first..width.min(first + pairs.end - at)];
        let part = run::<S, FAR>(source, at, inner, lambda).map(|sum| lane_sum(sum) * weights.outer[o]);
        sums = add(sums, part);
        at += inner.len();
    }
    sums
}

/// The weighted sums of all pairs of a source.
pub(crate) fn evaluate<S: Source>(source: &S, weights: &Weights, lambda: &Lambda) -> [K; 2] {
    let pairs = weights.outer.len() * weights.inner.len();
    let task = |t: usize| weighted::<_, true>(source, t * 4 * TASK..pairs.min((t + 1) * 4 * TASK), 0, weights, lambda);
    (0..pairs.div_ceil(4 * TASK)).into_par_iter().map(task).reduce(|| [K::ZERO; 2], add)
}

/// Block `block` after the round, as a quad.
#[inline(always)]
pub(crate) fn fold_block<S: Source>(source: &S, block: usize, r: Packed, lambda: &Lambda) -> Quad {
    if let Some(pair) = source.ones(block) {
        return lambda.quad(bound(pair, r));
    }
    let mut buffer = [ZEROS; 2];
    let [x, y] = source.pair(block, &mut buffer);
    let mut quad: Quad = std::array::from_fn(|i| {
        let (low, high) = split(x[i], y[i]);
        low + (high - low) * r
    });
    if S::FRESH {
        quad[2] += lambda.packed * quad[3];
    }
    quad
}

/// `(b', d')` of a pair after the round.
#[inline(always)]
pub(crate) fn bound([(b, b1), (d, d1)]: [(Packed, Packed); 2], r: Packed) -> [Packed; 2] {
    [b + (b1 - b) * r, d + (d1 - d) * r]
}

/// The next round's weights, if it is evaluated while the folded blocks are in the cache.
pub(crate) type Next<'a> = Option<(&'a Weights, &'a Lambda)>;

/// Writes the blocks after a round, those from the first on as `(b', d')` (an even number), the others as quads. `near` brings what
/// [`TILE`] blocks are computed from into the cache.
pub(crate) fn fill(
    ones: &mut [[Packed; 2]],
    one: impl Fn(usize) -> [Packed; 2] + Sync,
    rest: &mut [Quad],
    quad: impl Fn(usize) -> Quad + Sync,
    near: impl Fn(usize) + Sync,
    next: Next<'_>,
) -> Option<[K; 2]> {
    let count = ones.len();
    let of_ones = |(t, chunk): (usize, &mut [[Packed; 2]])| {
        write(chunk, t * 2 * TASK, &one, &near);
        let folded = Folded { ones: &*chunk, count: chunk.len(), rest: &[] };
        next.map(|(weights, lambda)| weighted::<_, false>(&folded, 0..chunk.len() / 2, t * TASK, weights, lambda))
    };
    let of_rest = |(t, chunk): (usize, &mut [Quad])| {
        write(chunk, count + t * 2 * TASK, &quad, &near);
        let folded = Folded { ones: [].as_slice(), count: 0, rest: chunk };
        let pairs = 0..chunk.len().div_ceil(2);
        next.map(|(weights, lambda)| weighted::<_, false>(&folded, pairs, count / 2 + t * TASK, weights, lambda))
    };
    let join = |x: Option<[K; 2]>, y: Option<[K; 2]>| x.zip(y).map(|(x, y)| add(x, y));
    let nothing = || next.map(|_| [K::ZERO; 2]);
    let first = ones.par_chunks_mut(2 * TASK).enumerate().map(of_ones).reduce(nothing, join);
    let others = rest.par_chunks_mut(2 * TASK).enumerate().map(of_rest).reduce(nothing, join);
    join(first, others)
}

/// The blocks from number `start` on.
#[inline(always)]
fn write<const N: usize>(
    blocks: &mut [[Packed; N]],
    start: usize,
    block: impl Fn(usize) -> [Packed; N],
    near: impl Fn(usize),
) {
    for (tile, start) in blocks.chunks_mut(TILE).zip((start..).step_by(TILE)) {
        near(start);
        touch(tile.as_flattened());
        tile.iter_mut().zip(start..).for_each(|(slot, number)| *slot = block(number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_is_what_there_is_of_its_pairs() {
        let blocks: Vec<usize> = (0..2 * TILE + 3).collect();
        assert_eq!(tile(&blocks, 0), &blocks[..2 * TILE]);
        assert_eq!(tile(&blocks, 1), &blocks[2..2 * TILE + 2]);
        assert_eq!(tile(&blocks, TILE), &blocks[2 * TILE..]);
        assert_eq!(tile(&blocks, TILE + 1), &blocks[2 * TILE + 2..]);
        assert!(tile(&blocks, TILE + 2).is_empty() && tile(&blocks[..0], 0).is_empty());
    }

    /// With tiles, chunks and pairs that end early.
    #[test]
    fn blocks_are_written_in_their_places_after_what_they_need_is_near() {
        for count in [1, TILE, 3 * TILE + 1] {
            let brought = std::sync::Mutex::new(Vec::new());
            let number = |n: usize| [Packed::from(K::from_usize(n))];
            let mut blocks = vec![[Packed::ZERO]; count];
            let near = |start| brought.lock().unwrap().push(start);
            let block = |n: usize| {
                assert!(brought.lock().unwrap().iter().any(|start| (*start..start + TILE).contains(&n)));
                number(n)
            };
            write(&mut blocks, 5, block, near);
            for (n, block) in blocks.iter().enumerate() {
                assert_eq!(block[0].extract(0), number(5 + n)[0].extract(0));
            }
            assert_eq!(brought.into_inner().unwrap().len(), count.div_ceil(TILE));
        }
    }
}
