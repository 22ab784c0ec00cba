//! The simulator of the opening, compared with the real prover field element by field element: at toy size, on the real layout.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tacit_algebra::field::{BasedVectorSpace, Field, PrimeCharacteristicRing};
use tacit_algebra::{F, K, P};

use super::view::{CLEAR, Cell, LOG_ROWS, QUERIES, Role, Run, Support, Toy, evaluate_on, words};

/// A run, its matrix, and cells of a real prover.
struct Case<'a> {
    run: Run<'a>,
    matrix: Vec<Cell>,
    real: Vec<F>,
    random: SmallRng,
}

/// One solution of `sum of unknowns * columns = wanted`, if there is one.
pub fn solution(columns: &[&[F]], wanted: &[F]) -> Option<Vec<F>> {
    let width = columns.len();
    let mut rows: Vec<Vec<F>> =
        (0..wanted.len()).map(|i| columns.iter().map(|column| column[i]).chain([wanted[i]]).collect()).collect();
    let (mut pivots, mut next) = (Vec::new(), 0);
    for column in 0..width {
        let Some(found) = (next..rows.len()).find(|&row| rows[row][column] != F::ZERO) else { continue };
        rows.swap(next, found);
        let (head, tail) = rows.split_at_mut(next + 1);
        let pivot = &mut head[next];
        let inverse = pivot[column].inverse();
        pivot[column..].iter_mut().for_each(|word| *word *= inverse);
        for row in tail.iter_mut().filter(|row| row[column] != F::ZERO) {
            let scale = row[column];
            row[column..].iter_mut().zip(&pivot[column..]).for_each(|(a, &b)| *a -= scale * b);
        }
        pivots.push(column);
        next += 1;
    }
    if rows[next..].iter().any(|row| row[width] != F::ZERO) {
        return None;
    }
    let mut found = vec![F::ZERO; width];
    for (row, &column) in rows[..next].iter().zip(&pivots).rev() {
        let known: F = (column + 1..width).map(|other| row[other] * found[other]).sum();
        found[column] = row[width] - known;
    }
    Some(found)
}

impl<'a> Case<'a> {
    fn new(toy: &'a Toy, support: Support, seed: u64) -> Self {
        let run = toy.run(support, seed);
        let matrix = run.cells();
        let mut random = SmallRng::seed_from_u64(seed);
        let real = matrix.iter().map(|_| F::from_u64(random.random_range(0..P))).collect();
        Self { run, matrix, real, random }
    }

    fn is_data(&self, place: usize) -> bool {
        self.matrix[place].role == Role::Data
    }

    /// The form's value, of data alone.
    fn value(&self, cells: &[F]) -> Vec<F> {
        let terms = |word: usize| self.matrix.iter().zip(cells).map(move |(cell, &held)| cell.value[word] * held).sum();
        (0..3).map(terms).collect()
    }

    /// The simulator's data: zero, but for three cells that give the form this value.
    fn made_up(&self, value: &[F]) -> Vec<F> {
        let data: Vec<usize> = (0..self.matrix.len()).filter(|&place| self.is_data(place)).collect();
        let columns: Vec<&[F]> = data.iter().map(|&place| self.matrix[place].value.as_slice()).collect();
        let mut cells = vec![F::ZERO; self.matrix.len()];
        let found = solution(&columns, value).unwrap();
        data.into_iter().zip(found).for_each(|(place, cell)| cells[place] = cell);
        assert_eq!(cells.iter().filter(|&&cell| cell != F::ZERO).count(), 3);
        cells
    }

