//! The oracle: which relation a set of values breaks, and where. It reads `docs/circuit.md` index by index in the field and
//! shares no evaluation with the prover. Valid circuits only.

use std::collections::HashMap;

use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::{F, signed};

use super::counts::unravel;
use super::sums::evaluate;
use crate::{Circuit, Home, Public, Rule, Table, Values, integers};

/// What is wrong with a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The values have another number of cells than the column.
    Shape,
    /// A public integer lies outside the interval of its binding.
    Interval,
    /// A virtual column differs from its definition.
    Definition,
    /// A contract's sum is not zero.
    Contract,
    /// A tuple is not a row of its table.
    Lookup,
    /// A multiplicity differs from the number of lookups of its row.
    Count,
    /// A lookup's component could exceed 63 bits.
    Magnitude,
}

/// The first relation that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{relation} fails at index {index:?} ({kind:?})")]
pub struct Failure {
    /// Name of the contract, lookup, virtual column, binding or table.
    pub relation: String,
    pub kind: FailureKind,
    /// Output index; for a count the segment and its entry.
    pub index: Vec<u64>,
}

/// Demands shapes, intervals, definitions, contracts, tuples and multiplicities, in this order.
pub fn check(circuit: &Circuit, values: &Values) -> Result<(), Failure> {
    for (i, column) in circuit.columns.iter().enumerate() {
        let found = values.columns.get(i).map(|cells| cells.len() as u64);
        if found != Some(column.shape.iter().product()) {
            return Err(Failure { relation: column.name.clone(), kind: FailureKind::Shape, index: Vec::new() });
        }
    }
    circuit.publics.iter().try_for_each(|public| check_interval(circuit, values, public))?;
    for (column, cells) in circuit.columns.iter().zip(&values.columns) {
        if let Home::Virtual(sum) = &column.home {
            let sums = evaluate(circuit, values, sum);
            let wrong = sums.iter().zip(cells).position(|(&sum, &cell)| sum != signed(cell));
            expect(&column.name, FailureKind::Definition, wrong, &column.shape)?;
        }
    }
    for contract in &circuit.contracts {
        let sums = evaluate(circuit, values, &contract.zero);
        let wrong = sums.iter().position(|&sum| sum != F::ZERO);
        expect(&contract.name, FailureKind::Contract, wrong, contract.zero.output_axes())?;
    }
    circuit.tables.iter().enumerate().try_for_each(|(number, table)| check_table(circuit, values, number, table))
}

fn expect(relation: &str, kind: FailureKind, wrong: Option<usize>, axes: &[u64]) -> Result<(), Failure> {
    match wrong {
        None => Ok(()),
        Some(cell) => Err(Failure { relation: relation.into(), kind, index: unravel(cell as u64, axes) }),
    }
}

fn check_interval(circuit: &Circuit, values: &Values, public: &Public) -> Result<(), Failure> {
    let cells = &values.columns[public.column as usize];
    let wrong = cells.iter().position(|cell| !(public.lowest..=public.highest).contains(cell));
    expect(&public.name, FailureKind::Interval, wrong, &circuit.columns[public.column as usize].shape)
}

/// Every tuple is a row; equal rows together are counted as often as they are looked up.
fn check_table(circuit: &Circuit, values: &Values, number: usize, table: &Table) -> Result<(), Failure> {
    // Row -> (counted minus looked up so far, segment, entry).
    let mut rows: HashMap<Vec<F>, (F, u64, u64)> = HashMap::new();
    for (segment_number, segment) in (0u64..).zip(&table.segments) {
        let columns: Vec<Vec<F>> = segment.rules.iter().map(|rule| rule_cells(rule, segment.entries)).collect();
        for (entry, &count) in values.columns[segment.count as usize].iter().enumerate() {
            let row = columns.iter().map(|column| column[entry]).collect();
            rows.entry(row).or_insert((F::ZERO, segment_number, entry as u64)).0 += signed(count);
        }
    }
    for lookup in circuit.lookups.iter().filter(|lookup| lookup.table as usize == number) {
        let columns: Vec<Vec<F>> = lookup.components.iter().map(|sum| evaluate(circuit, values, sum)).collect();
        let axes = lookup.components[0].output_axes();
        for i in 0..columns[0].len() {
            let tuple: Vec<F> = columns.iter().map(|column| column[i]).collect();
            let Some(row) = rows.get_mut(&tuple) else {
                return expect(&lookup.name, FailureKind::Lookup, Some(i), axes);
            };
            row.0 -= F::ONE;
        }
    }
    let wrong = rows.values().filter(|row| row.0 != F::ZERO).map(|&(_, segment, entry)| (segment, entry)).min();
    match wrong {
        None => Ok(()),
        Some((segment, entry)) => {
            Err(Failure { relation: table.name.clone(), kind: FailureKind::Count, index: vec![segment, entry] })
        }
    }
}

fn rule_cells(rule: &Rule, entries: u64) -> Vec<F> {
    match rule {
        Rule::Constant(value) => vec![signed(*value); entries as usize],
        Rule::Iota(start) => (0..entries as i64).map(|i| signed(start + i)).collect(),
        Rule::Line { start, step } => (0..entries as i64).map(|i| signed(start + step * i)).collect(),
        Rule::Listed { bytes, data } => integers(data, *bytes).into_iter().map(signed).collect(),
    }
}
