//! The levels of the fraction tree, from the leaves to the root.

use rayon::prelude::*;
use tacit_algebra::K;
use tacit_algebra::progress::{Progress, Stopped};
use tacit_circuit::{Circuit, Columns};

use super::leaves::Leaves;
use super::packed::{Packed, Quad, WIDTH, first, gate_scalar, split};
use super::part::{Data, Part, Spares};
use super::shape::Shape;
use crate::claims::Fingerprint;
use crate::regions::Regions;

/// Blocks that one task handles at least.
pub(crate) const TASK: usize = 64;

/// A level: the children of all its nodes. Absent nodes are zero and are not stored, but for the padding of rows.
#[derive(Default)]
pub(crate) struct Level<'a> {
    /// Regions with more than one node at this level, in the order of addresses.
    pub parts: Vec<Part<'a>>,
    /// The nodes of all other regions, from [`Regions::tail_start`] on.
    pub tail: Vec<[K; 4]>,
}

/// The leaves, in pairs: of large regions as what they are computed from, of the others as values.
pub(crate) struct Bottom {
    /// Regions with more than two addresses.
    pub parts: Vec<(usize, Leaves)>,
    /// Pairs of the remaining leaves, in the order of addresses.
    pub tail: Vec<[K; 4]>,
}

impl Bottom {
    /// `lean`: as [`Leaves::computes`] has it.
    pub fn new(
        circuit: &Circuit,
        values: &dyn Columns,
        regions: &Regions<'_>,
        fingerprint: &Fingerprint,
        lean: bool,
    ) -> Self {
        let list = regions.list.as_slice();
        let make = |index: usize| (index, Leaves::new(circuit, values, &list[index], fingerprint, lean));
        let large = list.partition_point(|region| region.size > 1);
        let open = list.partition_point(|region| region.size > 0);
        let parts = (0..large).into_par_iter().map(make).collect();
        let mut tail: Vec<[K; 4]> = (large..open).map(|index| first(&make(index).1.quad(0))).collect();
        let singles: Vec<[K; 2]> =
            list[open..].iter().map(|region| Leaves::single(circuit, values, region, fingerprint)).collect();
        tail.extend(pair_up(&singles));
        Self { parts, tail }
    }

    /// The leaves as a level.
    pub fn level<'a>(&'a self) -> Level<'a> {
        let part =
            |(region, leaves): &'a (usize, Leaves)| Part::new(*region, leaves.shape.clone(), Data::leaves(leaves));
        Level { parts: self.parts.iter().map(part).collect(), tail: self.tail.clone() }
    }
}

impl<'a> Level<'a> {
    fn parents(&self) -> Level<'a> {
        assemble(self.parts.par_iter().map(Part::parents).collect(), lift_tail(&self.tail)).0
    }
}

/// Levels 1 ..= depth (distance from the leaves), the one below the root last.
pub(crate) fn build<'a>(bottom: &'a Bottom, depth: usize, progress: &Progress) -> Result<Vec<Level<'a>>, Stopped> {
    let mut levels = vec![bottom.level()];
    for _ in 1..depth {
        let next = levels.last().map(Level::parents).unwrap_or_default();
        levels.push(next);
        progress.advance(0)?;
    }
    Ok(levels)
}

/// Pairs of nodes, from blocks of nodes.
pub(crate) fn lift(blocks: usize, nodes: impl Fn(usize) -> [Packed; 2] + Sync) -> Vec<Quad> {
    let nodes = |block| if block < blocks { nodes(block) } else { [Packed::ZERO; 2] };
    let pair = |i: usize| -> Quad {
        let ([nx, ex], [ny, ey]) = (nodes(2 * i), nodes(2 * i + 1));
        let ((n0, n1), (e0, e1)) = (split(nx, ny), split(ex, ey));
        [n0, e0, n1, e1]
    };
    (0..blocks.div_ceil(2)).into_par_iter().with_min_len(TASK).map(pair).collect()
}

fn lift_tail(tail: &[[K; 4]]) -> Vec<[K; 4]> {
    let nodes: Vec<[K; 2]> = tail.iter().map(|&quad| gate_scalar(quad)).collect();
    pair_up(&nodes)
}

fn pair_up(nodes: &[[K; 2]]) -> Vec<[K; 4]> {
    let pair = |pair: &[[K; 2]]| {
        let [n0, e0] = pair[0];
        let [n1, e1] = pair.get(1).copied().unwrap_or_default();
        [n0, e0, n1, e1]
    };
    nodes.chunks(2).map(pair).collect()
}

/// A level out of its regions, which lie as the pairing left them: single nodes move in front of the tail, the rows of others are padded
/// for the next pairing. Also the memory that single nodes no longer need, by region.
pub(crate) fn assemble<'a>(lifted: Vec<Part<'a>>, tail: Vec<[K; 4]>) -> (Level<'a>, Vec<(usize, Spares)>) {
    let (mut parts, mut joined, mut spares) = (Vec::with_capacity(lifted.len()), Vec::new(), Vec::new());
    for part in lifted {
        let region = part.region;
        match part.settle() {
            Ok(part) => parts.push(part),
            Err((node, spare)) => {
                joined.push(node);
                spares.push((region, spare));
            }
        }
    }
    joined.extend(tail);
    (Level { parts, tail: joined }, spares)
}

