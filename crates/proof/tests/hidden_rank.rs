//! Whether an opening on a hiding layout shows anything but its value: decided exactly, by ranks over Goldilocks (`docs/hiding.md`).
//! Layout, prover, schedule of the rows T, mask and forms are the real ones; only their sizes are a toy's.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]

mod view;

use std::collections::BTreeSet;

use tacit_algebra::field::{BasedVectorSpace, PrimeCharacteristicRing};
use tacit_algebra::{F, K, P};
use view::{CLEAR, Cell, QUERIES, Role, Support, Toy, leak, rank, words};

/// What leaks when only the uniform cells that `kept` names are uniform, the others being zero.
fn leak_of(cells: &[Cell], kept: impl Fn(&Cell) -> bool) -> usize {
    let uniform: Vec<Vec<F>> =
        cells.iter().filter(|cell| cell.role != Role::Data && kept(cell)).map(|cell| cell.view.clone()).collect();
    let data: Vec<_> = cells
        .iter()
        .filter(|cell| cell.role == Role::Data)
        .map(|cell| (cell.view.clone(), cell.value.clone()))
        .collect();
    leak(&uniform, &data)
}

/// Uniform rows of a weight limb that one proof takes, and the key's seal.
const QUERIED: u64 = QUERIES[0] as u64;
const SEALED: u64 = 3;

/// Whether a cell is one of the `count` highest of the rows of its role.
fn highest(cells: &[Cell], role: Role, count: u64) -> impl Fn(&Cell) -> bool + use<> {
    let last = cells.iter().filter(|cell| cell.role == role).map(|cell| cell.row).max().unwrap();
    move |cell| cell.role == role && cell.row + count > last
}

#[test]
fn nothing_leaks_from_a_hiding_layout() {
    // Seven limbs at addresses of five digits, for most of which there is no limb; and nine.
    let cases = [(3, Support::All), (3, Support::Corner), (3, Support::Strip), (5, Support::All)];
    for (seed, (weights, support)) in (1..).zip(cases) {
        let cells = Toy::new(weights, CLEAR).cells(support, seed);
        assert_eq!(leak_of(&cells, |_| true), 0, "{weights} {support:?}");
        // All but what is known: the last three rounds follow from the final polynomial, one query checks it, and the last equation.
        let known = 3 * (2 * 3 + 1 + 1);
        let uniform = cells.iter().filter(|cell| cell.role != Role::Data).map(|cell| cell.view.clone());
        assert_eq!(rank(uniform), cells[0].view.len() - known);
    }
}

/// Mask rows, of the 24 there are, that are just enough for a form on a few rows of all limbs: 42 cells, 33 for the rounds and the mask's
/// value, six for opened rows of two limbs without T, and three, since rows T lack two elements of K and the rounds say one of them.
const MASKED: u64 = 7;

/// All uniform cells, but only so many rows of masks, and of weights' and of other witness limbs only what one proof takes.
fn enough(cells: &[Cell], masks: u64) -> impl Fn(&Cell) -> bool + use<> {
    let (fixed, top) = (highest(cells, Role::Static, QUERIED), highest(cells, Role::Top, QUERIED));
    move |cell| match cell.role {
        Role::Mask(_) => cell.row < masks,
        Role::Static => fixed(cell),
        Role::Top => top(cell),
        _ => true,
    }
}