    /// Uniform cells, of those that `kept` names, with which the simulator's data give the real prover's view.
    fn matching(&self, data: &[F], kept: impl Fn(&Cell) -> bool) -> Option<Vec<F>> {
        let free: Vec<usize> =
            (0..self.matrix.len()).filter(|&place| !self.is_data(place) && kept(&self.matrix[place])).collect();
        let mut wanted = vec![F::ZERO; self.matrix[0].view.len()];
        for (place, cell) in self.matrix.iter().enumerate() {
            let uniform = !self.is_data(place);
            let mine = if uniform && !kept(cell) { F::ZERO } else { self.real[place] };
            let difference = mine - data[place];
            wanted.iter_mut().zip(&cell.view).for_each(|(word, &shown)| *word += shown * difference);
        }
        let columns: Vec<&[F]> = free.iter().map(|&place| self.matrix[place].view.as_slice()).collect();
        let found = solution(&columns, &wanted)?;
        let mut cells = data.to_vec();
        free.into_iter().zip(found).for_each(|(place, cell)| cells[place] = cell);
        Some(cells)
    }

    /// The value that the opening proves: of form and mask.
    fn claim(&self, cells: &[F]) -> K {
        evaluate_on(self.run.layout(), &self.run.whole, &self.run.values(cells))
    }
}

/// Any vector with the value, uniform cells, the honest prover.
#[test]
fn an_opening_is_simulated_from_its_value() {
    let toy = Toy::new(2, CLEAR);
    let mut case = Case::new(&toy, Support::Strip, 31);
    let mut cells = case.made_up(&case.value(&case.real));
    for place in (0..cells.len()).filter(|&place| !case.is_data(place)).collect::<Vec<_>>() {
        cells[place] = F::from_u64(case.random.random_range(0..P));
    }
    for cells in [&case.real, &cells] {
        let claim = case.claim(cells);
        let (roots, proof) = case.run.open(&case.run.values(cells), claim);
        assert_eq!(case.run.verify(&roots, claim, &proof), Ok(()));
        assert!(case.run.verify(&roots, claim + K::ONE, &proof).is_err());
    }
}

/// Every field element that the real prover shows is shown by the simulator too, for one choice of its uniform cells; and as many
/// choices give it as give any other. So both views have one law.
#[test]
fn every_real_view_is_a_simulated_one() {
    let toy = Toy::new(2, CLEAR);
    for (seed, support) in [(32, Support::All), (33, Support::Strip)] {
        let case = Case::new(&toy, support, seed);
        let value = case.value(&case.real);
        let matched = case.matching(&case.made_up(&value), |_| true).unwrap();
        let of_data =
            |cells: &[F]| (0..cells.len()).filter(|&place| case.is_data(place) && cells[place] != F::ZERO).count();
        assert!(of_data(&matched) == 3 && of_data(&case.real) > 100);
        let real = case.run.view(&case.run.values(&case.real));
        assert_eq!(case.run.view(&case.run.values(&matched)), real, "{support:?}");
        assert_eq!(case.claim(&matched), case.claim(&case.real));
        // Data with another value give another view, whatever is uniform.
        let other: Vec<F> = words(K::from_basis_coefficients_slice(&value).unwrap() + K::ONE);
        assert!(case.matching(&case.made_up(&other), |_| true).is_none());
    }
}

/// The control: with a group of uniform cells that are zero instead, no choice of the others gives the real view.
#[test]
fn without_masks_or_rows_a_real_view_is_no_simulated_one() {
    let toy = Toy::new(2, CLEAR);
    let case = Case::new(&toy, Support::Strip, 34);
    let made = case.made_up(&case.value(&case.real));
    type Group<'a> = (&'a str, &'a dyn Fn(&Cell) -> bool);
    let groups: [Group<'_>; 4] = [
        ("masks", &|cell| matches!(cell.role, Role::Mask(_))),
        ("one mask limb", &|cell| cell.role == Role::Mask(2)),
        ("rows T", &|cell| matches!(cell.role, Role::Trace(_))),
        ("top rows of weight limbs", &|cell| cell.role == Role::Static),
    ];
    // Of other limbs the opened rows alone: more would stand in for a mask limb.
    let opened = |cell: &Cell| cell.row + QUERIES[0] as u64 >= 1 << LOG_ROWS;
    let enough = |cell: &Cell| !matches!(cell.role, Role::Static | Role::Top) || opened(cell);
    assert!(case.matching(&made, enough).is_some());
    for (name, group) in groups {
        assert!(case.matching(&made, |cell| enough(cell) && !group(cell)).is_none(), "without {name}");
    }
}
