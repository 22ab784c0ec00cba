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

use super::kernel::{Lambda, add};
use super::packed::WIDTH;
use super::part::{Part, Spares};
use super::shape::Shape;
use super::tree::{Level, assemble};
use super::weights::{Weights, eq_range};
use crate::labels;
use crate::regions::{Region, Regions};

/// Memory of the regions' earlier levels.
pub(crate) type Memory = HashMap<usize, Spares>;

/// The prover of one level.
pub(crate) struct Layer<'a> {
    regions: &'a Regions<'a>,
    point: &'a [K],
    lambda: Lambda,
    level: Level<'a>,
    /// `n1` has not become `n1 + lambda e1`.
    fresh: bool,
    /// Distance of the nodes from the leaves.
    height: usize,
    /// Sums per part, where they are known already.
    known: Vec<Option<[K; 2]>>,
    memory: &'a mut Memory,
}

/// A region, or the size of one, and a shape.
type Key = (usize, Shape);

/// Eq weights shared by regions of the same size and shape.
type Cache = HashMap<Key, Weights>;

impl<'a> Layer<'a> {
    pub fn new(
        regions: &'a Regions<'a>,
        point: &'a [K],
        lambda: K,
        mut level: Level<'a>,
        height: usize,
        memory: &'a mut Memory,
    ) -> Self {
        for part in &mut level.parts {
            part.spares = memory.remove(&part.region).unwrap_or_default();
        }
        let known = vec![None; level.parts.len()];
        Self { regions, point, lambda: Lambda::new(lambda), level, fresh: true, height, known, memory }
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
        let [n0, e0, mut n1, e1] = self.level.tail.first().copied().unwrap_or_default();
        if !self.fresh {
            n1 -= self.lambda.scalar * e1;
        }
        Ok((drawn, [n0, e0, n1, e1]))
    }

    /// The state's tail with `n1 + lambda e1` in the third place.
    fn tail(&self) -> Vec<[K; 4]> {
        let lambda = if self.fresh { self.lambda.scalar } else { K::ZERO };
        self.level.tail.iter().map(|&[a, b, c, d]| [a, b, c + lambda * d, d]).collect()
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

    /// Regions and shapes of the parts after the next pairing.
    fn halved(&self) -> Vec<(usize, Shape)> {
        self.level.parts.iter().map(|part| (part.region, part.shape.halved())).collect()
    }

    /// `(q(0), leading coefficient of q)` of the round that binds digit `j`.
    fn sums(&self, j: usize) -> [K; 2] {
        let shapes = self.halved();
        let missing = shapes.iter().zip(&self.known).filter(|(_, known)| known.is_none());
        let cache = self.weights(missing.map(|(entry, _)| entry.clone()), j);
        let part = |(index, (region, shape)): (usize, (usize, Shape))| {
            let Region { size, offset, .. } = self.regions.list[region];
            let evaluate = || self.level.parts[index].evaluate(&cache[&(size, shape)], &self.lambda);
            let sums = self.known[index].unwrap_or_else(evaluate);
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
        let lambda = self.lambda.scalar;
        let term = |(pair, weight): (&[[K; 4]], K)| {
            let [a, b, c, d] = pair[0];
            let [a1, b1, c1, d1] = pair.get(1).copied().unwrap_or_default();
            let constant = a * (K::ONE + d) + (K::ONE + b) * (c + lambda) - lambda;
            [weight * constant, weight * ((a1 - a) * (d1 - d) + (b1 - b) * (c1 - c))]
        };
        tail.chunks(2).zip(weights).map(term).fold([K::ZERO; 2], add)
    }

    /// Binds digit `j` to `r`, and evaluates the next round where that is cheap now.
    fn fold(&mut self, r: K, j: usize) {
        let shapes = self.halved();
        let aligned = |shape: &Shape| !shape.is_single() && (shape.rows() == 1 || *shape == shape.padded());
        let next = shapes.iter().map(|(region, shape)| {
            let wide = shape.len() >= 8 * WIDTH && j > 0;
            (aligned(shape) && wide).then(|| (*region, shape.padded().halved()))
        });
        let next: Vec<Option<Key>> = next.collect();
        let cache = self.weights(next.iter().flatten().cloned(), j.saturating_sub(1));
        let part = |((part, (region, shape)), next): ((Part<'a>, Key), &Option<Key>)| {
            let size = self.regions.list[region].size;
            let weights = next.as_ref().and_then(|(_, shape)| cache.get(&(size, shape.clone())));
            let aligned = aligned(&shape);
            part.fold(r, &self.lambda, shape, aligned, weights.map(|weights| (weights, &self.lambda)))
        };
        let parts = std::mem::take(&mut self.level.parts);
        let folded = parts.into_par_iter().zip(shapes).zip(&next).map(part);
        let (parts, sums): (Vec<Part<'a>>, Vec<Option<[K; 2]>>) = folded.unzip();
        let tail = self.tail();
        let bind = |pair: &[[K; 4]]| {
            let high = pair.get(1).copied().unwrap_or_default();
            std::array::from_fn(|i| pair[0][i] + (high[i] - pair[0][i]) * r)
        };
        let tail: Vec<[K; 4]> = tail.chunks(2).map(bind).collect();
        let known = parts.iter().zip(sums).filter(|(part, _)| !part.shape.is_single());
        self.known = known.map(|(_, sums)| sums).collect();
        let (level, spares) = assemble(parts, tail);
        self.memory.extend(spares);
        self.level = level;
        self.fresh = false;
        self.height += 1;
    }
}
