//! One region's nodes as a round of the sumcheck finds them.

use rayon::prelude::*;
use tacit_algebra::K;

use super::kernel::{
    Above, Blocks, Bound, Folded, Fresh, Lambda, Next, Second, SecondOnce, Shifted, Source, Stored, bound, evaluate,
    fill, fold_block, pair_of, tile,
};
use super::leaves::{Leaves, Ones};
use super::packed::{Packed, Quad, TILE, ZEROS, first, gate, touch};
use super::shape::Shape;
use super::tree::{extend, lift};
use super::weights::Weights;

/// Values of a region's nodes at one level, in memory order, the last block filled with zeros.
pub(crate) struct Part<'a> {
    /// Index in `Regions::list`.
    pub region: usize,
    pub shape: Shape,
    pub data: Data<'a>,
    /// Memory for the blocks after the next rounds: new memory costs more than a round.
    pub spares: Spares,
}

/// Up to two vectors to be used again.
#[derive(Default)]
pub(crate) struct Spares(Vec<Vec<Quad>>);

impl Spares {
    /// At least so many quads, of any value.
    fn take(&mut self, needed: usize) -> Vec<Quad> {
        let fitting = self.0.iter().enumerate().filter(|(_, memory)| memory.len() >= needed);
        match fitting.min_by_key(|(_, memory)| memory.len()) {
            Some((place, _)) => self.0.swap_remove(place),
            None => (0..needed).into_par_iter().map(|_| ZEROS).collect(),
        }
    }

    fn put(&mut self, memory: Vec<Quad>) {
        self.0.push(memory);
        self.0.sort_by_key(|memory| std::cmp::Reverse(memory.len()));
        self.0.truncate(2);
    }
}

pub(crate) enum Data<'a> {
    /// The level at a height above the leaves, after rounds with the challenges `drawn`: computed from the leaves in every pass
    /// ([`Leaves::computes`]), as it would be as large as all above it together.
    Computed {
        leaves: &'a Leaves,
        height: usize,
        drawn: Vec<K>,
    },
    Stored(Vec<Quad>),
    /// Leaves after one round, those with numerators 1 not stored.
    Once {
        leaves: &'a Leaves,
        drawn: K,
        rest: Vec<Quad>,
    },
    /// After more rounds: `ones` blocks `(b', d')`, then `rest` quads; the memory may be longer.
    Folded {
        memory: Vec<Quad>,
        ones: usize,
        rest: usize,
    },
}

/// The expression for the [`Blocks`] of a level that is computed.
macro_rules! with_level {
    ($leaves:expr, $height:expr, $level:ident => $body:expr) => {
        match $height {
            0 => {
                let $level = $leaves;
                $body
            }
            1 => {
                let $level = Above($leaves);
                $body
            }
            _ => {
                let $level = Above(Above($leaves));
                $body
            }
        }
    };
}

/// The expression for the [`Source`] of a level that is computed.
macro_rules! with_computed {
    ($leaves:expr, $height:expr, $drawn:expr, $lambda:expr, $source:ident => $body:expr) => {
        match ($height, $drawn.as_slice()) {
            (0, []) => {
                let $source = Fresh($leaves, $leaves.ones(&[], $lambda));
                $body
            }
            (0, &[r]) => {
                let $source = Bound::new(Fresh($leaves, None), r, $lambda);
                $body
            }
            (0, &[r, s, ..]) => {
                let $source = Bound::new(Bound::new(Fresh($leaves, None), r, $lambda), s, $lambda);
                $body
            }
            (1, []) => {
                let $source = Second::new($leaves, $lambda);
                $body
            }
            (1, &[r, ..]) => {
                let $source = SecondOnce::new($leaves, r, $lambda);
                $body
            }
            _ => {
                let $source = Above(Above($leaves));
                $body
            }
        }
    };
}

impl<'a> Part<'a> {
    pub fn new(region: usize, shape: Shape, data: Data<'a>) -> Self {
        Self { region, shape, data, spares: Spares::default() }
    }

    /// The sums of this round.
    pub fn evaluate(&self, weights: &Weights, lambda: &Lambda) -> [K; 2] {
        match &self.data {
            Data::Computed { leaves, height, drawn } => {
                with_computed!(*leaves, *height, drawn, lambda, source => evaluate(&source, weights, lambda))
            }
            Data::Stored(quads) => evaluate(&Stored(quads), weights, lambda),
            Data::Once { leaves, drawn, rest } => evaluate(&once(leaves, *drawn, lambda, rest), weights, lambda),
            Data::Folded { memory, ones, rest } => evaluate(&folded(memory, *ones, *rest), weights, lambda),
        }
    }

