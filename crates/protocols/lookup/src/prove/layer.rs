//! The sumcheck of one level: `N(p) + lambda E(p) = sum_y eq(p, y) gate(children of y)`.
//!
//! The restriction to one variable is `eq(p_j, X) q(X)` with q of degree 2; q is found from q(0), its leading coefficient and
//! the running claim.

use std::collections::HashMap;

use rayon::prelude::*;
use tacit_algebra::K;
use tacit_algebra::field::{Field, PrimeCharacteristicRing};
use tacit_algebra::multilinear::eq_index;
use tacit_algebra::progress::{Progress, Stopped};
use tacit_transcript::Sender;

use super::kernel::{Folded, Stored, add, evaluate, fold_with};
use super::packed::{Packed, Quad, WIDTH};
use super::shape::Shape;
use super::tree::{Bottom, Level, TASK, assemble};
use super::weights::{Weights, eq_range};
use crate::labels;
use crate::regions::{Region, Regions};

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
            sender.send_many(
                labels::ROUND,
                &[weight(K::ZERO) * constant, weight(K::TWO) * q(K::TWO), weight(three) * q(three)],
            );
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
        let shapes: Vec<(usize, Shape)> =
            self.state.shapes().into_iter().map(|(region, shape)| (region, shape.halved())).collect();
        let missing = shapes.iter().zip(&self.known).filter(|(_, known)| known.is_none());
        let cache = self.weights(missing.map(|(entry, _)| entry.clone()), j);
        let lambda = Packed::from(self.lambda);
        let part = |(index, (region, shape)): (usize, (usize, Shape))| {
            let Region { size, offset, .. } = self.regions.list[region];
            let sums = self.known[index].unwrap_or_else(|| self.state.evaluate(index, &cache[&(size, shape)], lambda));
            let selector = eq_index(&self.point[..self.regions.depth - size], offset >> size);
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
        let shapes: Vec<(usize, Shape)> =
            self.state.shapes().into_iter().map(|(region, shape)| (region, shape.halved())).collect();
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
