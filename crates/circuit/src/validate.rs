//! What makes a circuit well-formed: everything that prover and verifier rely on afterwards without looking again.

use std::slice::from_ref;

use tacit_algebra::multilinear::bits;
use tacit_algebra::{P, centred};

use crate::values::integers;
use crate::work::work;
use crate::{Circuit, CircuitError, Column, Home, Lookup, Map, Parameters, Public, Rule, Sum, Table, View};

/// Cells of a column, entries of a table, output indices of a relation are fewer than 2^40.
const LOG_CELLS: u32 = 40;
/// Axes of a column or of a relation.
const MOST_AXES: usize = 64;
/// Positions and table values are below 2^62 in absolute value.
const LARGEST: u64 = 1 << 62;
/// Coefficients of lookup components are below 2^40 in absolute value.
const LARGEST_COEFFICIENT: i64 = 1 << 40;
/// Variables of one term in the sumcheck of all contracts.
const MOST_SHARED: usize = 64;
/// Leaves of the fraction tree.
const MOST_LEAVES: u64 = 1 << 61;
/// What a circuit may ask of its verifier (see [`work`]): seconds and about a gigabyte, far above what models need.
const MOST_WORK: u64 = 1 << 26;
/// log2 of the largest multiplicative subgroup of the field whose order is a power of two.
const TWO_ADICITY: usize = 32;

type Valid = Result<(), CircuitError>;

fn demand(condition: bool, text: impl FnOnce() -> String) -> Valid {
    if condition { Ok(()) } else { Err(CircuitError(text())) }
}

/// The number of cells when it is at least 1 and below 2^40, padded to powers of two below 2^60, on at most 64 axes.
fn cells(shape: &[u64]) -> Option<u64> {
    let product = shape.iter().try_fold(1u64, |product, &d| product.checked_mul(d))?;
    let padded: usize = shape.iter().map(|&d| bits(d)).sum();
    (product > 0 && product < 1 << LOG_CELLS && padded < 60 && shape.len() <= MOST_AXES).then_some(product)
}

impl Circuit {
    /// Demands that the circuit is well-formed; the error names the column or relation and what is wrong with it.
    /// Parameters may be absent (an unfinished circuit) or sane.
    pub fn validate(&self) -> Valid {
        let mut total = 0u64;
        for column in &self.columns {
            total = total.saturating_add(self.check_column(column)?);
        }
        demand(total < 1 << (LOG_CELLS + 1), || "the columns have too many cells in all".into())?;
        self.check_tables()?;
        for contract in &self.contracts {
            let name = format!("the contract {}", contract.name);
            self.check_sum(&name, &contract.zero)?;
            let no_virtual = contract.zero.terms.iter().flat_map(|t| &t.factors).all(|view| !self.is_virtual(view));
            demand(no_virtual, || format!("{name} uses a virtual column"))?;
        }
        for lookup in &self.lookups {
            self.check_lookup(lookup)?;
        }
        self.check_tables_are_used()?;
        self.check_leaves()?;
        self.check_publics()?;
        let work = work(self);
        demand(work <= MOST_WORK, || {
            format!("the views take {work} operations of a verifier, {MOST_WORK} are allowed: split long axes")
        })?;
        if self.parameters == Parameters::default() { Ok(()) } else { check_parameters(&self.parameters) }
    }

    fn is_virtual(&self, view: &View) -> bool {
        self.columns.get(view.column as usize).is_some_and(|column| matches!(column.home, Home::Virtual(_)))
    }

    fn check_column(&self, column: &Column) -> Result<u64, CircuitError> {
        let name = format!("the column {}", column.name);
        let cells = cells(&column.shape)
            .ok_or_else(|| CircuitError(format!("{name} has an axis of length 0 or too many cells")))?;
        demand(matches!(column.bytes, 1 | 2 | 4 | 8), || format!("{name} has cells of {} bytes", column.bytes))?;
        if let Home::Virtual(sum) = &column.home {
            self.check_sum(&name, sum)?;
            demand(sum.output_axes() == column.shape, || format!("{name} does not have its definition's shape"))?;
            let plain = sum.terms.iter().flat_map(|term| &term.factors).all(|view| !self.is_virtual(view));
            demand(plain, || format!("{name} is virtual and defined by a virtual column"))?;
        }
        Ok(cells)
    }

