//! Random circuits whose lookups hold, and the brute-force value of what a reduction returns.
#![allow(dead_code)]

use std::sync::Arc;

use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::progress::Progress;
use tacit_algebra::{K, integer, lift, signed};
use tacit_circuit::{Circuit, Column, ColumnId, Home, Lookup, Map, Rule, Segment, Sum, Table, Term, Values, View};
use tacit_columns::{Form, Views, Weight, Weighted, known};
use tacit_lookup::{Reduced, prove, verify};
use tacit_transcript::{Invalid, Receiver, Sender, Transcript};

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// In -50 ..= 50.
    pub fn small(&mut self) -> i64 {
        self.below(101) as i64 - 50
    }
}

#[derive(Default)]
pub struct Builder {
    pub circuit: Circuit,
    pub values: Values,
}

impl Builder {
    pub fn column(&mut self, shape: &[u64], home: Home, cells: Vec<i64>) -> ColumnId {
        assert_eq!(shape.iter().product::<u64>(), cells.len() as u64);
        let name = format!("column {}", self.circuit.columns.len());
        self.circuit.columns.push(Column { name, shape: shape.to_vec(), bytes: 8, home });
        self.values.columns.push(cells);
        self.circuit.columns.len() as ColumnId - 1
    }

    /// A table of segments, each given by its entries and rules.
    pub fn table(&mut self, width: u16, segments: Vec<(u64, Vec<Rule>)>) -> u32 {
        let segments = segments.into_iter().map(|(entries, rules)| {
            let count = self.column(&[entries], Home::Count, vec![0; entries as usize]);
            Segment { entries, count, rules }
        });
        let segments = segments.collect();
        let name = format!("table {}", self.circuit.tables.len());
        self.circuit.tables.push(Table { name, width, segments });
        self.circuit.tables.len() as u32 - 1
    }

    /// Picks a row of the table and counts it.
    pub fn row(&mut self, table: u32, random: &mut Random) -> Vec<i64> {
        let segments = &self.circuit.tables[table as usize].segments;
        let segment = &segments[random.below(segments.len() as u64) as usize];
        let entry = random.below(segment.entries);
        self.values.columns[segment.count as usize][entry as usize] += 1;
        segment.rules.iter().map(|rule| rule_at(rule, entry)).collect()
    }

    /// A lookup over `axes`: every component is a sum of views of fresh columns that gives the chosen rows.
    pub fn lookup(&mut self, table: u32, axes: &[u64], random: &mut Random) {
        let cells: u64 = axes.iter().product();
        let rows: Vec<Vec<i64>> = (0..cells).map(|_| self.row(table, random)).collect();
        let width = usize::from(self.circuit.tables[table as usize].width);
        let components =
            (0..width).map(|j| self.component(axes, rows.iter().map(|row| row[j]).collect(), random)).collect();
        let name = format!("lookup {}", self.circuit.lookups.len());
        self.circuit.lookups.push(Lookup { name, table, components });
    }

    fn component(&mut self, axes: &[u64], target: Vec<i64>, random: &mut Random) -> Sum {
        let outputs = axes.len() as u16;
        let constant = random.small();
        let less = |cells: &[i64], part: &dyn Fn(usize) -> i64| -> Vec<i64> {
            cells.iter().enumerate().map(|(i, &cell)| cell - part(i)).collect()
        };
        let mut terms = vec![term(constant, vec![])];
        let rest = less(&target, &|_| constant);
        match random.below(4) {
            0 => terms.push(term(1, vec![identity(self.column(axes, Home::Witness, rest), axes)])),
            1 => {
                // 3 * broadcast along the last axis + a column.
                let (outer, last) = axes.split_at(axes.len().saturating_sub(1));
                let last = last.iter().product::<u64>() as usize;
                let cells: Vec<i64> = (0..outer.iter().product::<u64>()).map(|_| random.small()).collect();
                let rest = less(&rest, &|i| 3 * cells[i / last]);
                terms.push(term(3, vec![identity(self.column(outer, Home::Weights, cells), outer)]));
                terms.push(term(1, vec![identity(self.column(axes, Home::Public, rest), axes)]));
            }
            _ => {
                // -2 * virtual + a column.
                let cells: Vec<i64> = rest.iter().map(|_| random.small()).collect();
                let rest = less(&rest, &|i| -2 * cells[i]);
                terms.push(term(-2, vec![identity(self.virtual_column(axes, cells, random), axes)]));
                terms.push(term(1, vec![identity(self.column(axes, Home::Witness, rest), axes)]));
            }
        }
        Sum { axes: axes.to_vec(), outputs, terms }
    }