    /// The part after a round, and its sums of the next one if `next` says so. `shape`: of the halves, as they lie in memory.
    /// `aligned`: they will be paired as they lie.
    pub fn fold(
        mut self,
        r: K,
        lambda: &Lambda,
        shape: Shape,
        aligned: bool,
        next: Next<'_>,
    ) -> (Self, Option<[K; 2]>) {
        let packed = Packed::from(r);
        let mut target = |ones: usize, blocks: usize| (ones, blocks - ones, self.spares.take(ones / 2 + blocks - ones));
        let ((sums, data), used) = match self.data {
            Data::Computed { leaves, height: 0, drawn } if aligned && leaves.shifts(&drawn, lambda) => {
                let count = leaves.ones(&[r], lambda).map_or(0, |ones| ones.count);
                let blocks = count..leaves.blocks().div_ceil(2);
                let rest = blocks.map(|block| fold_block(&Fresh(leaves, None), block, packed, lambda));
                ((None, Data::Once { leaves, drawn: r, rest: rest.collect() }), None)
            }
            Data::Computed { leaves, height, mut drawn } if aligned && leaves.computes(height, drawn.len() + 1) => {
                drawn.push(r);
                ((None, Data::Computed { leaves, height, drawn }), None)
            }
            Data::Computed { leaves, height: 1, drawn } if drawn.is_empty() => {
                let source = SecondOnce::new(leaves, r, lambda);
                let to = target(0, source.blocks());
                (fill_both(|_| [Packed::ZERO; 2], |block| source.quad(block), |_| (), to, next), None)
            }
            Data::Computed { leaves, height, drawn } => {
                let folded = with_computed!(leaves, height, drawn, lambda, source => {
                    with_quads(&source, packed, lambda, target(0, source.blocks().div_ceil(2)), next)
                });
                (folded, None)
            }
            Data::Stored(quads) => {
                let to = target(0, quads.len().div_ceil(2));
                (with_quads(&Stored(&quads), packed, lambda, to, next), Some(quads))
            }
            Data::Once { leaves, drawn, rest } => {
                let source = once(leaves, drawn, lambda, &rest);
                let blocks = (source.count + rest.len()).div_ceil(2);
                let folded = match leaves.ones(&[drawn, r], lambda).filter(|_| aligned) {
                    Some(after) => {
                        let to = target(after.count, blocks);
                        with_ones(&source, |block| after.at(block), packed, lambda, to, next)
                    }
                    None => with_quads(&source, packed, lambda, target(0, blocks), next),
                };
                (folded, None)
            }
            Data::Folded { memory, ones, rest } => {
                let source = folded(&memory, ones, rest);
                let kept = if aligned { (ones / 2) & !1 } else { 0 };
                let one = |block| bound(pair_of(&source.ones, block), packed);
                let to = target(kept, (ones + rest).div_ceil(2));
                (with_ones(&source, one, packed, lambda, to, next), Some(memory))
            }
        };
        used.into_iter().for_each(|memory| self.spares.put(memory));
        (Self { region: self.region, shape, data, spares: self.spares }, sums)
    }

    /// The parts for the next pairing, of nodes that lie in memory as the last one left them; a single node alone.
    pub fn settle(mut self) -> Result<Self, ([K; 4], Spares)> {
        if self.shape.is_single() {
            let memory = self.data.into_memory();
            let node = first(memory.first().unwrap_or(&ZEROS));
            self.spares.put(memory);
            return Err((node, self.spares));
        }
        let padded = self.shape.padded();
        if self.shape.rows() > 1 && self.shape != padded {
            self.data = match self.data {
                Data::Folded { memory, rest, .. } => {
                    let quads = extend(&memory[..rest], &self.shape, padded.width);
                    let rest = quads.len();
                    self.spares.put(memory);
                    Data::Folded { memory: quads, ones: 0, rest }
                }
                Data::Stored(quads) => Data::Stored(extend(&quads, &self.shape, padded.width)),
                computed => Data::Stored(extend(&computed.quads(), &self.shape, padded.width)),
            };
        }
        self.shape = padded;
        Ok(self)
    }