/// Copies rows of `shape.width` elements to rows of `to`, the rest zero.
pub(crate) fn extend(quads: &[Quad], shape: &Shape, to: usize) -> Vec<Quad> {
    use tacit_algebra::F;
    use tacit_algebra::field::{PackedValue, PrimeCharacteristicRing};

    use super::packed::Lanes;

    let rows = shape.rows();
    let word = |at: usize, which: usize, i: usize| -> F { quads[at / WIDTH][which].0[i].as_slice()[at % WIDTH] };
    let block = |block: usize| -> Quad {
        let mut sources = [usize::MAX; WIDTH];
        for (lane, source) in sources.iter_mut().enumerate() {
            let (row, column) = ((block * WIDTH + lane) / to, (block * WIDTH + lane) % to);
            if row < rows && column < shape.width {
                *source = row * shape.width + column;
            }
        }
        std::array::from_fn(|which| {
            Packed(std::array::from_fn(|i| {
                Lanes::from_fn(|lane| if sources[lane] == usize::MAX { F::ZERO } else { word(sources[lane], which, i) })
            }))
        })
    };
    (0..(rows * to).div_ceil(WIDTH)).into_par_iter().with_min_len(TASK).map(block).collect()
}

#[cfg(test)]
mod tests {
    use tacit_algebra::field::PrimeCharacteristicRing;
    use tacit_algebra::{F, integer};
    use tacit_circuit::{Column, Home, Lookup, Map, Rule, Segment, Sum, Table, Term, Values, View};

    use super::*;

    /// One lookup of 37 cells in a table of 50 rows.
    fn circuit() -> (Circuit, Values) {
        let column = |name: &str, length: u64, home| Column { name: name.into(), shape: vec![length], bytes: 8, home };
        let columns = vec![column("cells", 37, Home::Witness), column("counts", 50, Home::Count)];
        let view = View { column: 0, maps: vec![Map::Affine { offset: 0, terms: vec![(0, 1)] }] };
        let component =
            Sum { axes: vec![37], outputs: 1, terms: vec![Term { coefficient: F::ONE, factors: vec![view] }] };
        let segment = Segment { entries: 50, count: 1, rules: vec![Rule::Iota(0)] };
        let tables = vec![Table { name: "range".into(), width: 1, segments: vec![segment] }];
        let lookups = vec![Lookup { name: "in range".into(), table: 0, components: vec![component] }];
        let cells: Vec<i64> = (0..37).map(|i| i * i % 50).collect();
        let count = |row: i64| cells.iter().filter(|&&cell| cell == row).count() as i64;
        let values = Values { columns: vec![cells.clone(), (0..50).map(count).collect()] };
        (Circuit { columns, tables, lookups, ..Circuit::default() }, values)
    }

    fn elements(level: &Level<'_>) -> Vec<[K; 4]> {
        let quad = |quad: &Quad| (0..WIDTH).map(|lane| quad.map(|packed| packed.extract(lane))).collect::<Vec<_>>();
        level
            .parts
            .iter()
            .flat_map(|part| {
                let quads = part.data.quads();
                let all: Vec<[K; 4]> = quads.iter().flat_map(quad).collect();
                all.into_iter().take(part.shape.len())
            })
            .chain(level.tail.iter().copied())
            .collect()
    }

    #[test]
    fn every_level_is_the_gate_of_the_one_below() {
        let (circuit, values) = circuit();
        let regions = Regions::new(&circuit).unwrap().unwrap();
        let fingerprint = Fingerprint { alpha: integer(12345), betas: vec![integer(3), integer(77)] };
        for lean in [false, true] {
            let bottom = Bottom::new(&circuit, &values, &regions, &fingerprint, lean);
            let levels = build(&bottom, regions.depth, &Progress::default()).unwrap();
            assert_eq!(levels.len(), regions.depth);
            assert!(matches!(levels[1].parts[0].data, Data::Computed { height: 1, .. }));
            assert_eq!(matches!(levels[2].parts[0].data, Data::Computed { height: 2, .. }), lean);
            assert!(matches!(levels[3].parts[0].data, Data::Stored(_)));
            // 37 and 50 leaves, padded by rows of 2: every region's nodes in the order of addresses, absent ones left out.
            let naive = |below: &[[K; 4]]| -> Vec<[K; 4]> {
                pair_up(&below.iter().map(|&quad| gate_scalar(quad)).collect::<Vec<_>>())
            };
            for pair in levels.windows(2) {
                let below: Vec<Vec<[K; 4]>> = regions_of(&pair[0]);
                let above: Vec<[K; 4]> =
                    below.iter().flat_map(|nodes| naive(nodes)).filter(|quad| *quad != [K::ZERO; 4]).collect();
                let found: Vec<[K; 4]> = elements(&pair[1]).into_iter().filter(|quad| *quad != [K::ZERO; 4]).collect();
                assert_eq!(found, above);
            }
            let [n0, e0, n1, e1] = elements(levels.last().unwrap())[0];
            assert_eq!(gate_scalar([n0, e0, n1, e1])[0], K::ZERO, "the statement holds");
        }
    }

    /// The nodes of every region of a level, the tail as one.
    fn regions_of(level: &Level<'_>) -> Vec<Vec<[K; 4]>> {
        let alone = |part: &Part<'_>| {
            let part = Part::new(part.region, part.shape.clone(), Data::Stored(part.data.quads()));
            elements(&Level { parts: vec![part], tail: Vec::new() })
        };
        level.parts.iter().map(alone).chain([level.tail.clone()]).collect()
    }
}
