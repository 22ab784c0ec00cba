//! Views and sums against brute force.

mod common;

use std::sync::Arc;

use common::*;
use proptest::prelude::*;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::{K, integer, lift, signed};
use tacit_circuit::*;
use tacit_columns::*;

const AXES: usize = 7;

fn axes(numbers: &mut Numbers) -> Vec<u64> {
    (0..AXES).map(|_| [1, 2, 3, 4, 2, 4][numbers.below(6) as usize]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]
    #[test]
    fn a_map_moves_every_weight(seed in any::<u64>()) {
        let mut numbers = Numbers::new(seed);
        let axes = axes(&mut numbers);
        let weights: Vec<Arc<Weight>> = axes.iter().map(|&len| numbers.weight(len)).collect();
        let len = 1 + numbers.below(17);
        let mut free: Vec<u16> = (0..AXES as u16).collect();
        let map = map(&mut numbers, len, &axes, &mut free);
        // Only the axes that the map uses are summed over.
        let used: Vec<u64> = (0..AXES as u16).map(|a| if free.contains(&a) { 1 } else { axes[usize::from(a)] }).collect();
        let mut expected = vec![K::ZERO; len as usize];
        for index in indices(&used) {
            let product = (0..AXES).filter(|a| !free.contains(&(*a as u16))).map(|a| weights[a].dense()[index[a] as usize]).product::<K>();
            if let Some(at) = position(&map, len, &index) {
                expected[at as usize] += product;
            }
        }
        let view = View { column: 0, maps: vec![map] };
        let mut views = Views::new();
        let image = views.view_weights(&view, &[len], &weights).remove(0);
        prop_assert_eq!(image.len(), len);
        prop_assert_eq!(image.dense(), expected);
        prop_assert_eq!(image.total(), image.dense().iter().copied().sum::<K>());
        prop_assert!(Arc::ptr_eq(&image, &views.view_weights(&view, &[len], &weights)[0]));
    }

    #[test]
    fn a_linear_form_is_the_weighted_sum(seed in any::<u64>()) {
        let mut numbers = Numbers::new(seed);
        let (circuit, values, component) = random(&mut numbers);
        let weights: Vec<Arc<Weight>> = component.output_axes().iter().map(|&len| numbers.weight(len)).collect();
        let weighted = Weighted { sum: &component, weights, scale: numbers.element() };
        let mut views = Views::new();
        let (form, constant) = linear_form(&weighted, &circuit, &mut views);
        let products: K = virtual_terms(&weighted, &circuit).iter().map(|w| brute(w, &circuit, &values, 2)).sum();
        let expected = brute(&weighted, &circuit, &values, 0) + brute(&weighted, &circuit, &values, 1);
        prop_assert!(form.iter().all(|term| !matches!(circuit.columns[term.column as usize].home, Home::Virtual(_))));
        prop_assert_eq!(apply(&form, |id| circuit.columns[id as usize].shape.clone(), &values) + constant + products, expected);
    }
}

/// The part of a weighted sum with `factors` factors.
fn brute(weighted: &Weighted<'_>, circuit: &Circuit, values: &Values, factors: usize) -> K {
    let Weighted { sum, weights, scale } = weighted;
    let outputs = usize::from(sum.outputs);
    let dense: Vec<Vec<K>> = weights.iter().map(|w| w.dense()).collect();
    let mut total = K::ZERO;
    for term in sum.terms.iter().filter(|term| term.factors.len() == factors) {
        let mentioned = |a: usize| {
            a < outputs
                || term.factors.iter().flat_map(|f| &f.maps).any(|map| match map {
                    Map::Affine { terms, .. } => terms.iter().any(|&(b, _)| usize::from(b) == a),
                    Map::List { axis, .. } => usize::from(*axis) == a,
                })
        };
        let lengths: Vec<u64> =
            sum.axes.iter().enumerate().map(|(a, &len)| if mentioned(a) { len } else { 1 }).collect();
        for index in indices(&lengths) {
            let weight =
                dense.iter().zip(&index).fold(lift(term.coefficient), |product, (axis, &i)| product * axis[i as usize]);
            let read = |f: &View| {
                signed(cell(f, &circuit.columns[f.column as usize].shape, &values.columns[f.column as usize], &index))
            };
            total += weight * term.factors.iter().map(|f| lift(read(f))).product::<K>();
        }
    }
    total * *scale
}

/// A lookup component with two terms over a column, one over a virtual column, and a constant.
fn random(numbers: &mut Numbers) -> (Circuit, Values, Sum) {
    let axes = axes(numbers);
    let outputs = numbers.below(3) as u16;
    let mut columns = Vec::new();
    let mut values = Values::default();
    for home in [Home::Witness, Home::Public] {
        let shape: Vec<u64> = (0..2).map(|_| 1 + numbers.below(5)).collect();
        values.columns.push((0..shape.iter().product()).map(|_| numbers.below(200) as i64 - 100).collect());
        columns.push(column("c", &shape, home));
    }
    let view = |numbers: &mut Numbers, id: usize| {
        let mut free: Vec<u16> = (0..AXES as u16).collect();
        let maps = columns[id].shape.iter().map(|&len| map(numbers, len, &axes, &mut free)).collect();
        View { column: id as u32, maps }
    };
    let coefficient = |numbers: &mut Numbers| signed(numbers.below(100) as i64 - 50);
    let affine = |numbers: &mut Numbers| {
        vec![
            Term { coefficient: coefficient(numbers), factors: vec![view(numbers, 0)] },
            Term { coefficient: coefficient(numbers), factors: vec![view(numbers, 1)] },
            Term { coefficient: coefficient(numbers), factors: vec![] },
        ]
    };
    let (mut terms, mut defining) = (affine(numbers), affine(numbers));
    defining.push(Term { coefficient: coefficient(numbers), factors: vec![view(numbers, 0), view(numbers, 1)] });
    let definition = Sum { axes: axes.clone(), outputs, terms: defining };
    let shape = definition.output_axes().to_vec();
    let maps = (0..outputs).map(|a| Map::Affine { offset: 0, terms: vec![(a, 1)] }).collect();
    terms.push(Term { coefficient: coefficient(numbers), factors: vec![View { column: 2, maps }] });
    columns.push(column("v", &shape, Home::Virtual(definition.clone())));
    let circuit = Circuit { columns, ..Circuit::default() };
    values.columns.push(vec![0; shape.iter().product::<u64>() as usize]);
    fill(&circuit, &mut values, &definition);
    (circuit, values, Sum { axes, outputs, terms })
}