    /// The next level's part, before it is settled.
    pub fn parents(&self) -> Self {
        let quads = match &self.data {
            Data::Computed { leaves, height, .. } if leaves.computes(height + 1, 0) => {
                let data = Data::Computed { leaves, height: height + 1, drawn: Vec::new() };
                return Self::new(self.region, self.shape.halved(), data);
            }
            Data::Computed { leaves, height, .. } => {
                with_level!(*leaves, height, level => lift(level.count(), |block| level.nodes(block)))
            }
            data => {
                let quads = data.stored();
                lift(quads.len(), |block| {
                    if block % (2 * TILE) == 0 {
                        touch(tile(quads, block / 2).as_flattened());
                    }
                    gate(&quads[block])
                })
            }
        };
        Self::new(self.region, self.shape.halved(), Data::Stored(quads))
    }
}

impl<'a> Data<'a> {
    /// The leaves.
    pub fn leaves(leaves: &'a Leaves) -> Self {
        Self::Computed { leaves, height: 0, drawn: Vec::new() }
    }

    /// The quads of a level that is stored.
    pub fn stored(&self) -> &[Quad] {
        match self {
            Data::Stored(quads) => quads,
            _ => &[],
        }
    }

    /// The quads of what no round has bound.
    pub fn quads(&self) -> Vec<Quad> {
        match self {
            Data::Computed { leaves, height, .. } => with_level!(*leaves, height, level => {
                (0..level.count()).into_par_iter().map(|block| level.quad(block)).collect()
            }),
            data => data.stored().to_vec(),
        }
    }

    fn into_memory(self) -> Vec<Quad> {
        match self {
            Data::Stored(memory) | Data::Folded { memory, .. } => memory,
            Data::Once { rest, .. } => rest,
            computed => computed.quads(),
        }
    }
}

fn folded(memory: &[Quad], ones: usize, rest: usize) -> Folded<'_, &[[Packed; 2]]> {
    let (first, others) = memory.split_at(ones / 2);
    Folded { ones: first.as_flattened().as_chunks().0, count: ones, rest: &others[..rest] }
}

/// Leaves after one round.
fn once<'a>(leaves: &'a Leaves, drawn: K, lambda: &Lambda, rest: &'a [Quad]) -> Folded<'a, Ones<'a>> {
    let ones = leaves.ones(&[drawn], lambda).expect("leaves without such blocks are folded to quads");
    Folded { count: ones.count, ones, rest }
}

/// Number of blocks `(b', d')`, of quads, and the memory for them.
type Target = (usize, usize, Vec<Quad>);
type Filled<'a> = (Option<[K; 2]>, Data<'a>);

fn with_quads<'a, S: Source>(source: &S, r: Packed, lambda: &Lambda, to: Target, next: Next<'_>) -> Filled<'a> {
    with_ones(source, |_| [Packed::ZERO; 2], r, lambda, to, next)
}

fn with_ones<'a, S: Source>(
    source: &S,
    one: impl Fn(usize) -> [Packed; 2] + Sync,
    r: Packed,
    lambda: &Lambda,
    to: Target,
    next: Next<'_>,
) -> Filled<'a> {
    fill_both(one, |block| fold_block(source, block, r, lambda), |block| source.bring(block), to, next)
}

fn fill_both<'a>(
    one: impl Fn(usize) -> [Packed; 2] + Sync,
    quad: impl Fn(usize) -> Quad + Sync,
    near: impl Fn(usize) + Sync,
    (ones, rest, mut memory): Target,
    next: Next<'_>,
) -> Filled<'a> {
    let (first, others) = memory.split_at_mut(ones / 2);
    let first = first.as_flattened_mut().as_chunks_mut().0;
    let sums = fill(first, one, &mut others[..rest], quad, near, next);
    (sums, Data::Folded { memory, ones, rest })
}

#[cfg(test)]
mod tests {
    use tacit_algebra::field::{BasedVectorSpace, PrimeCharacteristicRing};
    use tacit_algebra::{F, integer};
    use tacit_circuit::{Circuit, Column, Home, Lookup, Map, Sum, Table, Term, Values, View};

    use super::*;
    use crate::claims::Fingerprint;
    use crate::prove::packed::WIDTH;
    use crate::regions::{Kind, Region};

