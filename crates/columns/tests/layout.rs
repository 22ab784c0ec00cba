//! Limbs, dense weights and the closed form agree with each other and with brute force.

mod common;

use std::sync::Arc;

use common::*;
use proptest::prelude::*;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::multilinear::eq_table;
use tacit_algebra::packed::{Packed, WIDTH};
use tacit_algebra::{F, K, centred, lift, signed};
use tacit_circuit::*;
use tacit_columns::*;

/// Columns of all committed homes and some that are not; every cell is 1 or more.
fn random(seed: u64) -> (Circuit, Values, Form, Numbers) {
    let mut numbers = Numbers::new(seed);
    let log_rows = 3 + numbers.below(6) as u8;
    // Often enough of them to hide.
    let reserved = numbers.below(5) as u32 + if log_rows >= 7 && numbers.below(2) == 0 { 32 } else { 0 };
    let parameters = Parameters { log_rows, reserved, ..Parameters::default() };
    let mut circuit = Circuit { parameters, ..Circuit::default() };
    let (mut values, mut form) = (Values::default(), Form::new());
    for id in 0..2 + numbers.below(4) as u32 {
        let shape: Vec<u64> = (0..numbers.below(4)).map(|_| 1 + numbers.below(7)).collect();
        let home = match numbers.below(5) {
            0 => Home::Weights,
            1 => Home::Count,
            2 => Home::Public,
            _ => Home::Witness,
        };
        values.columns.push((0..shape.iter().product()).map(|_| 1 + numbers.below(1000) as i64).collect());
        if home != Home::Public {
            // The second term shares its last weight with the first: they are grouped in the dense form.
            let weights: Vec<_> = shape.iter().map(|&len| numbers.weight(len)).collect();
            let mut again: Vec<_> = shape.iter().map(|&len| numbers.weight(len)).collect();
            if let (Some(last), Some(shared)) = (again.last_mut(), weights.last()) {
                *last = shared.clone();
            }
            // The third and fourth are the first and the second but for one axis, with equal vectors that nobody shares.
            let copies = [&weights, &again].map(|weights| {
                let mut copy: Vec<_> = weights.iter().map(|weight| Arc::new((**weight).clone())).collect();
                let axis = numbers.below(shape.len() as u64) as usize;
                copy.iter_mut().skip(axis).take(1).for_each(|weight| *weight = numbers.weight(weight.len()));
                copy
            });
            let terms = [weights, again].into_iter().chain(copies);
            for weights in terms.take(numbers.below(5) as usize) {
                form.push(FormTerm { coefficient: numbers.element(), column: id, weights });
            }
        }
        circuit.columns.push(column("c", &shape, home));
    }
    (circuit, values, form, numbers)
}

/// Uniform cells are at least this in these tests, others are less.
const NOISE: u64 = 1 << 40;

/// Of the addresses of these tests.
const MOST_DIGITS: usize = 7;

/// A hiding layout now and then: rows T at both ends and in the middle.
fn hiding(circuit: &Circuit, numbers: &mut Numbers) -> Option<Hiding> {
    let rows = 1u64 << circuit.parameters.log_rows;
    let trace = vec![0..1 + numbers.below(5), rows / 2..rows / 2 + 1 + numbers.below(6)];
    let queries = 1 + numbers.below(5);
    let room = u64::from(circuit.parameters.reserved) >= clear_rows(queries, MOST_DIGITS);
    (room && numbers.below(2) == 0).then(|| {
        let hidden = (0u32..).zip(&circuit.columns).filter(|(_, column)| matches!(column.home, Home::Witness));
        let named = hidden.filter(|_| numbers.below(3) == 0).map(|(id, _)| id).collect();
        Hiding { pads: 1 + numbers.below(9), trace, queries, named }
    })
}