    fn check_sum(&self, name: &str, sum: &Sum) -> Valid {
        let outputs = usize::from(sum.outputs);
        demand(outputs <= sum.axes.len() && sum.axes.len() <= MOST_AXES, || {
            format!("{name} has a wrong number of axes")
        })?;
        demand(cells(sum.output_axes()).is_some(), || {
            format!("{name} has an axis of length 0 or too many output indices")
        })?;
        demand(sum.axes.iter().all(|&d| d > 0 && d < 1 << LOG_CELLS), || {
            format!("{name} has an axis of length 0 or 2^40")
        })?;
        for term in &sum.terms {
            demand(term.factors.len() <= 3, || format!("{name} has a term of {} factors", term.factors.len()))?;
            let mut mentioned: Vec<bool> = (0..sum.axes.len()).map(|a| a < outputs).collect();
            let mut uses = vec![0usize; sum.axes.len()];
            for view in &term.factors {
                let mut read = vec![false; sum.axes.len()];
                self.check_view(name, sum, view, &mut read)?;
                let marks = mentioned.iter_mut().zip(&mut uses).zip(read);
                marks.for_each(|((mentioned, uses), read)| {
                    *mentioned |= read;
                    *uses = uses.saturating_add(usize::from(read));
                });
            }
            let shared = sum.axes.iter().zip(&uses).filter(|(_, uses)| **uses > 1).map(|(&d, _)| bits(d));
            demand(shared.sum::<usize>() <= MOST_SHARED, || format!("{name} has a term of too many shared cells"))?;
            let volume = sum
                .axes
                .iter()
                .zip(&mentioned)
                .filter(|(_, m)| **m)
                .try_fold(1u64, |product, (&d, _)| product.checked_mul(d));
            demand(volume.is_some_and(|volume| volume < LARGEST), || {
                format!("{name} has a term of too many products")
            })?;
        }
        Ok(())
    }

    /// Marks the axes that the view mentions, each at most once.
    fn check_view(&self, name: &str, sum: &Sum, view: &View, read: &mut [bool]) -> Valid {
        let column = self.columns.get(view.column as usize);
        let column = column
            .ok_or_else(|| CircuitError(format!("{name} uses the column {} that does not exist", view.column)))?;
        demand(column.home != Home::Count, || format!("{name} uses the count column {}", column.name))?;
        let fits = view.maps.len() == column.shape.len();
        demand(fits, || format!("{name} reads {} with {} maps", column.name, view.maps.len()))?;
        let mut mention = |axis: u16| {
            let mark = read.get_mut(usize::from(axis));
            let mark = mark.ok_or_else(|| {
                CircuitError(format!("{name} reads {} along the axis {axis} that it lacks", column.name))
            })?;
            demand(!*mark, || format!("{name} reads {} twice along the axis {axis}", column.name))?;
            *mark = true;
            Ok(())
        };
        for map in &view.maps {
            match map {
                Map::Affine { offset, terms } => {
                    let ordered = terms.iter().zip(terms.iter().skip(1)).all(|((a, _), (b, _))| a < b);
                    let canonical = ordered && terms.iter().all(|&(_, stride)| stride != 0);
                    demand(canonical, || format!("{name} has a stride list that is not in canonical order"))?;
                    let mut reach = offset.unsigned_abs();
                    for &(axis, stride) in terms {
                        mention(axis)?;
                        let length = sum.axes.get(usize::from(axis)).copied().unwrap_or(0);
                        reach = reach.saturating_add(stride.unsigned_abs().saturating_mul(length));
                    }
                    demand(reach < LARGEST, || format!("{name} reads {} at positions beyond 2^62", column.name))?;
                }
                Map::List { axis, indices } => {
                    mention(*axis)?;
                    let length = sum.axes.get(usize::from(*axis)).copied();
                    demand(length == Some(indices.len() as u64), || {
                        format!("{name} has a list that does not fit its axis")
                    })?;
                }
            }
        }
        Ok(())
    }

