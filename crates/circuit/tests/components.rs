//! Component values and multiplicities against the oracle and against brute force, on random views.

mod common;

use common::*;
use proptest::prelude::*;
use tacit_circuit::*;

/// A random map into an axis of length `len`, along some of the axes not yet used.
fn map(len: i64, axes: &[u64], free: &mut Vec<u16>, seed: &mut impl FnMut(i64) -> i64) -> Map {
    let mut take = |seed: &mut dyn FnMut(i64) -> i64| {
        let at = seed(free.len() as i64) as usize;
        free.remove(at)
    };
    match seed(5) {
        0 => Map::Affine { offset: seed(len + 1), terms: vec![] },
        1 => {
            let axis = take(seed);
            let indices = (0..axes[usize::from(axis)]).map(|_| seed(len + 2) - 1).collect();
            Map::List { axis, indices }
        }
        2 => {
            // Sometimes so far apart that zeros around the column would not fit any memory.
            let far = if seed(3) == 0 { 1 << (10 + seed(49)) } else { 1 };
            let mut terms = vec![(take(seed), far * (seed(3) + 1)), (take(seed), -1)];
            terms.sort_unstable();
            Map::Affine { offset: seed(3) - 1, terms }
        }
        _ => Map::Affine { offset: 0, terms: vec![(take(seed), 1)] },
    }
}

/// Two terms and a constant over random views of one column of three axes, with one or two summed axes.
fn random(seed: u64) -> (Circuit, Values) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move |bound: i64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as i64 % bound.max(1)
    };
    let shape: Vec<u64> = (0..3).map(|_| next(5) as u64 + 1).collect();
    let axes: Vec<u64> = (0..7).map(|_| next(4) as u64 + 1).collect();
    let outputs = next(6) as u16;
    let mut terms = vec![term(next(100) - 50, vec![])];
    for _ in 0..2 {
        let mut free: Vec<u16> = (0..7).collect();
        let maps = shape.iter().map(|&len| map(len as i64, &axes, &mut free, &mut next)).collect();
        terms.push(term(next(100) - 50, vec![View { column: 0, maps }]));
    }
    let component = Sum { axes, outputs, terms };
    let same = Home::Virtual(component.clone());
    let cells: u64 = shape.iter().product();
    let mut circuit = Circuit { columns: vec![column("a", &shape, 4, Home::Witness)], ..Circuit::default() };
    circuit.columns.push(column("b", component.output_axes(), 8, same));
    let values = Values { columns: vec![(0..cells).map(|_| next(2000) - 1000).collect(), vec![]] };
    (circuit, values)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn components_are_what_the_oracle_reads(seed in any::<u64>()) {
        let (circuit, mut values) = random(seed);
        circuit.validate().unwrap();
        let Home::Virtual(component) = &circuit.columns[1].home else { unreachable!() };
        values.columns[1] = component_values(&circuit, &values, component);
        prop_assert_eq!(check(&circuit, &values), Ok(()));
        let bound = component_bound(&circuit, &values, component);
        prop_assert!(values.columns[1].iter().all(|v| u128::from(v.unsigned_abs()) <= bound));
        let last = values.columns[1].len() - 1;
        values.columns[1][last] += 1;
        prop_assert!(check(&circuit, &values).is_err());
    }
}

/// Tuples of several segments: constants, positions, and rows that only a hash finds.
#[test]
fn counts_of_several_segments() {
    let rows = [5i64, -3, 5, 9];
    let listed = Rule::Listed { bytes: 8, data: rows.iter().flat_map(|v| v.to_le_bytes()).collect() };
    let segment = |entries, count, rules| Segment { entries, count, rules };
    let segments = vec![
        segment(4, 2, vec![listed.clone(), Rule::Constant(1)]),
        segment(3, 3, vec![Rule::Constant(-2), Rule::Iota(10)]),
        segment(3, 5, vec![Rule::Line { start: 20, step: -3 }, Rule::Line { start: 2, step: 5 }]),
        segment(2, 4, vec![Rule::Constant(0), Rule::Constant(0)]),
    ];
    let count = |entries| column("count", &[entries], 8, Home::Count);
    let n = 50_000u64;
    let one = |id| sum(&[n], 1, vec![term(1, vec![read(id, &[0])])]);
    let circuit = Circuit {
        columns: vec![
            column("a", &[n], 2, Home::Witness),
            column("b", &[n], 2, Home::Witness),
            count(4),
            count(3),
            count(2),
            count(3),
        ],
        tables: vec![Table { name: "t".into(), width: 2, segments }],
        lookups: vec![Lookup { name: "l".into(), table: 0, components: vec![one(0), one(1)] }],
        ..Circuit::default()
    };
    circuit.validate().unwrap();
    let tuples = [(5, 1), (-3, 1), (9, 1), (-2, 10), (-2, 12), (0, 0), (17, 7), (14, 12)];
    let (a, b) = (0..n as usize).map(|i| tuples[i % 8]).unzip();
    let mut values = Values { columns: vec![a, b, vec![], vec![], vec![], vec![]] };
    count_lookups(&circuit, &mut values).unwrap();
    assert_eq!(values.columns[2], [6250, 6250, 0, 6250]);
    assert_eq!(values.columns[3], [6250, 0, 6250]);
    assert_eq!(values.columns[4], [6250, 0]);
    assert_eq!(values.columns[5], [0, 6250, 6250]);
    assert_eq!(check(&circuit, &values), Ok(()));
    // beside a line, beyond its end, on one line alone
    for wrong in [(16, 7), (11, 17), (17, 12), (23, -3)] {
        (values.columns[0][40_000], values.columns[1][40_000]) = wrong;
        let failure = count_lookups(&circuit, &mut values).unwrap_err();
        assert_eq!((failure.relation.as_str(), failure.index), ("l", vec![40_000]));
    }
}