/// Every group of uniform cells is needed, for a form that leaves the first rounds to the masks alone.
///
/// Two choices are not visible in a rank, since they only make a failure less probable: one of the four limbs with rows T is there
/// because three of them give uniform elements of K except with probability 2^-64, and some of the mask rows because the proof over F
/// needs 3 (k0 + 1) of them beside the opened ones. So the groups are removed from what is *just* enough.
#[test]
fn without_one_group_of_uniform_cells_something_leaks() {
    let traced = |cell: &Cell| matches!(cell.role, Role::Trace(_));
    let masked = |cell: &Cell| matches!(cell.role, Role::Mask(_));
    let cells = Toy::new(3, CLEAR).cells(Support::Strip, 4);
    let enough = enough(&cells, MASKED);
    assert_eq!(leak_of(&cells, &enough), 0);
    let (static_top, top) = (highest(&cells, Role::Static, 1), highest(&cells, Role::Top, 1));
    // The vector has 128 rows, its blocks 32; the second one 32, its blocks 8; the final polynomial 8.
    type Group<'a> = (&'a str, usize, &'a dyn Fn(&Cell) -> bool);
    let groups: [Group<'_>; 14] = [
        ("rows T", 93, &traced),
        ("rows T of the final polynomial", 18, &|cell| traced(cell) && cell.row < 8),
        ("rows T of the second fold", 30, &|cell| traced(cell) && (8..32).contains(&cell.row)),
        ("rows T of the first fold", 36, &|cell| traced(cell) && cell.row >= 32),
        ("rows T of two limbs", 29, &|cell| matches!(cell.role, Role::Trace(0 | 1))),
        ("masks", 39, &masked),
        ("one of seven mask rows", 6, &|cell| masked(cell) && cell.row + 1 == MASKED),
        ("a mask limb", 7, &|cell| cell.role == Role::Mask(0)),
        ("a mask limb", 7, &|cell| cell.role == Role::Mask(1)),
        ("a mask limb", 7, &|cell| cell.role == Role::Mask(2)),
        ("a mask limb", 7, &|cell| cell.role == Role::Mask(3)),
        ("the top rows of weight limbs", 9, &|cell| cell.role == Role::Static),
        ("one top row of weight limbs", 3, &static_top),
        ("one top row of another witness limb", 1, &top),
    ];
    assert!(groups.iter().all(|(_, _, group)| cells.iter().any(group)));
    let found = groups.map(|(name, _, group)| (name, leak_of(&cells, |cell| enough(cell) && !group(cell))));
    assert_eq!(found, groups.map(|(name, leaked, _)| (name, leaked)));
}

/// Rates that fall from oracle to oracle, as those of small receipts do, and folds of other lengths need the rows that their own
/// schedule names, all of them.
#[test]
fn nothing_leaks_with_other_rates_and_folds() {
    type Group<'a> = (&'a str, &'a dyn Fn(&Cell) -> bool);
    for (seed, (folds, rates)) in (31..).zip([([2, 2], [1, 2, 3]), ([1, 3], [1, 1, 1]), ([1, 3], [2, 3, 4])]) {
        let toy = Toy::scheduled(3, CLEAR, 0, &folds, &rates);
        assert_eq!(leak_of(&toy.cells(Support::All, seed), |_| true), 0, "{folds:?} {rates:?}");
        let cells = toy.cells(Support::Strip, seed);
        let rows = |i: usize| 1u64 << toy.schedule.log_message(i);
        let (block, last) = (rows(1), rows(2));
        let traced = |cell: &Cell| matches!(cell.role, Role::Trace(_));
        let enough = enough(&cells, MASKED);
        assert_eq!(leak_of(&cells, &enough), 0, "{folds:?} {rates:?}");
        let (fixed, top) = (highest(&cells, Role::Static, 1), highest(&cells, Role::Top, 1));
        let groups: [Group<'_>; 8] = [
            ("rows T of the final polynomial", &|cell| traced(cell) && cell.row < last),
            ("rows T of the second fold", &|cell| traced(cell) && (last..block).contains(&cell.row)),
            ("rows T of the first fold", &|cell| traced(cell) && cell.row >= block),
            ("rows T of two limbs", &|cell| matches!(cell.role, Role::Trace(0 | 1))),
            ("masks", &|cell| matches!(cell.role, Role::Mask(_))),
            ("a mask limb", &|cell| cell.role == Role::Mask(1)),
            ("one top row of weight limbs", &fixed),
            ("one top row of other witness limbs", &top),
        ];
        for (name, group) in groups {
            assert!(cells.iter().any(group), "{name}");
            let leaked = leak_of(&cells, |cell| enough(cell) && !group(cell));
            assert!(leaked > 0, "{folds:?} {rates:?}: {name}");
        }
    }
}

