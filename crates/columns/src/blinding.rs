//! Rows that hold no column: where the uniform cells of a hiding layout lie (`docs/hiding.md`).

use std::ops::Range;

use tacit_algebra::multilinear::bits;
use tacit_circuit::ColumnId;
use tacit_transcript::Invalid;

use crate::layout::{Block, Layout, place};

/// Limbs that hold the rows T.
const TRACED: usize = 4;
/// Coordinates of an address, at most.
const MOST_LOG_LIMBS: usize = 16;
/// Coordinates of an address where something is hidden, at least: with fewer the rounds over limbs are not proved to be uniform.
pub const LEAST_LOG_LIMBS: usize = 5;

/// What the hiding mode adds to the witness commitment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hiding {
    /// Elements of K: pads, their products, dummies.
    pub pads: u64,
    /// The rows T, ascending and disjoint: uniform in four limbs.
    pub trace: Vec<Range<u64>>,
    /// Queries to oracle 0.
    pub queries: u64,
    /// Columns that have a commitment of their own, in the order of these.
    pub named: Vec<ColumnId>,
}

/// Rows at the top of every limb on which no column lies where something is hidden: one for every opened row, three for every one of the
/// `log_limbs + 1` mask limbs, three for the key's seal.
pub fn clear_rows(queries: u64, log_limbs: usize) -> u64 {
    3u64.saturating_mul(log_limbs as u64).saturating_add(6).saturating_add(queries)
}

impl Hiding {
    fn clear(&self, log_limbs: usize) -> u64 {
        clear_rows(self.queries, log_limbs)
    }

    /// The kept rows of the `k0 + 1` limbs at the addresses 0, 1, 2, 4, ..
    fn special(&self, log_rows: usize, log_limbs: usize) -> Result<Vec<Kept>, Invalid> {
        let short = Invalid::Circuit("limbs are too short to hide in");
        let rows = 1u64.checked_shl(log_rows as u32).ok_or(short.clone())?;
        let mask = rows.checked_sub(self.clear(log_limbs)).ok_or(short.clone())?..rows;
        let free = self.trace.iter().all(|run| run.end <= mask.start || run.start >= mask.end);
        if !free || log_limbs.saturating_add(1) < TRACED {
            return Err(short);
        }
        let noise = |limb: usize| if limb < TRACED { self.trace.clone() } else { Vec::new() };
        Ok((0..=log_limbs).map(|limb| Kept { noise: noise(limb), mask: mask.clone() }).collect())
    }

    fn ordinary(&self, log_rows: usize, log_limbs: usize) -> Kept {
        Kept::top(log_rows, self.clear(log_limbs))
    }
}

/// The columns of a layout that no circuit names; their cells are uniform. Their identifiers follow those of the circuit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uniform {
    /// Shape [variables, 3]. Its cells are uniform, or products of such.
    pub pads: Option<ColumnId>,
    /// One per mask limb.
    pub masks: Vec<ColumnId>,
    /// Of every commitment; of weight zero in every claim.
    pub noise: Vec<Option<ColumnId>>,
    /// Of every column that has a commitment of its own: shape [3], in that commitment.
    pub seals: Vec<ColumnId>,
}

/// The mask columns of a layout and their lengths.
pub fn mask_columns(layout: &Layout) -> Vec<(ColumnId, u64)> {
    let length = |id: ColumnId| layout.shape_of(id).map_or(0, |shape| shape.iter().product());
    layout.uniform().masks.iter().map(|&id| (id, length(id))).collect()
}

/// The rows of a limb that no column may use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    pub noise: Vec<Range<u64>>,
    pub mask: Range<u64>,
}

impl Kept {
    fn top(log_rows: usize, count: u64) -> Self {
        let rows = 1u64.checked_shl(log_rows as u32).unwrap_or(0);
        let run = rows.saturating_sub(count)..rows;
        Self { noise: if count == 0 { Vec::new() } else { vec![run] }, mask: 0..0 }
    }

    /// The largest aligned chunks `(exponent, row)` of a limb of `2^rows` rows that hold no kept row.
    pub(crate) fn free(&self, rows: u32) -> Vec<(u32, u64)> {
        let (mut found, mut open) = (Vec::new(), vec![(rows, 0u64)]);
        let runs = || self.noise.iter().chain(std::iter::once(&self.mask)).filter(|run| run.start < run.end);
        while let Some((e, row)) = open.pop() {
            let end = row.saturating_add(1u64.checked_shl(e).unwrap_or(0));
            if runs().all(|run| run.end <= row || run.start >= end) {
                found.push((e, row));
            } else if !runs().any(|run| run.start <= row && run.end >= end) {
                let half = e.saturating_sub(1);
                open.extend([(half, row), (half, row | 1 << half)]);
            }
        }
        found
    }
}

/// Blocks of all commitments (addresses count within each), limbs, and the kept rows of every limb.
pub(crate) struct Arrangement {
    pub blocks: Vec<Vec<Block>>,
    pub widths: Vec<usize>,
    /// Coordinates of an address.
    pub log_limbs: usize,
    pub kept: Vec<Vec<Kept>>,
}

