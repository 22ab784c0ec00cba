//! Multiplicities: how often each row of each table is looked up. For provers: the circuit is valid, the values belong to it.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::{
    Circuit, ColumnId, Columns, Failure, FailureKind, Lookup, Rule, Segment, Table, Values, component_bound,
    component_values, integers,
};

/// Tuples of one piece of parallel work, at least.
const PIECE: usize = 1 << 14;

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
    let mut columns = Vec::new();
    for (number, table) in circuit.tables.iter().enumerate() {
        let finders: Vec<Finder> = table.segments.iter().map(Finder::new).collect();
        let starts = starts(table);
        let mut counts = vec![0i64; starts[table.segments.len()]];
        for lookup in circuit.lookups.iter().filter(|lookup| lookup.table as usize == number) {
            count(circuit, values, lookup, &finders, &starts, &mut counts)?;
        }
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

fn count(
    circuit: &Circuit,
    values: &dyn Columns,
    lookup: &Lookup,
    finders: &[Finder],
    starts: &[usize],
    counts: &mut [i64],
) -> Result<(), Failure> {
    let fail = |kind, index| Failure { relation: lookup.name.clone(), kind, index };
    if lookup.components.iter().any(|sum| component_bound(circuit, values, sum) >= 1 << 63) {
        return Err(fail(FailureKind::Magnitude, Vec::new()));
    }
    let columns: Vec<Vec<i64>> = lookup.components.iter().map(|sum| component_values(circuit, values, sum)).collect();
    let axes = lookup.components[0].output_axes();
    let tuples = columns[0].len();
    let piece = tuples.div_ceil(rayon::current_num_threads()).max(PIECE);
    let rows = starts[starts.len() - 1];
    let tally = |from: usize| {
        let mut local = vec![0u32; rows];
        for i in from..(from + piece).min(tuples) {
            let found = finders.iter().zip(starts).find_map(|(finder, start)| Some(start + finder.find(&columns, i)?));
            local[found.ok_or(i)?] += 1;
        }
        Ok(local)
    };
    let pieces: Vec<Result<Vec<u32>, usize>> =
        (0..tuples.div_ceil(piece)).into_par_iter().map(|n| tally(n * piece)).collect();
    for local in pieces {
        let local = local.map_err(|i| fail(FailureKind::Lookup, unravel(i as u64, axes)))?;
        counts.iter_mut().zip(local).for_each(|(count, more)| *count += i64::from(more));
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

/// Finds the row of a tuple in one segment.
struct Finder {
    entries: u64,
    key: Key,
    rules: Vec<Row>,
}

/// How a row is found; the other components are compared afterwards.
enum Key {
    /// The row's number is `component - start`.
    Position {
        component: usize,
        start: i64,
    },
    /// All rows are equal.
    Constant,
    Hash(HashMap<Box<[i64]>, usize>),
}

/// One component of all rows.
enum Row {
    Constant(i64),
    Iota(i64),
    Listed(Vec<i64>),
}

impl Row {
    fn at(&self, entry: usize) -> i64 {
        match self {
            Self::Constant(value) => *value,
            Self::Iota(start) => start + entry as i64,
            Self::Listed(values) => values[entry],
        }
    }
}

impl Finder {
    fn new(segment: &Segment) -> Self {
        let rules: Vec<Row> = segment.rules.iter().map(row).collect();
        let position = rules.iter().enumerate().find_map(|(component, rule)| match rule {
            Row::Iota(start) => Some(Key::Position { component, start: *start }),
            _ => None,
        });
        let key = position.unwrap_or_else(|| {
            if rules.iter().all(|rule| matches!(rule, Row::Constant(_))) {
                return Key::Constant;
            }
            let tuple = |entry| rules.iter().map(|rule| rule.at(entry)).collect::<Box<[i64]>>();
            let mut rows = HashMap::with_capacity(segment.entries as usize);
            (0..segment.entries as usize).for_each(|entry| {
                rows.entry(tuple(entry)).or_insert(entry);
            });
            Key::Hash(rows)
        });
        Self { entries: segment.entries, key, rules }
    }

    /// The first row that equals tuple `i`.
    fn find(&self, columns: &[Vec<i64>], i: usize) -> Option<usize> {
        let entry = match &self.key {
            Key::Position { component, start } => {
                let offset = columns[*component][i].wrapping_sub(*start);
                (offset >= 0 && (offset as u64) < self.entries).then_some(offset as usize)?
            }
            Key::Constant => 0,
            Key::Hash(rows) => {
                let tuple: Vec<i64> = columns.iter().map(|column| column[i]).collect();
                return rows.get(tuple.as_slice()).copied();
            }
        };
        let equal = self.rules.iter().zip(columns).all(|(rule, column)| rule.at(entry) == column[i]);
        equal.then_some(entry)
    }
}

fn row(rule: &Rule) -> Row {
    match rule {
        Rule::Constant(value) => Row::Constant(*value),
        Rule::Iota(start) => Row::Iota(*start),
        Rule::Listed { bytes, data } => Row::Listed(integers(data, *bytes)),
    }
}
