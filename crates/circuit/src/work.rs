//! What a circuit asks of its verifier: a small key must not cost hours or gigabytes.

use tacit_algebra::multilinear::bits;

use crate::{Circuit, Column, Home, Map, Sum, View};

/// Vectors of the verifier are evaluated at few distinct positions of a segment, never more than an address has digits.
const MOST_SEGMENTS: u64 = 64;
/// The fixed part of a term: what it keeps in memory weighs more than its arithmetic.
const TERM: u64 = 64;
/// A block costs its selector, and a factor per axis.
const BLOCK: u64 = 8;
const FACTOR: u64 = 4;
/// An entry of a scattered vector and an index tuple take products in K and 24 bytes each, a public cell a part of a product.
const SCATTERED: u64 = 4;
/// A block of the layout is cut, sorted, placed and selected once, and keeps a part per axis in memory.
const PLACED: u64 = 64;
const PART: u64 = 8;

/// Field operations of the verifier, in orders of magnitude: saturating sums over the blocks of every committed column, used
/// or not, and over every use of every view.
///
/// A use of a sum costs its axes and a fixed part per term and, per view: the blocks of the column (its cells when it is
/// public), and per map that is neither the identity nor a constant position the index tuples that are scattered and the
/// vector that they are scattered into, once for each segment that the later axes leave it, four times
/// over. A definition counts once for each
/// term that reads the virtual column. Vectors that have a closed form are charged as if they had none, and vectors that
/// several views share as if they did not.
pub(crate) fn work(circuit: &Circuit) -> u64 {
    let of = |sum: &Sum| sum_work(circuit, sum);
    let contracts = circuit.contracts.iter().map(|contract| of(&contract.zero));
    let definitions: Vec<u64> = circuit
        .columns
        .iter()
        .map(|column| match &column.home {
            Home::Virtual(sum) => of(sum),
            _ => 0,
        })
        .collect();
    let defined = |view: &View| definitions.get(view.column as usize).copied().unwrap_or(0);
    let lookups = circuit.lookups.iter().flat_map(|lookup| &lookup.components).map(|component| {
        let reads = component.terms.iter().flat_map(|term| &term.factors).map(defined);
        reads.fold(of(component), u64::saturating_add)
    });
    let layout = circuit.columns.iter().map(|column| layout_work(circuit, column));
    layout.chain(contracts).chain(lookups).fold(0, u64::saturating_add)
}

fn layout_work(circuit: &Circuit, column: &Column) -> u64 {
    match column.home {
        Home::Public | Home::Virtual(_) => 0,
        _ => blocks(circuit, column)
            .saturating_mul(PART.saturating_mul(column.shape.len() as u64).saturating_add(PLACED)),
    }
}

fn product(lengths: impl Iterator<Item = u64>) -> u64 {
    lengths.fold(1, u64::saturating_mul)
}

/// Products of one power of two per axis.
fn pieces(shape: &[u64]) -> u64 {
    product(shape.iter().map(|d| u64::from(d.count_ones())))
}

/// A bound on a committed column's blocks: pieces, and cuts of those that are longer than a limb.
fn blocks(circuit: &Circuit, column: &Column) -> u64 {
    // An unfinished circuit's limbs are not known: blocks are not cut. Limbs with reserved rows take blocks of a 32nd.
    let log_limb = match u32::from(circuit.parameters.log_rows) {
        0 => u64::BITS,
        rows => rows.saturating_sub(if circuit.parameters.reserved > 0 { 5 } else { 0 }),
    };
    let cells = product(column.shape.iter().copied());
    pieces(&column.shape).saturating_add(cells.checked_shr(log_limb).unwrap_or(0))
}

fn sum_work(circuit: &Circuit, sum: &Sum) -> u64 {
    let term = TERM.saturating_add(sum.axes.len() as u64);
    let views = sum.terms.iter().flat_map(|term| &term.factors);
    let read = |view: &View| {
        circuit.columns.get(view.column as usize).map_or(0, |column| view_work(circuit, column, sum, view))
    };
    views.map(read).fold(term.saturating_mul((sum.terms.len() as u64).saturating_add(1)), u64::saturating_add)
}

fn view_work(circuit: &Circuit, column: &Column, sum: &Sum, view: &View) -> u64 {
    let mut total = match column.home {
        Home::Public => product(column.shape.iter().copied()),
        _ => blocks(circuit, column)
            .saturating_mul(FACTOR.saturating_mul(column.shape.len() as u64).saturating_add(BLOCK)),
    };
    for (place, (map, &len)) in view.maps.iter().zip(&column.shape).enumerate() {
        let length = |axis: u16| sum.axes.get(usize::from(axis)).copied().unwrap_or(1);
        let tuples = match map {
            Map::Affine { terms, .. } if terms.is_empty() => continue,
            Map::Affine { offset: 0, terms } if matches!(terms.as_slice(), [(a, 1)] if length(*a) == len) => continue,
            Map::Affine { terms, .. } => product(terms.iter().map(|&(axis, _)| length(axis))),
            Map::List { indices, .. } => indices.len() as u64,
        };
        let later = column.shape.get(place..).and_then(|rest| rest.get(1..)).unwrap_or(&[]);
        let segments =
            pieces(later).min(MOST_SEGMENTS).min(later.iter().map(|&d| bits(d) as u64).fold(1, u64::saturating_add));
        let entries = tuples.saturating_add(len.saturating_mul(segments));
        total = total.saturating_add(entries.saturating_mul(SCATTERED));
    }
    total
}