/// Fills the uniform columns, and weighs some.
fn uniform(layout: &Layout, values: &mut Values, form: &mut Form, numbers: &mut Numbers) {
    let Uniform { pads, masks, noise, seals } = layout.uniform();
    for &id in pads.iter().chain(masks).chain(seals).chain(noise.iter().flatten()) {
        let shape = layout.shape_of(id).unwrap();
        values.columns.resize(values.columns.len().max(id as usize + 1), Vec::new());
        let cells = (0..shape.iter().product()).map(|_| (NOISE + numbers.below(1000)) as i64);
        values.columns[id as usize] = cells.collect();
        if !noise.contains(&Some(id)) {
            let weights = shape.iter().map(|&len| numbers.weight(len)).collect();
            form.push(FormTerm { coefficient: numbers.element(), column: id, weights });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn dense_and_closed_form_are_the_form(seed in any::<u64>()) {
        let (circuit, mut values, mut form, mut numbers) = random(seed);
        let hiding = hiding(&circuit, &mut numbers);
        let layout = match &hiding {
            None => Layout::new(&circuit).unwrap(),
            Some(hiding) => Layout::hiding(&circuit, hiding).unwrap(),
        };
        uniform(&layout, &mut values, &mut form, &mut numbers);
        let rows = 1usize << layout.log_rows();
        let cells = layout.committed(&values);
        let limb = |address: usize| {
            let mut limb = vec![F::ONE; rows];
            cells.read(address, 0, &mut limb);
            limb
        };
        let limbs: Vec<Vec<F>> = (0..layout.widths().iter().sum()).map(limb).collect();
        prop_assert_eq!(limbs.len(), layout.widths().iter().sum::<usize>());
        prop_assert_eq!(layout.addresses().len(), limbs.len());
        let listed = |id: &ColumnId| layout.shape_of(*id).unwrap().iter().product::<u64>();
        let others: u64 = layout.uniform().masks.iter().chain(layout.uniform().noise.iter().flatten()).map(listed).sum();
        let committed = (0..layout.widths().len()).map(|commitment| layout.cells(commitment)).sum::<u64>() + others;
        let committed = committed as usize;
        prop_assert_eq!(limbs.iter().flatten().filter(|&&cell| cell != F::ZERO).count(), committed);
        // Uniform cells are recognised by their size: the top rows of the weights, and what a hiding witness keeps.
        let noise = |cells: &[F]| cells.iter().all(|&cell| cell >= F::from_u64(NOISE));
        let (weights, witness) = limbs.split_at(layout.widths()[0]);
        let (witness, named) = witness.split_at(layout.widths()[1]);
        prop_assert!(weights.iter().chain(named).all(|limb| noise(&limb[rows - circuit.parameters.reserved as usize..])));
        if let Some(hiding) = &hiding {
            // A column of its own commitment lies in its limbs, with its seal.
            for ((commitment, &id), &seal) in (2..).zip(&hiding.named).zip(&layout.uniform().seals) {
                let before = layout.widths()[..commitment].iter().sum::<usize>();
                let own = &layout.addresses()[before..][..layout.widths()[commitment]];
                let blocks = [layout.blocks_of(id), layout.blocks_of(seal)].concat();
                prop_assert!(blocks.iter().all(|block| own.contains(&block.address)));
                prop_assert_eq!(layout.cells(commitment), layout.shape_of(id).unwrap().iter().product::<u64>() + 3);
            }
            let (traced, rest) = witness.split_at(4);
            prop_assert!(traced.iter().all(|limb| hiding.trace.iter().all(|run| noise(&limb[run.start as usize..run.end as usize]))));
            prop_assert!(rest.len() > 1 && layout.log_limbs() >= LEAST_LOG_LIMBS);
            let clear = clear_rows(hiding.queries, layout.log_limbs()) as usize;
            prop_assert!(witness.iter().all(|limb| noise(&limb[rows - clear..])));
            let special = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256].into_iter().take(layout.log_limbs() + 1);
            prop_assert!(special.eq(layout.addresses()[layout.widths()[0]..].iter().copied().take(layout.log_limbs() + 1)));
            prop_assert_eq!(layout.uniform().masks.len(), layout.log_limbs() + 1);
        }

        let weights = layout.weights(&form);
        let weigh = |address: &u64| {
            let mut sums = vec![Packed::ZERO; rows.div_ceil(WIDTH)];
            weights.add(*address as usize, 0, K::ONE, &mut sums);
            sums.into_iter().flat_map(Packed::lanes).take(rows).collect::<Vec<K>>()
        };
        let mut dense: Vec<Vec<K>> = layout.addresses().iter().map(weigh).collect();
        let product = dense.iter().flatten().zip(limbs.iter().flatten());
        prop_assert_eq!(product.map(|(&w, &cell)| w * lift(cell)).sum::<K>(), apply(&form, |id| layout.shape_of(id).unwrap().to_vec(), &values));

        // The weights on whole limbs are apart.
        let base = numbers.element();
        let whole = FormTerm { coefficient: numbers.element(), ..layout.whole().powers(base) };
        prop_assert_eq!(layout.powers_of_rows(&form), None);
        prop_assert_eq!(layout.whole().cells() as usize, layout.widths()[0] * rows);
        form.push(whole.clone());
        let (weights, powers) = (layout.weights(&form), layout.powers_of_rows(&form).unwrap());
        prop_assert_eq!(powers.base, base);
        let expected = |limb: usize| {
            let power = base.exp_u64((limb * rows) as u64);
            if limb < layout.widths()[0] { whole.coefficient * power } else { K::ZERO }
        };
        let scalars: Vec<K> = layout.addresses().iter().map(|&address| powers.scalars[address as usize]).collect();
        prop_assert_eq!(&scalars, &(0..limbs.len()).map(expected).collect::<Vec<K>>());
        prop_assert_eq!(powers.scalars.iter().filter(|&&scalar| scalar != K::ZERO).count(), layout.widths()[0]);

        // Any aligned range, scaled, on top of what is there.
        let (limb, scale) = (numbers.below(limbs.len() as u64) as usize, numbers.element());
        let address = layout.addresses()[limb] as usize;
        let count = WIDTH.min(rows) << numbers.below(u64::from((rows / WIDTH.min(rows)).ilog2()) + 1);
        let first = count * numbers.below((rows / count) as u64) as usize;
        let mut part = vec![F::ONE; count];
        cells.read(limb, first, &mut part);
        prop_assert_eq!(&part[..], &limbs[limb][first..first + count]);
        for most in [i32::MAX, 1 << 10, 3] {
            let mut integers = vec![1; count];
            let small = cells.read_small(limb, first, most, &mut integers);
            prop_assert_eq!(small, part.iter().all(|&cell| centred(cell).unsigned_abs() <= most as u64));
            prop_assert!(!small || part.iter().zip(&integers).all(|(&cell, &value)| cell == signed(value.into())));
        }
        let mut sums = vec![Packed::ONE; count.div_ceil(WIDTH)];
        weights.add(address, first, scale, &mut sums);
        for (sum, &weight) in sums.into_iter().flat_map(Packed::lanes).zip(&dense[limb][first..first + count]) {
            prop_assert_eq!(sum, K::ONE + scale * weight);
        }
        if let Some(multiples) = weights.multiples(address, first, count.div_ceil(WIDTH)) {
            let mut sum = vec![K::ZERO; count];
            for (scale, vector) in multiples {
                let lanes = vector.iter().flat_map(|packed| packed.lanes());
                sum.iter_mut().zip(lanes).for_each(|(sum, weight)| *sum += weight * scale);
            }
            prop_assert_eq!(&sum[..], &dense[limb][first..first + count]);
        }

        for (limb, scalar) in dense.iter_mut().zip(&scalars) {
            limb.iter_mut().zip(base.powers()).for_each(|(weight, power)| *weight += power * *scalar);
        }
        let z = numbers.point(layout.log_limbs() + layout.log_rows());
        let table = eq_table(&z);
        let at = |(limb, &address): (&Vec<K>, &u64)| -> K {
            limb.iter().zip(&table[address as usize * rows..]).map(|(&w, &e)| w * e).sum()
        };
        let extension = dense.iter().zip(layout.addresses()).map(at).sum::<K>();
        prop_assert_eq!(layout.evaluate(&form, &z), Ok(extension));
        prop_assert!(layout.evaluate(&form, &z[1..]).is_err());
        if let Some(term) = form.first() {
            let wrong = FormTerm { weights: [term.weights.as_slice(), &[numbers.weight(2)]].concat(), ..term.clone() };
            prop_assert!(layout.evaluate(&vec![wrong], &z).is_err());
        }
    }

    #[test]
    fn counts_agree_with_the_layout(seed in any::<u64>()) {
        let (circuit, _, _, mut numbers) = random(seed);
        let shapes = |weights: bool| {
            let kept = |c: &&Column| matches!((&c.home, weights), (Home::Weights, true) | (Home::Witness | Home::Count, false));
            circuit.columns.iter().filter(kept).map(|c| c.shape.clone()).collect::<Vec<_>>()
        };
        let parameters = &circuit.parameters;
        let hiding = hiding(&circuit, &mut numbers).map(|hiding| Hiding { named: Vec::new(), ..hiding });
        let (rows, reserved) = (usize::from(parameters.log_rows), u64::from(parameters.reserved));
        let counts = limb_counts(&[shapes(true), shapes(false)], rows, reserved, hiding.as_ref());
        let layout = match &hiding {
            None => Layout::new(&circuit).unwrap(),
            Some(hiding) => Layout::hiding(&circuit, hiding).unwrap(),
        };
        prop_assert_eq!(counts.unwrap(), (layout.widths().to_vec(), layout.log_limbs()));
    }
}

/// A verifier's form has a term for every window of a pooling, each with vectors of its own: together they are one product.
#[test]
fn terms_along_one_axis_are_one_product() {
    let parameters = Parameters { log_rows: 12, ..Parameters::default() };
    let circuit = Circuit { columns: vec![column("x", &[64, 64], Home::Witness)], parameters, ..Circuit::default() };
    let layout = Layout::new(&circuit).unwrap();
    let mut numbers = Numbers::new(3);
    let point = numbers.point(6);
    let window = |index: u64| FormTerm {
        coefficient: numbers.element(),
        column: 0,
        weights: vec![
            Arc::new(Weight::Eq { point: point.clone(), len: 64 }),
            Arc::new(Weight::Index { index, len: 64 }),
        ],
    };
    let form: Form = (0..50).chain(3..20).map(window).collect();
    let weights = layout.weights(&form);
    let address = layout.addresses()[layout.widths()[0]] as usize;
    let multiples = weights.multiples(address, 0, (1 << 12) / WIDTH).unwrap();
    let [(scale, vector)] = multiples.try_into().unwrap();
    let dense: Vec<K> = vector.iter().flat_map(|packed| packed.lanes()).map(|weight| weight * scale).collect();
    let expected = (0..1 << 12).map(|cell| {
        let at = |term: &FormTerm| {
            term.coefficient * term.weights[0].dense()[cell / 64] * term.weights[1].dense()[cell % 64]
        };
        form.iter().map(at).sum::<K>()
    });
    assert!(dense.into_iter().eq(expected));
}

#[test]
fn nothing_is_rounded_up_but_the_last_limb() {
    let shapes = vec![vec![768, 3072], vec![768], vec![50257, 768], vec![12, 197, 197]];
    let cells: u64 = shapes.iter().map(|shape| shape.iter().product::<u64>()).sum();
    let counts = limb_counts(&[shapes, vec![]], 18, 0, None).unwrap().0;
    assert_eq!(counts, [cells.div_ceil(1 << 18) as usize, 1]);
}

#[test]
fn malformed_forms_and_columns_are_refused() {
    let circuit = Circuit {
        columns: vec![column("w", &[3], Home::Weights), column("p", &[3], Home::Public)],
        parameters: Parameters { log_rows: 2, ..Parameters::default() },
        ..Circuit::default()
    };
    let layout = Layout::new(&circuit).unwrap();
    let mut numbers = Numbers::new(1);
    let z = numbers.point(layout.log_limbs() + 2);
    let form = |column, len| vec![FormTerm { coefficient: K::ONE, column, weights: vec![Weight::Ones { len }.into()] }];
    assert!(layout.evaluate(&form(0, 3), &z).is_ok());
    assert!(layout.evaluate(&form(0, 4), &z).is_err());
    assert!(layout.evaluate(&form(1, 3), &z).is_err());
    assert!(layout.evaluate(&form(9, 3), &z).is_err());
    assert!(limb_counts(&[vec![vec![(1 << 39) - 1]], vec![]], 4, 0, None).is_err());
    assert!(limb_counts(&[vec![vec![4]], vec![]], 3, 8, None).is_err());
    assert!(limb_counts(&[vec![vec![4]], vec![]], 64, 0, None).is_err());
}