/// Rows T alone are two elements of K short for what is shown of the folded vector when the form has no coefficient on them, and two
/// mask rows, which have some, are enough; a form on all data needs none (`docs/hiding.md`).
#[test]
fn rows_t_and_two_mask_rows_blind_the_folded_vector() {
    let cases = [([2, 2], Support::Strip), ([1, 3], Support::Strip), ([2, 2], Support::All)];
    let found = cases.map(|(folds, support)| {
        let toy = Toy::scheduled(3, CLEAR, 0, &folds, &[1, 1, 1]);
        let cells = toy.cells(support, 41);
        let one = enough(&cells, 0);
        // Without the rounds over limbs, the mask's value, and the key's seal.
        let (first, seal) = (6 * toy.layout.log_limbs(), if support == Support::Strip { 0 } else { 3 });
        let later = |cell: &Cell| cell.view[first..cell.view.len() - 3 - seal].to_vec();
        let all = rank(cells.iter().map(later));
        let uniform = |rows: u64| {
            let kept = |cell: &&Cell| match cell.role {
                Role::Data => false,
                // Limbs without T are opened, too: that takes the top rows.
                Role::Mask(4..) => cell.row + QUERIED >= CLEAR.into(),
                Role::Mask(_) => cell.row < rows,
                _ => one(cell),
            };
            all - rank(cells.iter().filter(kept).map(later))
        };
        [0, 1, 2].map(uniform)
    });
    assert_eq!(found, [[6, 3, 0], [6, 3, 0], [0, 0, 0]]);
}

/// Three more uniform rows of one weight limb make the key's seal uniform: no more are needed, and of no other limb.
#[test]
fn three_rows_hide_what_the_seal_of_a_key_says() {
    for (seed, support) in [(21, Support::All), (22, Support::Corner)] {
        let mut cells = Toy::new(2, CLEAR).cells(support, seed);
        let used = highest(&cells, Role::Static, QUERIED + SEALED);
        cells.retain(|cell| cell.role != Role::Static || used(cell));
        let fixed = || cells.iter().filter(|cell| cell.role == Role::Static);
        let lowest = fixed().map(|cell| cell.row).min().unwrap();
        for limb in fixed().map(|cell| cell.address).collect::<BTreeSet<_>>() {
            let without = |rows: u64| {
                let sealed = |cell: &Cell| cell.role == Role::Static && cell.row < lowest + SEALED;
                leak_of(&cells, |cell| !sealed(cell) || (cell.address == limb && cell.row >= lowest + rows))
            };
            assert_eq!([0, 1, 2, 3].map(without), [0, 1, 2, 3], "{support:?}");
        }
    }
}

/// One weight commitment, so many named ones, and two proofs: their limbs have the same uniform cells in both, on so many rows; everything
/// else is fresh.
fn leak_of_two_proofs(rows: u64, named: usize) -> usize {
    let toy = Toy::naming(2, CLEAR, named);
    let proofs = [toy.cells(Support::All, 5), toy.cells(Support::All, 7)];
    let used = highest(&proofs[0], Role::Static, rows);
    let both = |a: &[F], b: &[F]| [a, b].concat();
    let (mut uniform, mut data) = (Vec::new(), Vec::new());
    let mut add = |role: Role, view: Vec<F>, value: Vec<F>| match role {
        Role::Data => data.push((view, value)),
        _ => uniform.push(view),
    };
    for (first, second) in proofs[0].iter().zip(&proofs[1]) {
        let none = |words: &[F]| vec![F::ZERO; words.len()];
        if first.role == Role::Static && !used(first) {
            continue;
        }
        if first.lasting {
            add(first.role, both(&first.view, &second.view), both(&first.value, &second.value));
            continue;
        }
        add(first.role, both(&first.view, &none(&second.view)), both(&first.value, &none(&second.value)));
        add(first.role, both(&none(&first.view), &second.view), both(&none(&first.value), &second.value));
    }
    leak(&uniform, &data)
}

#[test]
fn a_weight_commitment_serves_as_many_proofs_as_it_has_rows_for() {
    assert_eq!(leak_of_two_proofs(2 * QUERIED + SEALED, 0), 0);
    // Without three more rows the key's seal leaks; without three others two limbs' second rows do.
    assert_eq!(leak_of_two_proofs(2 * QUERIED, 0), 3);
    assert_eq!(leak_of_two_proofs(QUERIED, 0), 9);
}