    /// A virtual column `v = a b + 5 c + d` with the given cells.
    fn virtual_column(&mut self, axes: &[u64], cells: Vec<i64>, random: &mut Random) -> ColumnId {
        let a: Vec<i64> = cells.iter().map(|_| random.small()).collect();
        let b: Vec<i64> = cells.iter().map(|_| random.small()).collect();
        let c = random.small();
        let d = (0..cells.len()).map(|i| cells[i] - a[i] * b[i] - 5 * c).collect();
        let (a, b) = (self.column(axes, Home::Witness, a), self.column(axes, Home::Witness, b));
        let (c, d) = (self.column(&[], Home::Weights, vec![c]), self.column(axes, Home::Witness, d));
        let scalar = View { column: c, maps: vec![] };
        let terms = vec![
            term(1, vec![identity(a, axes), identity(b, axes)]),
            term(5, vec![scalar]),
            term(1, vec![identity(d, axes)]),
        ];
        let sum = Sum { axes: axes.to_vec(), outputs: axes.len() as u16, terms };
        self.column(axes, Home::Virtual(sum), cells)
    }
}

pub fn term(coefficient: i64, factors: Vec<View>) -> Term {
    Term { coefficient: signed(coefficient), factors }
}

pub fn identity(column: ColumnId, axes: &[u64]) -> View {
    View { column, maps: (0..axes.len() as u16).map(|a| Map::Affine { offset: 0, terms: vec![(a, 1)] }).collect() }
}

fn rule_at(rule: &Rule, entry: u64) -> i64 {
    match rule {
        Rule::Constant(value) => *value,
        Rule::Iota(start) => start + entry as i64,
        Rule::Line { start, step } => start + step * entry as i64,
        Rule::Listed { bytes: 2, data } => {
            let at = 2 * entry as usize;
            i64::from(i16::from_le_bytes([data[at], data[at + 1]]))
        }
        Rule::Listed { .. } => unreachable!("tests list two-byte integers"),
    }
}

pub fn listed(cells: &[i16]) -> Rule {
    Rule::Listed { bytes: 2, data: cells.iter().flat_map(|cell| cell.to_le_bytes()).collect() }
}

/// Tables of all kinds of rules, lookups over the given axes.
pub fn random_circuit(axes: &[Vec<u64>], seed: u64) -> Builder {
    let (mut builder, mut random) = (Builder::default(), Random(seed));
    for width in 1..=3u16 {
        let segments = (0..1 + random.below(3)).map(|_| {
            let entries = 1 + random.below(23);
            let rules = (0..width).map(|_| match random.below(4) {
                0 => Rule::Constant(random.small()),
                1 => Rule::Iota(random.small()),
                2 => Rule::Line { start: random.small(), step: -2 - random.small().abs() },
                _ => listed(&(0..entries).map(|_| random.small() as i16).collect::<Vec<_>>()),
            });
            (entries, rules.collect())
        });
        let segments = segments.collect();
        builder.table(width, segments);
    }
    for axes in axes {
        let table = random.below(3) as u32;
        builder.lookup(table, axes, &mut random);
    }
    builder
}

pub fn proof(builder: &Builder) -> (Vec<u8>, Reduced<'_, K>) {
    let mut sender = Sender::new(Transcript::new("test"));
    let reduced = prove(&builder.circuit, &builder.values, &mut Views::default(), &mut sender, &Progress::default());
    (sender.finish(), reduced.expect("nobody stops it").expect("there are lookups"))
}

pub fn check<'a>(circuit: &'a Circuit, proof: &[u8]) -> Result<Reduced<'a, K>, Invalid> {
    let mut receiver = Receiver::new(Transcript::new("test"), proof);
    let reduced = verify(circuit, &mut Views::default(), &mut receiver)?.expect("there are lookups");
    receiver.finish()?;
    Ok(reduced)
}

fn form_value(form: &Form, values: &Values) -> K {
    form.iter().map(|term| term.coefficient * known(&values.columns[term.column as usize], &term.weights)).sum()
}

/// The product terms, by visiting every index.
fn products(weighted: &Weighted<'_>, values: &Values) -> K {
    let axes = &weighted.sum.axes;
    assert_eq!(axes.len(), weighted.weights.len(), "these tests have no summed axes");
    let weights: Vec<Vec<K>> = weighted.weights.iter().map(|weight: &Arc<Weight>| weight.dense()).collect();
    let mut total = K::ZERO;
    for flat in 0..axes.iter().product::<u64>() {
        let (mut rest, mut weight) = (flat, K::ONE);
        for (axis, &d) in axes.iter().enumerate().rev() {
            weight *= weights[axis][(rest % d) as usize];
            rest /= d;
        }
        for term in weighted.sum.terms.iter().filter(|term| term.factors.len() > 1) {
            let factors = term.factors.iter().map(|view| integer(values.columns[view.column as usize][flat as usize]));
            total += weight * lift(term.coefficient) * factors.product::<K>();
        }
    }
    total * weighted.scale
}

/// Whether both claims are true.
pub fn holds(reduced: &Reduced<'_, K>, values: &Values) -> bool {
    let virtuals: K = reduced.virtuals.iter().map(|weighted| products(weighted, values)).sum();
    form_value(&reduced.numerators.form, values) == reduced.numerators.value
        && form_value(&reduced.fingerprints.form, values) + virtuals == reduced.fingerprints.value
}