    fn element(seed: u64) -> K {
        K::from_basis_coefficients_fn(|i| F::from_u64((seed * 3 + i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// The leaves of a lookup of one or two components.
    fn leaves(axes: &[u64], width: u32, lean: bool) -> Leaves {
        let length = axes.iter().product::<u64>();
        let column = |name: &str| Column { name: name.into(), shape: axes.to_vec(), bytes: 8, home: Home::Witness };
        let component = |column: u32| {
            let map = |axis| Map::Affine { offset: 0, terms: vec![(axis, 1)] };
            let view = View { column, maps: (0..axes.len() as u16).map(map).collect() };
            let term = Term { coefficient: F::ONE, factors: vec![view] };
            Sum { axes: axes.to_vec(), outputs: axes.len() as u16, terms: vec![term] }
        };
        let cells = |step: i64| (0..length as i64).map(|i| i * i * step % 1009 - 500).collect();
        let values = Values { columns: vec![cells(1), cells(-7)] };
        let circuit = Circuit {
            columns: vec![column("a"), column("b")],
            tables: vec![Table { name: "table".into(), width: width as u16, segments: Vec::new() }],
            ..Circuit::default()
        };
        let lookup = Lookup { name: "lookup".into(), table: 0, components: (0..width).map(component).collect() };
        let region = Region { kind: Kind::Lookup(&lookup), axes, tag: 1, size: 0, offset: 0 };
        let fingerprint = Fingerprint { alpha: element(1), betas: vec![element(2), element(3), integer(-4)] };
        Leaves::new(&circuit, &values, &region, &fingerprint, lean)
    }

    fn elements(quads: &[Quad]) -> Vec<[K; 4]> {
        quads.iter().flat_map(|quad| (0..WIDTH).map(|lane| quad.map(|packed| packed.extract(lane)))).collect()
    }

    /// Blocks after rounds as values, the third with lambda.
    fn values(data: &Data<'_>, lambda: &Lambda) -> Vec<[K; 4]> {
        fn all<O: Shifted>(source: &Folded<'_, O>, lambda: &Lambda) -> Vec<[K; 4]> {
            let ones: Vec<Quad> = (0..source.count).map(|block| lambda.quad(source.ones.at(block))).collect();
            [elements(&ones), elements(source.rest)].concat()
        }
        match data {
            Data::Once { leaves, drawn, rest } => all(&once(leaves, *drawn, lambda, rest), lambda),
            Data::Folded { memory, ones, rest } => all(&folded(memory, *ones, *rest), lambda),
            Data::Computed { leaves, height, drawn } if !drawn.is_empty() => {
                with_computed!(*leaves, *height, drawn, lambda, source => {
                    let pair = |i| source.pair(i, &mut [ZEROS; 2]).map(|quad| *quad);
                    let quads: Vec<Quad> = (0..source.blocks().div_ceil(2)).flat_map(pair).collect();
                    elements(&quads[..source.blocks()])
                })
            }
            data => {
                let plain = |[n0, e0, n1, e1]: [K; 4]| [n0, e0, n1 + lambda.scalar * e1, e1];
                elements(&data.quads()).into_iter().map(plain).collect()
            }
        }
    }

    #[test]
    fn rounds_bind_one_digit_after_another() {
        for (axes, lambda) in [
            (vec![37], element(9)),
            (vec![16 * WIDTH as u64], element(9)),
            (vec![1000], element(9)),
            (vec![4099], element(10)),
            (vec![4099], K::ZERO),
            (vec![9, 512], element(11)),
            (vec![33, 197], element(12)),
        ] {
            let lambda = Lambda::new(lambda);
            let levels = [(false, 0), (false, 1), (true, 0), (true, 1), (true, 2)];
            for (width, (lean, height)) in [1, 2].into_iter().flat_map(|width| levels.map(|level| (width, level))) {
                let leaves = leaves(&axes, width, lean);
                for aligned in [true, false] {
                    let mut part = Part::new(0, leaves.shape.clone(), Data::leaves(&leaves));
                    (0..height).for_each(|_| part = part.parents());
                    assert!(matches!(&part.data, Data::Computed { height: found, .. } if *found == height));
                    let mut expected = values(&part.data, &lambda);
                    for round in 0..4 {
                        let r = element(20 + round);
                        let bind = |pair: &[[K; 4]]| {
                            let high = pair.get(1).copied().unwrap_or_default();
                            std::array::from_fn(|i| pair[0][i] + (high[i] - pair[0][i]) * r)
                        };
                        expected = expected.chunks(2).map(bind).collect();
                        let shape = leaves.shape.clone();
                        part = part.fold(r, &lambda, shape, aligned, None).0;
                        let mut found = values(&part.data, &lambda);
                        found.truncate(expected.len());
                        assert!(found == expected, "{axes:?} {width} {lean} {height} {aligned} {round}");
                    }
                }
            }
        }
    }
}