/// Commitments of single columns show no more than their seals, which three cells of each make uniform, and serve as many proofs as they
/// have rows for.
#[test]
fn nothing_leaks_from_named_commitments() {
    for (seed, support) in [(11, Support::All), (12, Support::Strip)] {
        let cells = Toy::naming(2, CLEAR, 2).cells(support, seed);
        assert_eq!(leak_of(&cells, |_| true), 0, "{support:?}");
        assert_eq!(leak_of(&cells, |cell| cell.role != Role::Seal), 6, "{support:?}");
        assert_eq!(leak_of(&cells, |cell| cell.role != Role::Seal || cell.row > 0), 2, "{support:?}");
        // Four limbs; three words of the key's seal.
        let seal = if support == Support::All { 3 } else { 0 };
        let holding = |rows: u64| {
            let used = highest(&cells, Role::Static, rows);
            leak_of(&cells, |cell| cell.role != Role::Static || used(cell))
        };
        assert_eq!([QUERIED, QUERIED - 1].map(holding), [seal, seal + 4], "{support:?}");
    }
    assert_eq!(leak_of_two_proofs(2 * QUERIED + SEALED, 1), 0);
    assert_eq!(leak_of_two_proofs(QUERIED, 1), 12);
}

/// The rounds over limbs and the mask's value as functionals of `<mask_l, v_l>` and `<mask_l, v_m> + <mask_m, v_l>`, for mask limbs at
/// these addresses and a form that is the mask alone; and the pairs (l, m), by place.
fn mask_functionals(addresses: &[u64], challenges: &[K]) -> (Vec<(usize, usize)>, Vec<Vec<K>>) {
    let rounds = challenges.len();
    let bit = |limb: usize, j: usize| addresses[limb] >> (rounds - 1 - j) & 1;
    let bound = |limb: usize, j: usize| -> K {
        (0..j).map(|i| if bit(limb, i) == 1 { challenges[i] } else { K::ONE - challenges[i] }).product()
    };
    let below = |limb: usize, j: usize| addresses[limb] & ((1 << (rounds - 1 - j)) - 1);
    let pairs: Vec<(usize, usize)> =
        (0..addresses.len()).flat_map(|l| (l..addresses.len()).map(move |m| (l, m))).collect();
    let mut functionals: Vec<Vec<K>> = vec![pairs.iter().map(|(l, m)| K::from_bool(l == m)).collect()];
    for j in 0..rounds {
        let weight = |l, m| K::from_bool(below(l, j) == below(m, j)) * bound(l, j) * bound(m, j);
        let low = |l, m| K::from_bool(bit(l, j) == 0 && bit(m, j) == 0);
        let sign = |l, m| if bit(l, j) == bit(m, j) { K::ONE } else { -K::ONE };
        functionals.push(pairs.iter().map(|&(l, m)| weight(l, m) * low(l, m)).collect());
        functionals.push(pairs.iter().map(|&(l, m)| weight(l, m) * sign(l, m)).collect());
    }
    (pairs, functionals)
}

/// The same as functions of one cell of a limb over F: three words each.
fn mask_words(
    (pairs, functionals): &(Vec<(usize, usize)>, Vec<Vec<K>>),
    (limb, row): (usize, u64),
    weight: impl Fn(usize, u64) -> K,
) -> Vec<F> {
    let part = |functional: &Vec<K>| -> Vec<F> {
        let terms = pairs.iter().zip(functional).map(|(&(l, m), &coefficient)| match (l == limb, m == limb) {
            (true, _) => coefficient * weight(m, row),
            (_, true) => coefficient * weight(l, row),
            _ => K::ZERO,
        });
        words(terms.sum())
    };
    functionals.iter().flat_map(part).collect()
}

/// Their rank as functions of the mask cells, so many rows a limb.
fn mask_cell_rank(addresses: &[u64], challenges: &[K], z: K, rows: u64) -> usize {
    let found = mask_functionals(addresses, challenges);
    let power = |limb: usize, row: u64| z.exp_u64((limb as u64 + 1) * (row + 1));
    let cells = (0..addresses.len()).flat_map(|limb| (0..rows).map(move |row| (limb, row)));
    rank(cells.map(|cell| mask_words(&found, cell, power)))
}