/// Places the columns of weights, witness, and commitments of single columns; the top `reserved` rows of all limbs but the witness'
/// stay free of them.
pub(crate) fn arrange(
    columns: &[Vec<(ColumnId, &[u64])>],
    log_rows: usize,
    reserved: u64,
    hiding: Option<&Hiding>,
) -> Result<Arrangement, Invalid> {
    let [weights, witness, named @ ..] = columns else {
        return Err(Invalid::Circuit("a layout has two commitments"));
    };
    let static_limb = Kept::top(log_rows, reserved);
    let fixed = |columns: &[(ColumnId, &[u64])]| place(columns, log_rows, &[], &static_limb);
    let weights = fixed(weights)?;
    let named = named.iter().map(|columns| fixed(columns)).collect::<Result<Vec<_>, _>>()?;
    let others = std::iter::once(&weights).chain(&named).fold(0usize, |sum, (_, limbs)| sum.saturating_add(*limbs));
    let arrangement = |witness: (Vec<Block>, usize), log_limbs: usize, mut kept: Vec<Kept>, other: Kept| {
        kept.resize(witness.1, other);
        let of = |limbs: usize| vec![static_limb.clone(); limbs];
        let (first, rest) = (of(weights.1), named.iter().map(|(_, limbs)| of(*limbs)).collect::<Vec<_>>());
        let all = [&weights, &witness].into_iter().chain(&named);
        let (blocks, widths) = all.cloned().unzip();
        Arrangement { blocks, widths, log_limbs, kept: [first, kept].into_iter().chain(rest).collect() }
    };
    let Some(hiding) = hiding else {
        let witness = place(witness, log_rows, &[], &Kept::default())?;
        let log_limbs = bits(others.saturating_add(witness.1) as u64);
        return Ok(arrangement(witness, log_limbs, Vec::new(), Kept::default()));
    };
    // More coordinates ask for more mask limbs, which may ask for more coordinates.
    let fewest = bits(weights.1.saturating_add(TRACED) as u64).max(LEAST_LOG_LIMBS);
    for log_limbs in fewest..=MOST_LOG_LIMBS {
        if reserved < hiding.clear(log_limbs) {
            return Err(Invalid::Circuit("its commitments cannot hide"));
        }
        let (special, other) = (hiding.special(log_rows, log_limbs)?, hiding.ordinary(log_rows, log_limbs));
        let placed = place(witness, log_rows, &special, &other)?;
        if bits(others.saturating_add(placed.1) as u64) <= log_limbs {
            return Ok(arrangement(placed, log_limbs, special, other));
        }
    }
    Err(Invalid::Circuit("too many limbs"))
}

/// The address of every limb, commitment after commitment: as they come, or, with `log_limbs` coordinates, the first limbs of the
/// witness (the second commitment) at 0, 1, 2, 4, .. and the others at what is left.
pub(crate) fn addresses(widths: &[usize], log_limbs: Option<usize>) -> Vec<u64> {
    let total = widths.iter().fold(0usize, |sum, &width| sum.saturating_add(width));
    let Some(log_limbs) = log_limbs else {
        return (0..total as u64).collect();
    };
    let special = std::iter::once(0).chain((0..log_limbs as u32).map(|b| 1u64.checked_shl(b).unwrap_or(0)));
    let mut others = (0u64..).filter(|address| !(*address == 0 || address.is_power_of_two()));
    let weights = widths.first().copied().unwrap_or(0);
    let mut found: Vec<u64> = others.by_ref().take(weights).collect();
    found.extend(special);
    found.extend(others.take(total.saturating_sub(found.len())));
    found
}

/// The blocks of a column of one axis whose cells lie on the given runs of rows of the given limbs; and its length. Longer blocks
/// come first, so that every block starts at a multiple of its size.
pub(crate) fn fixed(column: ColumnId, runs: &[(u64, &[Range<u64>])]) -> (Vec<Block>, u64) {
    let mut chunks: Vec<(u32, u64, u64)> = Vec::new();
    for (limb, run) in runs.iter().flat_map(|(limb, runs)| runs.iter().map(move |run| (*limb, run))) {
        let mut row = run.start;
        while row < run.end {
            let longest = run.end.saturating_sub(row).ilog2();
            let e = row.trailing_zeros().min(longest);
            chunks.push((e, limb, row));
            row = row.saturating_add(1u64.checked_shl(e).unwrap_or(1));
        }
    }
    chunks.sort_by_key(|&(e, limb, row)| (std::cmp::Reverse(e), limb, row));
    let mut start = 0u64;
    let mut blocks = Vec::with_capacity(chunks.len());
    for (e, address, row) in chunks {
        blocks.push(Block { column, parts: vec![(start, e)], address, row });
        start = start.saturating_add(1u64.checked_shl(e).unwrap_or(0));
    }
    (blocks, start)
}

/// Limbs per commitment (at least one each) and coordinates of an address, for weights and witness of these shapes in limbs of
/// `2^log_rows` rows.
pub fn limb_counts(
    commitments: &[Vec<Vec<u64>>; 2],
    log_rows: usize,
    reserved: u64,
    hiding: Option<&Hiding>,
) -> Result<(Vec<usize>, usize), Invalid> {
    let pads = hiding.map(|hiding| [hiding.pads, 3]);
    let [weights, witness] = commitments.each_ref().map(|shapes| -> Vec<(ColumnId, &[u64])> {
        (0u32..).zip(shapes).map(|(id, shape)| (id, shape.as_slice())).collect()
    });
    let pads = pads.iter().map(|shape| (ColumnId::MAX, shape.as_slice()));
    let arrangement = arrange(&[weights, witness.into_iter().chain(pads).collect()], log_rows, reserved, hiding)?;
    Ok((arrangement.widths, arrangement.log_limbs))
}
