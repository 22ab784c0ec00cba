//! Multiplicities: how often each row of each table is looked up. For provers: the circuit is valid, the values belong to it.

use std::ops::Range;

use rayon::prelude::*;

use super::components::Component;
use super::finder::Finder;
use crate::{Circuit, ColumnId, Columns, Failure, FailureKind, Lookup, Table, Values, component_bound};

/// Tuples of one piece of parallel work, at least.
const PIECE: usize = 1 << 14;
/// Tuples that are computed and found together.
const BLOCK: usize = 1 << 11;

/// Fills the count columns with [`counts`].
pub fn count_lookups(circuit: &Circuit, values: &mut Values) -> Result<(), Failure> {
    for (column, cells) in counts(circuit, values)? {
        values.columns[column as usize] = cells;
    }
    Ok(())
}

/// The count columns and their cells. A tuple that is a row of several segments counts for the first of them. Fails at the first
/// lookup with a component beyond 63 bits, or with a tuple that its table lacks, naming the lookup and the output index.
pub fn counts(circuit: &Circuit, values: &dyn Columns) -> Result<Vec<(ColumnId, Vec<i64>)>, Failure> {
    let mut lookups = vec![Vec::new(); circuit.tables.len()];
    circuit.lookups.iter().for_each(|lookup| lookups[lookup.table as usize].push(lookup));
    let of = |(table, lookups): (&Table, Vec<&Lookup>)| table_counts(circuit, values, table, &lookups);
    let counts: Vec<Result<Vec<i64>, Failure>> = circuit.tables.par_iter().zip(lookups).map(of).collect();
    let mut columns = Vec::new();
    for (table, counts) in circuit.tables.iter().zip(counts) {
        let (counts, starts) = (counts?, starts(table));
        for (segment, pair) in table.segments.iter().zip(starts.windows(2)) {
            columns.push((segment.count, counts[pair[0]..pair[1]].to_vec()));
        }
    }
    Ok(columns)
}

/// Where each segment's rows start among all rows of the table; the last entry is their number.
fn starts(table: &Table) -> Vec<usize> {
    let mut starts = vec![0];
    for segment in &table.segments {
        starts.push(starts[starts.len() - 1] + segment.entries as usize);
    }
    starts
}

/// The counts of all rows of a table. Its tuples, those of one lookup after those of another, are cut into a piece a thread.
fn table_counts(
    circuit: &Circuit,
    values: &dyn Columns,
    table: &Table,
    lookups: &[&Lookup],
) -> Result<Vec<i64>, Failure> {
    let finder = Finder::new(table);
    let rows = starts(table)[table.segments.len()];
    let tuples = |lookup: &&Lookup| lookup.components[0].output_axes().iter().product::<u64>() as usize;
    let all: usize = lookups.iter().map(tuples).sum();
    // A piece has counters of its own, which are to be zeroed and added up.
    let piece = all.div_ceil(rayon::current_num_threads()).max(PIECE).max(rows / 4);
    let tally = |n: usize| {
        let (first, last) = (n * piece, (n * piece + piece).min(all));
        let (mut local, mut start) = (vec![0u32; rows], 0);
        for lookup in lookups {
            let end = start + tuples(lookup);
            let (from, to) = (start.max(first), end.min(last));
            if from < to {
                count(circuit, values, lookup, &finder, from - start..to - start, &mut local)?;
            }
            start = end;
        }
        Ok(local)
    };
    let pieces: Vec<Result<Vec<u32>, Failure>> = (0..all.div_ceil(piece)).into_par_iter().map(tally).collect();
    let mut counts = vec![0i64; rows];
    for local in pieces {
        counts.iter_mut().zip(local?).for_each(|(count, more)| *count += i64::from(more));
    }
    Ok(counts)
}

/// Counts the tuples of a lookup at some output indices.
fn count(
    circuit: &Circuit,
    values: &dyn Columns,
    lookup: &Lookup,
    finder: &Finder,
    mut tuples: Range<usize>,
    counts: &mut [u32],
) -> Result<(), Failure> {
    let fail = |kind, index| Failure { relation: lookup.name.clone(), kind, index };
    if lookup.components.iter().any(|sum| component_bound(circuit, values, sum) >= 1 << 63) {
        return Err(fail(FailureKind::Magnitude, Vec::new()));
    }
    let components: Vec<Component<'_>> =
        lookup.components.iter().map(|sum| Component::new(circuit, values, sum)).collect();
    let mut columns = vec![vec![0i64; tuples.len().min(BLOCK)]; components.len()];
    while !tuples.is_empty() {
        let length = tuples.len().min(BLOCK);
        for (component, column) in components.iter().zip(&mut columns) {
            column.truncate(length);
            component.read(tuples.start, column);
        }
        if let Err(i) = finder.count(&columns, length, counts) {
            let axes = lookup.components[0].output_axes();
            return Err(fail(FailureKind::Lookup, unravel((tuples.start + i) as u64, axes)));
        }
        tuples.start += length;
    }
    Ok(())
}

/// The index tuple of a cell's number in C order.
pub(crate) fn unravel(mut cell: u64, axes: &[u64]) -> Vec<u64> {
    let mut index = vec![0; axes.len()];
    for (digit, &len) in index.iter_mut().zip(axes).rev() {
        *digit = cell % len;
        cell /= len;
    }
    index
}