/// The theorem of `docs/hiding.md`, at random challenges and at zero: full rank at 0, 1, 2, 4, ..; not with one of them missing. Over F
/// half of the rows that a layout reserves are enough.
#[test]
fn mask_limbs_at_zero_and_the_powers_of_two_blind_all_rounds_over_limbs() {
    let random =
        |i: u64| K::from_basis_coefficients_fn(|j| F::from_u64(0x9e37_79b9_7f4a_7c15).exp_u64(3 * i + j as u64 + 2));
    for rounds in 2..=7usize {
        let full = 2 * rounds + 1;
        let addresses: Vec<u64> = std::iter::once(0).chain((0..rounds).map(|b| 1 << b)).collect();
        let challenges: Vec<K> = (0..rounds as u64).map(random).collect();
        let of = |addresses: &[u64], challenges: &[K]| rank(mask_functionals(addresses, challenges).1);
        assert_eq!(of(&addresses, &challenges), full);
        assert_eq!(of(&addresses, &vec![K::ZERO; rounds]), full);
        for missing in 0..addresses.len() {
            let others = [&addresses[..missing], &addresses[missing + 1..]].concat();
            assert!(of(&others, &challenges) < full);
        }
        // A challenge of 1 forgets the limbs that the rounds before it told apart.
        let mut ones = challenges.clone();
        ones[0] = K::ONE;
        assert!(of(&addresses, &ones) < full);
        for rows in [full, 2 * full] {
            assert_eq!(mask_cell_rank(&addresses, &challenges, random(50), rows as u64), 3 * full, "{rounds} {rows}");
        }
    }
}

/// Limbs at 0, 1, 2, 4, .. and random challenges of so many rounds.
fn masks(rounds: usize) -> (Vec<u64>, Vec<K>) {
    let random =
        |i: u64| K::from_basis_coefficients_fn(|j| F::from_u64(0x9e37_79b9_7f4a_7c15).exp_u64(5 * i + j as u64 + 7));
    (std::iter::once(0).chain((0..rounds).map(|b| 1 << b)).collect(), (0..rounds as u64).map(random).collect())
}

/// `base^exponent`.
fn power(base: K, exponent: u128) -> K {
    (0..128).rev().fold(K::ONE, |sum, bit| sum.square() * if exponent >> bit & 1 == 1 { base } else { K::ONE })
}

/// Masks over the base field fail at points whose cube lies in it, and by as much as `docs/hiding.md` says: two dimensions for every
/// mask limb whose exponent is a multiple of 3.
#[test]
fn mask_points_fail_when_their_cube_is_in_the_base_field() {
    let p = u128::from(P);
    let any = masks(1).1[0];
    // p^2 + p + 1 is a multiple of 3: roots of unity of order 3 (p - 1) and p - 1.
    let (cube, base) = (power(any, (p * p + p + 1) / 3), power(any, p * p + p + 1));
    let of_base = |z: K| z == K::from(words(z)[0]);
    assert!(of_base(base) && of_base(cube * cube * cube) && !of_base(cube) && !of_base(cube * cube));
    for rounds in 2..=7usize {
        let ((addresses, challenges), full) = (masks(rounds), 3 * (2 * rounds + 1));
        let of = |z: K, rows: usize| mask_cell_rank(&addresses, &challenges, z, rows as u64);
        assert_eq!(of(any, 3 * (rounds + 1)), full);
        assert_eq!(of(cube, 3 * rounds + 6), full - 2 * ((rounds + 1) / 3));
        assert!(of(base, 3 * rounds + 6) < of(cube, 3 * rounds + 6));
    }
}

/// At how many points of K two of the elements `z^(a p^e)`, a = 1 .. 17, e = 0 .. 2, are equal: at most 3 p. When `z^a = z^(b p^e)` the
/// order of z divides `a^3 - b^3`, since it divides p^3 - 1; for a = b it divides `(p - 1) gcd(a, p^2 + p + 1)`.
#[test]
fn mask_points_that_fail_are_few() {
    let (p, most) = (u128::from(P), 17u128);
    let divisor = |a: u128, b: u128| (1..=a).rev().find(|d| a.is_multiple_of(*d) && b.is_multiple_of(*d)).unwrap();
    let conjugate = (1..=most).map(|a| divisor(a, p * p + p + 1)).max().unwrap();
    assert_eq!(conjugate, 3);
    assert!((1..=most).all(|a| [1, 3].contains(&divisor(a, p * p + p + 1))));
    let unlike: u128 = (1..=most).flat_map(|b| (1..b).map(move |a| b * b * b - a * a * a)).sum();
    let (bad, size) = ((1 + conjugate * (p - 1) + unlike) as f64, 3.0 * (p as f64).log2());
    assert!((bad.log2() - size - -126.415).abs() < 1e-3 && unlike < 1 << 18);
}

