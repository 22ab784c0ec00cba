//! Random small circuits, whole: the verifier accepts what brute force over the integers accepts, and nothing else.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::progress::Progress;
use tacit_algebra::{F, centred, signed};
use tacit_circuit::*;
use tacit_proof::{Model, VerifyingKey, finish};

struct Case {
    random: SmallRng,
    circuit: Circuit,
    values: Values,
}

/// All index tuples, the last axis fastest.
fn indices(axes: &[u64]) -> Vec<Vec<u64>> {
    axes.iter().fold(vec![Vec::new()], |tuples, &len| {
        tuples.iter().flat_map(|tuple| (0..len).map(move |i| [tuple.as_slice(), &[i]].concat())).collect()
    })
}

fn mentions(view: &View, axis: usize) -> bool {
    view.maps.iter().any(|map| match map {
        Map::Affine { terms, .. } => terms.iter().any(|&(a, _)| usize::from(a) == axis),
        Map::List { axis: a, .. } => usize::from(*a) == axis,
    })
}

/// The cell that a view reads; zero outside the column.
fn read(circuit: &Circuit, values: &Values, view: &View, index: &[u64]) -> F {
    let mut at = 0;
    for (map, &len) in view.maps.iter().zip(&circuit.columns[view.column as usize].shape) {
        let position = match map {
            Map::Affine { offset, terms } => {
                offset + terms.iter().map(|&(a, stride)| stride * index[usize::from(a)] as i64).sum::<i64>()
            }
            Map::List { axis, indices } => indices[index[usize::from(*axis)] as usize],
        };
        if position < 0 || position >= len as i64 {
            return F::ZERO;
        }
        at = at * len + position as u64;
    }
    signed(values.columns[view.column as usize][at as usize])
}

/// The definition of a sum, word by word (`docs/circuit.md`).
fn evaluate(circuit: &Circuit, values: &Values, sum: &Sum) -> Vec<F> {
    let outputs = usize::from(sum.outputs);
    let at = |output: &Vec<u64>| -> F {
        let term = |term: &Term| -> F {
            let summed: Vec<u64> = (outputs..sum.axes.len())
                .map(|a| if term.factors.iter().any(|view| mentions(view, a)) { sum.axes[a] } else { 1 })
                .collect();
            let product = |tail: &Vec<u64>| -> F {
                let index = [output.as_slice(), tail].concat();
                term.factors.iter().map(|view| read(circuit, values, view, &index)).product()
            };
            term.coefficient * indices(&summed).iter().map(product).sum::<F>()
        };
        sum.terms.iter().map(term).sum()
    };
    indices(&sum.axes[..outputs]).iter().map(at).collect()
}

impl Case {
    fn below(&mut self, bound: usize) -> usize {
        self.random.random_range(0..bound)
    }

    fn length(&mut self) -> u64 {
        [1, 2, 3, 3, 4, 5, 6, 7][self.below(8)]
    }

    fn column(&mut self, shape: &[u64], home: Home, cells: Option<Vec<i64>>) -> u32 {
        let id = self.circuit.columns.len() as u32;
        let count = shape.iter().product::<u64>();
        let cells = cells.unwrap_or_else(|| (0..count).map(|_| self.random.random_range(-5..6)).collect());
        if home == Home::Public {
            let shape = shape.to_vec();
            let (name, dtype, limit) = (format!("binding {id}"), "float32".to_string(), 1 << 60);
            let (lowest, highest, direction, exponent) = (-limit, limit, Direction::Output, 0);
            self.circuit.publics.push(Public { name, direction, column: id, dtype, shape, exponent, lowest, highest });
        }
        self.circuit.columns.push(Column { name: format!("column {id}"), shape: shape.to_vec(), bytes: 8, home });
        self.values.columns.push(cells);
        id
    }