/// Many segments by their constants, rows by hashes of several components, positions at an end of 64 bits, tuples of several lookups
/// that are cut anywhere: against a search through all rows.
#[test]
fn counts_are_those_of_a_search() {
    let listed = |rows: &[i64]| Rule::Listed { bytes: 8, data: rows.iter().flat_map(|v| v.to_le_bytes()).collect() };
    let mut segments: Vec<Vec<Rule>> = Vec::new();
    for a in 0..5 {
        segments.push(vec![Rule::Constant(a), Rule::Iota(10 * a), Rule::Constant(-a)]);
        segments.push(vec![Rule::Line { start: a, step: 2 + a }, Rule::Constant(a), Rule::Iota(a)]);
        segments.push(vec![Rule::Constant(a), listed(&[a, 10 * a + 1, a, i64::MAX]), listed(&[7, -a, 7, -i64::MAX])]);
    }
    let ends = [Rule::Iota(i64::MAX - 3), Rule::Iota(-i64::MAX)];
    segments.extend(ends.into_iter().map(|end| vec![Rule::Constant(-i64::MAX), end.clone(), end]));
    for (few, cut) in [(2, 0), (3, 9), (12, 0)] {
        let rules = &segments[cut..(cut + few).min(segments.len())];
        let at = |rule: &Rule, entry: usize| match rule {
            Rule::Constant(value) => *value,
            Rule::Iota(start) => start + entry as i64,
            Rule::Line { start, step } => start + step * entry as i64,
            Rule::Listed { bytes, data } => integers(data, *bytes)[entry],
        };
        let rows: Vec<Vec<i64>> =
            rules.iter().flat_map(|rules| (0..4).map(|e| rules.iter().map(|rule| at(rule, e)).collect())).collect();
        let lengths = [1u64, 70_001, 3, 40_000];
        let one = |id, n| sum(&[n], 1, vec![term(1, vec![read(id, &[0])])]);
        let mut circuit = Circuit::default();
        let (mut values, mut expected) = (Values::default(), vec![0; rows.len()]);
        for (l, &n) in lengths.iter().enumerate() {
            let tuples: Vec<&Vec<i64>> = (0..n as usize).map(|i| &rows[(i * i + l) % rows.len()]).collect();
            for tuple in &tuples {
                expected[rows.iter().position(|row| row == *tuple).unwrap()] += 1;
            }
            circuit.columns.extend((0..3).map(|_| column("z", &[n], 8, Home::Witness)));
            values.columns.extend((0..3).map(|c| tuples.iter().map(|tuple| tuple[c]).collect::<Vec<i64>>()));
            let components = (0..3).map(|c| one(3 * l as u32 + c, n)).collect();
            circuit.lookups.push(Lookup { name: format!("l{l}"), table: 0, components });
        }
        let count =
            |(s, rules): (usize, &Vec<Rule>)| Segment { entries: 4, count: 12 + s as u32, rules: rules.clone() };
        let segments: Vec<Segment> = rules.iter().enumerate().map(count).collect();
        circuit.columns.extend(segments.iter().map(|_| column("count", &[4], 8, Home::Count)));
        circuit.tables.push(Table { name: "t".into(), width: 3, segments });
        values.columns.resize(circuit.columns.len(), Vec::new());
        let found = counts(&circuit, &values).unwrap();
        assert_eq!(found.into_iter().flat_map(|(_, cells)| cells).collect::<Vec<i64>>(), expected);
        // The first of several tuples that are no rows, wherever pieces are cut.
        for (l, i) in [(3, 39_999), (3, 5), (1, 70_000), (1, 2048), (0, 0)] {
            values.columns[3 * l + 1][i] = 12_345;
            let failure = counts(&circuit, &values).unwrap_err();
            assert_eq!((failure.relation, failure.index), (format!("l{l}"), vec![i as u64]));
        }
    }
}