/// Masks lie on rows on which no limb has a column, `3 (k0 + 1) + 3` more than there are opened rows (`docs/hiding.md`). So the rounds over limbs and the mask's value are uniform although the folded vector on these rows and the opened
/// rows are known and the key's seal meets mask cells: but for the folded vector's value, which the rounds say. Four limbs are too few.
#[test]
fn masks_on_rows_without_columns_blind_what_rows_t_do_not() {
    const OPENED: usize = 2;
    for rounds in 3..=6usize {
        let (mut addresses, drawn) = masks(rounds + 4);
        let (challenges, others) = drawn.split_at(rounds);
        addresses.truncate(rounds + 1);
        let limbs = addresses.len();
        let address = addresses.clone();
        // The weights' limb.
        addresses.push((1 << rounds) - 1);
        let found = mask_functionals(&addresses, challenges);
        let weight = |limb: usize, row: u64| match limb == limbs {
            true => others[2] * others[1].exp_u64(row),
            false => others[0].exp_u64((limb as u64 + 1) * (row + 1)),
        };
        let rows = (OPENED + 3 * (rounds + 1) + 3) as u64;
        let cell = |limb: usize, row: u64| -> Vec<F> {
            let bit = |j: usize| address[limb] >> (rounds - 1 - j) & 1 == 1;
            let folded: K = (0..rounds).map(|j| if bit(j) { challenges[j] } else { K::ONE - challenges[j] }).product();
            let known = (0..rows).flat_map(|other| words(folded * K::from_bool(other == row)));
            let points = words(others[3]).into_iter().take(OPENED);
            let opened = points.flat_map(|x| (0..limbs).map(move |other| x.exp_u64(row) * F::from_bool(other == limb)));
            mask_words(&found, (limb, row), weight).into_iter().chain(known).chain(opened).collect()
        };
        // The rounds and the value; the folded vector; opened rows, which fix it at their points; its value.
        let all = 3 * (2 * rounds + 1) + 3 * rows as usize + OPENED * (limbs - 3) - 3;
        let (cell, places) = (&cell, 0..limbs);
        let found = rank(places.flat_map(|limb| (0..rows).map(move |row| cell(limb, row))));
        assert_eq!(found, if rounds == 3 { all - 3 } else { all }, "{rounds}");
    }
}

/// What a later version may do: mask rows in threes, weights `z^((l+1)(i+1)) (1, X, X^2)`. Masks are elements of K then, k0 + 1 of them a
/// limb are enough, and only points fail whose powers up to k0 + 1 are not distinct.
#[test]
fn masks_in_threes_would_need_fewer_rows() {
    for rounds in 2..=7usize {
        let ((addresses, challenges), full) = (masks(rounds), 2 * rounds + 1);
        let (pairs, functionals) = mask_functionals(&addresses, &challenges);
        for (z, enough) in [(challenges[0], true), (K::from(F::from_u64(7)), true), (K::ONE, false)] {
            let element = |limb: usize, number: u64| -> Vec<K> {
                let weight = |other: usize| z.exp_u64((other as u64 + 1) * (number + 1));
                let of = |functional: &Vec<K>| {
                    let terms =
                        pairs.iter().zip(functional).map(|(&(l, m), &coefficient)| match (l == limb, m == limb) {
                            (true, _) => coefficient * weight(m),
                            (_, true) => coefficient * weight(l),
                            _ => K::ZERO,
                        });
                    terms.sum()
                };
                functionals.iter().map(of).collect()
            };
            let places = (0..=rounds).flat_map(|limb| (0..=rounds as u64).map(move |number| (limb, number)));
            let found = rank(places.map(|(limb, number)| element(limb, number)));
            assert_eq!(found == full, enough, "{rounds}");
        }
    }
}