    fn view(&mut self, axes: &[u64], columns: u32) -> View {
        let column = self.random.random_range(0..columns);
        let shape = self.circuit.columns[column as usize].shape.clone();
        let mut unused: Vec<u16> = (0..axes.len() as u16).collect();
        let maps = shape.iter().map(|&len| {
            let mut take = |random: &mut SmallRng| {
                (!unused.is_empty()).then(|| unused.swap_remove(random.random_range(0..unused.len())))
            };
            let random = &mut self.random;
            match (random.random_range(0..8), take(random)) {
                (0, Some(axis)) => {
                    let entry = |_| random.random_range(-1..=len as i64);
                    Map::List { axis, indices: (0..axes[usize::from(axis)]).map(entry).collect() }
                }
                (1 | 2, Some(axis)) => {
                    let mut terms = vec![(axis, [-2, -1, 1, 2, 3, 4][random.random_range(0..6)])];
                    if let Some(axis) = take(random) {
                        terms.push((axis, [-1, 1, 2, 8][random.random_range(0..4)]));
                    }
                    terms.sort_unstable();
                    Map::Affine { offset: random.random_range(-2..4), terms }
                }
                (3, _) | (_, None) => Map::Affine { offset: random.random_range(0..len as i64), terms: vec![] },
                (_, Some(axis)) => Map::Affine { offset: 0, terms: vec![(axis, 1)] },
            }
        });
        View { column, maps: maps.collect() }
    }

    fn sum(&mut self, axes: &[u64], outputs: usize, factors: usize, columns: u32) -> Sum {
        let terms = (0..1 + self.below(4))
            .map(|_| Term {
                coefficient: signed(self.random.random_range(-3..4)),
                factors: (0..self.below(factors + 1)).map(|_| self.view(axes, columns)).collect(),
            })
            .collect();
        Sum { axes: axes.to_vec(), outputs: outputs as u16, terms }
    }

    fn axes(&mut self) -> (Vec<u64>, usize) {
        let axes: Vec<u64> = (0..1 + self.below(4)).map(|_| self.length()).collect();
        let outputs = self.below(axes.len() + 1);
        (axes, outputs)
    }

    fn cells(&self, sum: &Sum) -> Vec<i64> {
        evaluate(&self.circuit, &self.values, sum).into_iter().map(centred).collect()
    }

    fn identity(column: u32, outputs: usize) -> View {
        let map = |a| Map::Affine { offset: 0, terms: vec![(a, 1)] };
        View { column, maps: (0..outputs as u16).map(map).collect() }
    }

    /// `y = sum` with a new column y.
    fn contract(&mut self, columns: u32) {
        let (axes, outputs) = self.axes();
        let mut zero = self.sum(&axes, outputs, 3, columns);
        let cells = self.cells(&zero);
        let home = [Home::Public, Home::Witness][self.below(2)].clone();
        let result = self.column(&axes[..outputs], home, Some(cells));
        zero.terms.push(Term { coefficient: -F::ONE, factors: vec![Self::identity(result, outputs)] });
        self.circuit.contracts.push(Contract { name: format!("contract {result}"), zero });
    }

    /// A lookup of up to three components, one of them perhaps virtual, in a table of several segments with equal rows.
    fn lookup(&mut self, columns: u32) {
        let (axes, outputs) = self.axes();
        let mut components = Vec::new();
        for _ in 0..1 + self.below(3) {
            let mut component = self.sum(&axes, outputs, 1, columns);
            if self.below(2) == 0 {
                let definition = self.sum(&axes, outputs, 3, columns);
                let cells = self.cells(&definition);
                let column = self.column(&axes[..outputs], Home::Virtual(definition), Some(cells));
                let term = Term { coefficient: signed(3), factors: vec![Self::identity(column, outputs)] };
                component.terms.push(term);
            }
            components.push(component);
        }
        let found: Vec<Vec<i64>> = components.iter().map(|component| self.cells(component)).collect();
        let mut rows: Vec<Vec<i64>> =
            (0..found[0].len()).map(|i| found.iter().map(|cells| cells[i]).collect()).collect();
        rows.sort_unstable();
        rows.dedup();
        rows.push((0..found.len()).map(|_| self.random.random_range(-3..4)).collect());
        rows.push(rows[0].clone());
        let cut = 1 + self.below(rows.len() - 1);
        let segments = [&rows[..cut], &rows[cut..]].map(|rows| {
            let count = self.column(&[rows.len() as u64], Home::Count, Some(vec![0; rows.len()]));
            let rule = |component: usize| rule(&rows.iter().map(|row| row[component]).collect::<Vec<_>>());
            Segment { entries: rows.len() as u64, count, rules: (0..found.len()).map(rule).collect() }
        });
        let (table, width) = (self.circuit.tables.len() as u32, found.len() as u16);
        self.circuit.tables.push(Table { name: format!("table {table}"), width, segments: segments.into() });
        self.circuit.lookups.push(Lookup { name: format!("lookup {table}"), table, components });
    }