/// Computes the virtual column, entry by entry.
fn fill(circuit: &Circuit, values: &mut Values, definition: &Sum) {
    let outputs = definition.output_axes();
    for (number, index) in indices(outputs).iter().enumerate() {
        let weights: Vec<Arc<Weight>> =
            index.iter().zip(outputs).map(|(&index, &len)| Arc::new(Weight::Index { index, len })).collect();
        let weighted = Weighted { sum: definition, weights, scale: K::ONE };
        let value: K = (0..3).map(|factors| brute(&weighted, circuit, values, factors)).sum();
        let found = (-40_000_000..40_000_000i64).contains(&small(value)).then(|| small(value));
        values.columns[2][number] = found.unwrap();
    }
}

/// The integer of a value that is a small one.
fn small(value: K) -> i64 {
    let bytes = tacit_algebra::to_bytes(value);
    assert!(bytes[8..].iter().all(|&b| b == 0));
    let word = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    tacit_algebra::centred(tacit_algebra::field::PrimeCharacteristicRing::from_u64(word))
}

#[test]
fn closed_forms_survive_views() {
    let mut numbers = Numbers::new(7);
    let eq = |numbers: &mut Numbers, len: u64| {
        Arc::new(Weight::Eq { point: numbers.point(tacit_algebra::multilinear::bits(len)), len })
    };
    let (heads, width) = (eq(&mut numbers, 12), eq(&mut numbers, 64));
    let mut views = Views::new();
    let mut image = |offset, terms: &[(u16, i64)], len, axes: &[Arc<Weight>]| {
        let view = View { column: 0, maps: vec![Map::Affine { offset, terms: terms.to_vec() }] };
        views.view_weights(&view, &[len], axes).remove(0)
    };
    let axes = [Arc::clone(&heads), Arc::clone(&width)];
    assert!(Arc::ptr_eq(&image(0, &[(0, 1)], 12, &axes), &heads));
    assert!(matches!(*image(0, &[(0, 64), (1, 1)], 768, &axes), Weight::Eq { len: 768, .. }));
    assert!(matches!(*image(768, &[(0, 64), (1, 1)], 2304, &axes), Weight::Dense(_)));
    assert!(matches!(*image(128, &[(1, 1)], 200, &axes), Weight::Eq { len: 200, .. }));
    assert!(matches!(*image(5, &[], 12, &axes), Weight::Index { index: 5, len: 12 }));
    assert!(matches!(*image(12, &[], 12, &axes), Weight::Index { index: 12, len: 12 }));
    assert!(matches!(*image(-1, &[], 12, &axes), Weight::Index { index: 12, len: 12 }));
    let ones = [Arc::new(Weight::Ones { len: 12 }), Arc::new(Weight::Ones { len: 64 })];
    assert!(matches!(*image(0, &[(0, 64), (1, 1)], 768, &ones), Weight::Ones { len: 768 }));
    assert!(matches!(*image(0, &[(0, 64), (1, 1)], 769, &ones), Weight::Dense(_)));
}

#[test]
fn known_values_and_rules() {
    let mut numbers = Numbers::new(3);
    for shape in [vec![], vec![5], vec![3, 4], vec![2, 1, 7]] {
        let values: Vec<i64> = (0..shape.iter().product()).map(|_| numbers.below(1 << 40) as i64 - (1 << 39)).collect();
        for _ in 0..20 {
            let weights: Vec<Arc<Weight>> = shape.iter().map(|&len| numbers.weight(len)).collect();
            assert_eq!(known(&values, &weights), inner(&values, &shape, &weights));
        }
    }
    for entries in [1u64, 2, 5, 8, 300, 5000] {
        for bytes in [1u8, 2, 4, 8] {
            let values: Vec<i64> =
                (0..entries).map(|_| (numbers.word() as i64) >> (64 - 8 * u32::from(bytes)).max(2)).collect();
            let data = values.iter().flat_map(|v| v.to_le_bytes()[..usize::from(bytes)].to_vec()).collect();
            let iota: Vec<i64> = (0..entries as i64).map(|i| i - 9).collect();
            for _ in 0..5 {
                let weight = numbers.weight(entries);
                let expect =
                    |values: &[i64]| values.iter().zip(weight.dense()).map(|(&v, w)| w * integer(v)).sum::<K>();
                assert_eq!(
                    rule_value(&Rule::Listed { bytes, data: Vec::clone(&data) }, &weight, entries),
                    expect(&values)
                );
                assert_eq!(rule_value(&Rule::Iota(-9), &weight, entries), expect(&iota));
                let line: Vec<i64> = iota.iter().map(|i| 4 - 7 * i).collect();
                assert_eq!(rule_value(&Rule::Line { start: 67, step: -7 }, &weight, entries), expect(&line));
                assert_eq!(rule_value(&Rule::Constant(-5), &weight, entries), expect(&vec![-5; entries as usize]));
            }
        }
    }
}