    fn check_tables(&self) -> Valid {
        let mut owners = vec![0usize; self.columns.len()];
        for table in &self.tables {
            demand(table.width >= 1 && table.width <= 64, || format!("the table {} has a wrong width", table.name))?;
            for segment in &table.segments {
                let column = self.columns.get(segment.count as usize);
                let fits = column.is_some_and(|c| c.home == Home::Count && c.shape == [segment.entries]);
                demand(fits, || format!("a segment of the table {} lacks a count column of its shape", table.name))?;
                owners
                    .iter_mut()
                    .skip(segment.count as usize)
                    .take(1)
                    .for_each(|owner| *owner = owner.saturating_add(1));
                check_rules(table, segment.entries, &segment.rules)?;
            }
        }
        for (column, owners) in self.columns.iter().zip(owners) {
            let right = column.home != Home::Count || owners == 1;
            demand(right, || format!("the count column {} belongs to {owners} segments", column.name))?;
        }
        Ok(())
    }

    /// The counts of a table without lookups would be bound by no relation when there is no lookup at all, and zero otherwise.
    fn check_tables_are_used(&self) -> Valid {
        let mut used = vec![false; self.tables.len()];
        for lookup in &self.lookups {
            used.iter_mut().skip(lookup.table as usize).take(1).for_each(|mark| *mark = true);
        }
        for (table, used) in self.tables.iter().zip(used) {
            demand(used, || format!("no lookup uses the table {}", table.name))?;
            demand(!table.segments.is_empty(), || format!("the table {} has no rows", table.name))?;
        }
        Ok(())
    }

    fn check_leaves(&self) -> Valid {
        let lookups = self.lookups.iter().filter_map(|lookup| lookup.components.first()).map(Sum::output_axes);
        let segments = self.tables.iter().flat_map(|table| &table.segments);
        let regions = lookups.chain(segments.map(|segment| from_ref(&segment.entries)));
        let digits = regions.map(|axes| axes.iter().map(|&d| bits(d) as u32).sum::<u32>());
        let leaves = digits.map(|digits| 1u64.checked_shl(digits).unwrap_or(u64::MAX)).fold(0, u64::saturating_add);
        demand(leaves <= MOST_LEAVES, || "the lookups and tables are too large in all".into())
    }

    fn check_lookup(&self, lookup: &Lookup) -> Valid {
        let name = format!("the lookup {}", lookup.name);
        let table = self.tables.get(lookup.table as usize);
        let table =
            table.ok_or_else(|| CircuitError(format!("{name} uses the table {} that does not exist", lookup.table)))?;
        let width = lookup.components.len();
        demand(width == usize::from(table.width), || {
            format!("{name} has {width} components, its table {}", table.width)
        })?;
        let outputs = lookup.components.first().map(Sum::output_axes);
        for component in &lookup.components {
            self.check_sum(&name, component)?;
            demand(outputs == Some(component.output_axes()), || format!("{name} has components of different shapes"))?;
            for term in &component.terms {
                demand(term.factors.len() <= 1, || format!("{name} has a product in a component"))?;
                let small = centred(term.coefficient).unsigned_abs() < LARGEST_COEFFICIENT.unsigned_abs();
                demand(small, || format!("{name} has a coefficient of 2^40 or more"))?;
                for view in term.factors.iter().filter(|view| self.is_virtual(view)) {
                    let shape = self.columns.get(view.column as usize).map(|column| column.shape.as_slice());
                    let identity =
                        (0u16..).zip(&view.maps).all(|(a, map)| *map == Map::Affine { offset: 0, terms: vec![(a, 1)] });
                    let same = shape == Some(component.output_axes()) && identity;
                    demand(same, || format!("{name} reads a virtual column in another way than as it is"))?;
                }
            }
        }
        Ok(())
    }

    fn check_publics(&self) -> Valid {
        let mut bound = vec![0usize; self.columns.len()];
        for public in &self.publics {
            check_public(public, self.columns.get(public.column as usize))?;
            bound.iter_mut().skip(public.column as usize).take(1).for_each(|count| *count = count.saturating_add(1));
        }
        for (column, count) in self.columns.iter().zip(bound) {
            let right = column.home != Home::Public || count == 1;
            demand(right, || format!("the public column {} has {count} bindings", column.name))?;
        }
        Ok(())
    }
}