    fn new(seed: u64) -> Self {
        let random = SmallRng::seed_from_u64(seed);
        let mut case = Self { random, circuit: Circuit::default(), values: Values::default() };
        for _ in 0..3 + case.below(3) {
            let shape: Vec<u64> = (0..case.below(4)).map(|_| case.length()).collect();
            let home = [Home::Weights, Home::Witness, Home::Public][case.below(3)].clone();
            case.column(&shape, home, None);
        }
        let columns = case.circuit.columns.len() as u32;
        (0..case.below(4)).for_each(|_| case.contract(columns));
        (0..case.below(3)).for_each(|_| case.lookup(columns));
        case
    }

    /// Virtual columns and counts from the rest, as far as they exist.
    fn derive(&self, values: &mut Values) {
        for (id, column) in self.circuit.columns.iter().enumerate() {
            if let Home::Virtual(sum) = &column.home {
                values.columns[id] = evaluate(&self.circuit, values, sum).into_iter().map(centred).collect();
            }
        }
        let _ = count_lookups(&self.circuit, values);
    }

    /// Whether all relations hold, by brute force.
    fn holds(&self, values: &Values) -> bool {
        let zero = |contract: &Contract| evaluate(&self.circuit, values, &contract.zero).iter().all(|v| *v == F::ZERO);
        self.circuit.contracts.iter().all(zero)
            && self.circuit.lookups.iter().all(|lookup| {
                let found: Vec<Vec<F>> =
                    lookup.components.iter().map(|sum| evaluate(&self.circuit, values, sum)).collect();
                let rows: Vec<Vec<F>> =
                    self.circuit.tables[lookup.table as usize].segments.iter().flat_map(rows).collect();
                (0..found[0].len()).all(|i| rows.contains(&found.iter().map(|cells| cells[i]).collect()))
            })
    }
}

/// A line where the values lie on one, else their list.
fn rule(values: &[i64]) -> Rule {
    let steps: Vec<i64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
    match steps.first() {
        Some(&step) if ![0, 1].contains(&step) && steps.iter().all(|&other| other == step) => {
            Rule::Line { start: values[0], step }
        }
        _ => Rule::Listed { bytes: 8, data: values.iter().flat_map(|value| value.to_le_bytes()).collect() },
    }
}

fn rows(segment: &Segment) -> Vec<Vec<F>> {
    let cell = |rule: &Rule, i: u64| match rule {
        Rule::Constant(value) => *value,
        Rule::Iota(start) => start + i as i64,
        Rule::Line { start, step } => start + step * i as i64,
        Rule::Listed { bytes, data } => integers(data, *bytes)[i as usize],
    };
    (0..segment.entries).map(|i| segment.rules.iter().map(|rule| signed(cell(rule, i))).collect()).collect()
}

#[test]
fn the_verifier_agrees_with_brute_force() {
    let (mut accepted, mut refused) = (0, 0);
    for seed in 0..150 {
        let mut case = Case::new(seed);
        let mut honest = case.values.clone();
        case.derive(&mut honest);
        assert!(case.holds(&honest) && check(&case.circuit, &honest).is_ok(), "seed {seed}");
        let bytes = finish(&case.circuit.encode()).unwrap();
        let weights: Vec<u8> = (case.circuit.columns.iter().zip(&honest.columns))
            .filter(|(column, _)| column.home == Home::Weights)
            .flat_map(|(_, cells)| cells.iter().flat_map(|cell| cell.to_le_bytes()))
            .collect();
        let model = Model::setup(&bytes, &weights, &Progress::default()).unwrap();
        let key = VerifyingKey::decode(&model.key()).unwrap();
        let verdict = |values: &Values| {
            let receipt = model.prove_values(values, b"", &Progress::default()).unwrap();
            key.verify(&receipt, b"").is_ok()
        };
        assert!(verdict(&honest), "seed {seed}");
        for _ in 0..4 {
            let mut values = honest.clone();
            let column = case.below(values.columns.len());
            if matches!(case.circuit.columns[column].home, Home::Weights | Home::Virtual(_) | Home::Count) {
                continue;
            }
            let cell = case.below(values.columns[column].len());
            values.columns[column][cell] += [-1, 1, 2, 17][case.below(4)];
            case.derive(&mut values);
            let holds = case.holds(&values);
            assert_eq!(verdict(&values), holds, "seed {seed}, column {column}, cell {cell}");
            (accepted, refused) = if holds { (accepted + 1, refused) } else { (accepted, refused + 1) };
        }
    }
    assert!(accepted > 20 && refused > 100, "{accepted} {refused}");
}
