//! The levels of the fraction tree, from the leaves to the root.

use rayon::prelude::*;
use tacit_algebra::K;
use tacit_algebra::progress::{Progress, Stopped};
use tacit_circuit::{Circuit, Columns};

use super::leaves::Leaves;
use super::packed::{Packed, Quad, WIDTH, ZEROS, first, gate, gate_scalar, split};
use super::shape::Shape;
use crate::claims::Fingerprint;
use crate::regions::Regions;

/// Blocks that one task handles at least.
pub(crate) const TASK: usize = 64;

/// Values of a region's nodes at one level.
pub(crate) struct Part {
    /// Index in [`Regions::list`].
    pub region: usize,
    pub shape: Shape,
    /// In memory order, the last block filled with zeros.
    pub quads: Vec<Quad>,
}

/// A level: the children of all its nodes. Absent nodes are zero and are not stored, but for the padding of rows.
#[derive(Default)]
pub(crate) struct Level {
    /// Regions with more than one node at this level, in the order of addresses.
    pub parts: Vec<Part>,
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
    pub fn new(circuit: &Circuit, values: &dyn Columns, regions: &Regions<'_>, fingerprint: &Fingerprint) -> Self {
        let list = regions.list.as_slice();
        let make = |index: usize| (index, Leaves::new(circuit, values, &list[index], fingerprint));
        let large = list.partition_point(|region| region.size > 1);
        let open = list.partition_point(|region| region.size > 0);
        let parts = (0..large).into_par_iter().map(make).collect();
        let mut tail: Vec<[K; 4]> = (large..open).map(|index| first(&make(index).1.quad(0))).collect();
        let singles: Vec<[K; 2]> =
            list[open..].iter().map(|region| Leaves::single(circuit, values, region, fingerprint)).collect();
        tail.extend(pair_up(&singles));
        Self { parts, tail }
    }

    /// The second level: the children of the nodes two steps above the leaves.
    pub(crate) fn parents(&self) -> Level {
        let lift = |(region, leaves): &(usize, Leaves)| {
            let nodes = |block: usize| {
                if block < leaves.blocks() { leaves.nodes(block) } else { [Packed::ZERO; 2] }
            };
            (*region, leaves.shape.halved(), lift(leaves.blocks(), nodes))
        };
        assemble(self.parts.par_iter().map(lift).collect(), lift_tail(&self.tail))
    }
}

impl Level {
    fn blocks(&self) -> usize {
        self.parts.iter().map(|part| part.quads.len()).sum()
    }

    fn parents(&self) -> Level {
        let lift = |part: &Part| {
            let nodes = |block: usize| part.quads.get(block).map_or([Packed::ZERO; 2], gate);
            (part.region, part.shape.halved(), lift(part.quads.len(), nodes))
        };
        assemble(self.parts.par_iter().map(lift).collect(), lift_tail(&self.tail))
    }
}

/// Levels 2 ..= depth (distance from the leaves), the one below the root last. `None`: level 2, as large as all others together,
/// where it has more than `kept` blocks: [`Bottom::parents`] computes it again when its turn comes.
pub(crate) fn build(
    bottom: &Bottom,
    depth: usize,
    kept: usize,
    progress: &Progress,
) -> Result<Vec<Option<Level>>, Stopped> {
    let mut levels: Vec<Option<Level>> = Vec::with_capacity(depth);
    for height in 2..=depth {
        let next = levels.last().and_then(Option::as_ref).map_or_else(|| bottom.parents(), Level::parents);
        if height == 3 && levels.iter().flatten().any(|level| level.blocks() > kept) {
            levels = vec![None];
        }
        levels.push(Some(next));
        progress.advance(0)?;
    }
    Ok(levels)
}

/// Pairs of nodes, from blocks of nodes.
fn lift(blocks: usize, nodes: impl Fn(usize) -> [Packed; 2] + Sync) -> Vec<Quad> {
    let mut quads = vec![ZEROS; blocks.div_ceil(2)];
    let pair = |(i, slot): (usize, &mut Quad)| {
        let ([nx, ex], [ny, ey]) = (nodes(2 * i), nodes(2 * i + 1));
        (slot[0], slot[2]) = split(nx, ny);
        (slot[1], slot[3]) = split(ex, ey);
    };
    quads.par_iter_mut().with_min_len(TASK).enumerate().for_each(pair);
    quads
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

/// A level out of the quads of its regions, whose shapes are as the pairing left them: single nodes move in front of the tail,
/// the rows of others are padded for the next pairing.
pub(crate) fn assemble(lifted: Vec<(usize, Shape, Vec<Quad>)>, tail: Vec<[K; 4]>) -> Level {
    let (mut parts, mut joined) = (Vec::with_capacity(lifted.len()), Vec::new());
    for (region, shape, quads) in lifted {
        if shape.is_single() {
            joined.push(first(quads.first().unwrap_or(&ZEROS)));
            continue;
        }
        let padded = shape.padded();
        let quads = if shape.rows() == 1 || shape == padded { quads } else { extend(&quads, &shape, padded.width) };
        parts.push(Part { region, shape: padded, quads });
    }
    joined.extend(tail);
    Level { parts, tail: joined }
}

/// Copies rows of `shape.width` elements to rows of `to`, the rest zero.
fn extend(quads: &[Quad], shape: &Shape, to: usize) -> Vec<Quad> {
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

    fn elements(level: &Level) -> Vec<[K; 4]> {
        let quad = |quad: &Quad| (0..WIDTH).map(|lane| quad.map(|packed| packed.extract(lane))).collect::<Vec<_>>();
        level.parts.iter().flat_map(|part| part.quads.iter().flat_map(quad)).chain(level.tail.iter().copied()).collect()
    }

    #[test]
    fn a_second_level_that_is_not_kept_changes_nothing_above_it() {
        let (circuit, values) = circuit();
        let regions = Regions::new(&circuit).unwrap().unwrap();
        let fingerprint = Fingerprint { alpha: integer(12345), betas: vec![integer(3), integer(77)] };
        let bottom = Bottom::new(&circuit, &values, &regions, &fingerprint);
        let of = |kept: usize| build(&bottom, regions.depth, kept, &Progress::default()).unwrap();
        let (all, most) = (of(usize::MAX), of(0));
        assert!(all.len() == most.len() && all.len() == regions.depth - 1);
        assert!(all[0].is_some() && most[0].is_none());
        assert_eq!(elements(all[0].as_ref().unwrap()), elements(&bottom.parents()));
        for (a, b) in all.iter().zip(&most).skip(1) {
            assert_eq!(elements(a.as_ref().unwrap()), elements(b.as_ref().unwrap()));
        }
        let [n0, e0, n1, e1] = elements(all.last().unwrap().as_ref().unwrap())[0];
        assert_eq!(gate_scalar([n0, e0, n1, e1])[0], K::ZERO, "the statement holds");
    }
}