fn check_public(public: &Public, column: Option<&Column>) -> Valid {
    let name = format!("the binding {}", public.name);
    let column = column.filter(|column| column.home == Home::Public);
    let column = column.ok_or_else(|| CircuitError(format!("{name} names no public column")))?;
    // A tensor without elements has a column of one cell, which is 0.
    let none = public.shape.contains(&0);
    let lengths: Vec<u64> = public.shape.iter().map(|&length| length.max(1)).collect();
    let wanted = cells(&lengths).map(|count| if none { 1 } else { count });
    let same = wanted.is_some() && cells(&column.shape) == wanted;
    demand(same, || format!("{name} has another number of elements than its column"))?;
    demand(public.lowest <= public.highest, || format!("{name} has an empty interval"))?;
    let zero = (public.lowest, public.highest) == (0, 0);
    demand(zero || !none, || format!("{name} has no elements, but its column may hold other numbers than 0"))?;
    // Two integers of one interval are two field elements, so a receipt's tensors have one reading.
    let distinct = public.highest.abs_diff(public.lowest) < P;
    demand(distinct, || format!("{name} has an interval of p integers or more"))?;
    demand(public.exponent.unsigned_abs() <= 1000, || format!("{name} has an exponent beyond 1000"))
}

fn check_rules(table: &Table, entries: u64, rules: &[Rule]) -> Valid {
    let name = format!("the table {}", table.name);
    demand(rules.len() == usize::from(table.width), || format!("{name} has a segment of another width"))?;
    let small = |value: i64| value.unsigned_abs() < LARGEST;
    for rule in rules {
        let right = match rule {
            Rule::Constant(value) => small(*value),
            Rule::Iota(start) => small(*start) && small(start.saturating_add(entries as i64)),
            Rule::Line { start, step } => {
                let end = start.saturating_add(step.saturating_mul(i64::try_from(entries).unwrap_or(i64::MAX)));
                !matches!(step, 0 | 1) && small(*start) && small(end)
            }
            Rule::Listed { bytes, data } => {
                let widths = matches!(bytes, 1 | 2 | 4 | 8);
                let length = entries.checked_mul(u64::from(*bytes)) == Some(data.len() as u64);
                widths && length && (*bytes < 8 || integers(data, 8).into_iter().all(small))
            }
        };
        demand(right, || format!("{name} has a rule that does not fit its entries, or values beyond 2^62"))?;
    }
    Ok(())
}

fn check_parameters(parameters: &Parameters) -> Valid {
    let Parameters { log_rows, reserved, salt, folds, log_inverse_rates, queries } = parameters;
    let log_rows = usize::from(*log_rows);
    demand((1..=30).contains(&log_rows), || format!("limbs of 2^{log_rows} rows are not supported"))?;
    let most = 7u64 << log_rows.saturating_sub(3);
    demand(u64::from(*reserved) <= most, || "the reserved rows leave less than an eighth of a limb".into())?;
    demand(*salt <= 64, || "a salt has more than 64 bytes".into())?;
    let oracles = folds.len().saturating_add(1);
    let lengths = log_inverse_rates.len() == oracles && queries.len() == oracles;
    demand(lengths, || "folds, rates and queries do not have matching lengths".into())?;
    let mut left = log_rows;
    for (i, (&rate, &count)) in log_inverse_rates.iter().zip(queries).enumerate() {
        if let Some(&fold) = i.checked_sub(1).and_then(|i| folds.get(i)) {
            let rest = left.checked_sub(usize::from(fold)).filter(|_| (1..=16).contains(&fold));
            left = rest.ok_or_else(|| CircuitError::new("the folds exceed the rows of a limb"))?;
        }
        demand((1..=10).contains(&rate), || format!("the inverse rate 2^{rate} is not supported"))?;
        demand(left.saturating_add(usize::from(rate)) <= TWO_ADICITY, || {
            "an oracle's domain is larger than the field allows".into()
        })?;
        demand((1..=4096).contains(&count), || format!("{count} queries are not supported"))?;
    }
    Ok(())
}
