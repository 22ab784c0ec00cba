//! The algebraic view of an opening as a matrix: real layouts, the real prover, challenges and positions of a fixed run.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, dead_code)]

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tacit_algebra::field::{BasedVectorSpace, Field, PrimeCharacteristicRing};
use tacit_algebra::packed::Packed;
use tacit_algebra::progress::Progress;
use tacit_algebra::{F, K, P, centred};
use tacit_circuit::{Circuit, Column, ColumnId, Home, Parameters, Values};
use tacit_columns::{Form, FormTerm, Hiding, Layout, Rows, Weight, known, mask_columns};
use tacit_hide::mask_form;
use tacit_open::{Commitment, RankOne, Schedule, Shape, Weights, commit, open};
use tacit_transcript::tamper::{How, with};
use tacit_transcript::{Digest, Invalid, Randomness, Receiver, Sender, Transcript};

/// What a cell is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Weights, witness, and the column of pads: what must not be seen.
    Data,
    /// Uniform rows of a weight limb.
    Static,
    /// Rows T of one of the four limbs, by the limb's place among them.
    Trace(usize),
    /// Top rows of the other witness limbs.
    Top,
    /// Mask rows, by limb.
    Mask(usize),
    /// Of a named commitment: what makes its seal uniform.
    Seal,
}

/// Where a form has coefficients. One that has few leaves the first rounds to the masks: other limbs' coefficients mask nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// All data.
    All,
    /// Three weights.
    Corner,
    /// A few rows of every limb, where none has uniform cells; not even the key's seal, whose coefficients on all rows of weight limbs
    /// would meet mask rows of others.
    Strip,
}

/// A cell, what the proof shows of it (a column of the matrix), and its coefficients in the public value.
pub struct Cell {
    pub role: Role,
    /// In its limb; of a mask limb's uniform cells, counted from the first.
    pub row: u64,
    /// Of its limb, or of the column's first one.
    pub address: u64,
    /// Of a commitment that may serve several proofs: the weights', or a named one.
    pub lasting: bool,
    pub view: Vec<F>,
    pub value: Vec<F>,
}

/// A hiding layout of `weights` full weight limbs and some witness, with so many uniform rows in a weight limb.
pub struct Toy {
    pub schedule: Schedule,
    pub layout: Layout,
    shape: Shape,
    /// Columns with commitments of their own.
    named: Vec<ColumnId>,
}

pub const LOG_ROWS: usize = 7;
pub const QUERIES: [usize; 3] = [3, 2, 1];
/// Coordinates of an address.
pub const ROUNDS: usize = 5;
/// Rows on which no limb has a column.
pub const CLEAR: u32 = (QUERIES[0] + 3 * ROUNDS + 6) as u32;

impl Toy {
    pub fn new(weights: usize, reserved: u32) -> Self {
        Self::naming(weights, reserved, 0)
    }

    /// With commitments of so many single columns.
    pub fn naming(weights: usize, reserved: u32, named: usize) -> Self {
        Self::scheduled(weights, reserved, named, &[2, 2], &[1, 1, 1])
    }

    /// With folds and inverse rates of its own; [`QUERIES`] are those of all.
    pub fn scheduled(weights: usize, reserved: u32, named: usize, folds: &[usize], rates: &[usize]) -> Self {
        let schedule = Schedule::new(LOG_ROWS, folds.to_vec(), rates.to_vec(), QUERIES.to_vec(), 16).unwrap();
        let column = |name: &str, cells: u64, home| Column { name: name.into(), shape: vec![cells], bytes: 8, home };
        let mut columns: Vec<Column> = (0..weights).map(|_| column("w", 100, Home::Weights)).collect();
        let witness = [64, 64, 64, 64, 32].into_iter().chain([16; 8]).chain([8; 8]);
        columns.extend(witness.map(|cells| column("x", cells, Home::Witness)));
        let named = (columns.len() as ColumnId..).take(named).collect::<Vec<_>>();
        columns.extend(named.iter().map(|_| column("n", 100, Home::Witness)));
        let parameters = Parameters { log_rows: LOG_ROWS as u8, reserved, ..Parameters::default() };
        let none = (vec![], vec![], vec![], vec![]);
        let circuit =
            Circuit { columns, tables: none.0, contracts: none.1, lookups: none.2, publics: none.3, parameters };
        let hiding = Hiding { pads: 9, trace: schedule.trace(), queries: QUERIES[0] as u64, named: named.clone() };
        let layout = Layout::hiding(&circuit, &hiding).unwrap();
        let shape = Shape { widths: layout.widths().to_vec(), addresses: layout.addresses().to_vec() };
        assert_eq!((shape.widths[0], layout.log_limbs()), (weights, ROUNDS));
        Self { schedule, layout, shape, named }
    }

    /// The addresses of the mask limbs, in order.
    fn special(&self) -> Vec<u64> {
        std::iter::once(0).chain((0..self.layout.log_limbs()).map(|b| 1 << b)).collect()
    }

    fn columns(&self) -> Vec<ColumnId> {
        let whole = self.layout.whole().column();
        (0..).take_while(|&id| self.layout.shape_of(id).is_some()).filter(|&id| id != whole).collect()
    }

    /// No cells, of all columns.
    fn nothing(&self) -> Values {
        Values { columns: vec![Vec::new(); self.columns().last().map_or(0, |&last| last as usize + 1)] }
    }

    fn length(&self, column: ColumnId) -> usize {
        self.layout.shape_of(column).unwrap().iter().product::<u64>() as usize
    }

    /// Role and row of a cell of a column.
    fn role(&self, column: ColumnId, cell: u64) -> (Role, u64) {
        let uniform = self.layout.uniform();
        if uniform.pads == Some(column) {
            return (Role::Data, 0);
        }
        if uniform.seals.contains(&column) {
            return (Role::Seal, cell);
        }
        if let Some(limb) = uniform.masks.iter().position(|&mask| mask == column) {
            return (Role::Mask(limb), cell);
        }
        let holds = |(start, e): (u64, u32)| (start..start + (1 << e)).contains(&cell);
        let block = self.layout.blocks_of(column).iter().find(|block| holds(block.parts[0])).unwrap();
        let row = block.row + cell - block.parts[0].0;
        let Some(commitment) = uniform.noise.iter().position(|&noise| noise == Some(column)) else {
            return (Role::Data, row);
        };
        let traced = self.special().iter().take(4).position(|&address| address == block.address);
        let role = match (commitment, traced) {
            (0 | 2.., _) => Role::Static,
            (_, Some(limb)) => Role::Trace(limb),
            (_, None) => Role::Top,
        };
        (role, row)
    }

    /// Uniform coefficients on the data that the support names.
    fn form(&self, support: Support, random: &mut SmallRng) -> Form {
        let mut element = || K::from_basis_coefficients_fn(|_| F::from_u64(random.random_range(0..P)));
        let mut form = Form::new();
        for column in self.columns().into_iter().filter(|&id| self.role(id, 0).0 == Role::Data) {
            let axes = self.layout.shape_of(column).unwrap();
            let mut weights: Vec<Vec<K>> =
                axes.iter().map(|&length| (0..length).map(|_| element()).collect()).collect();
            for (cell, weight) in (0..).zip(&mut weights[0]) {
                let counts = match support {
                    Support::All => true,
                    Support::Corner => column == 0 && cell < 3,
                    Support::Strip => axes.len() == 1 && (40..52).contains(&self.role(column, cell).1),
                };
                *weight *= K::from_bool(counts);
            }
            let weights = weights.into_iter().map(|values| Arc::new(Weight::Dense(values))).collect();
            form.push(FormTerm { coefficient: K::ONE, column, weights });
        }
        form
    }

    /// The seals of the key and of the named columns, at a point that is the same for all proofs.
    fn seals(&self, support: Support) -> Vec<Form> {
        let z = K::from_basis_coefficients_fn(|i| F::from_u64(0x9e37_79b9_7f4a_7c15).exp_u64(i as u64 + 3));
        let seals = &self.layout.uniform().seals;
        let basis: Vec<K> = (0..3).filter_map(<K as BasedVectorSpace<F>>::ith_basis_element).collect();
        let dense = |column: ColumnId, values: Vec<K>| FormTerm {
            coefficient: K::ONE,
            column,
            weights: vec![Arc::new(Weight::Dense(values))],
        };
        let powers = |column| z.powers().skip(1).take(self.length(column)).collect();
        let seal = |(&column, &seal)| vec![dense(column, powers(column)), dense(seal, basis.clone())];
        let key = (support != Support::Strip).then(|| vec![self.layout.whole().powers(z)]);
        key.into_iter().chain(self.named.iter().zip(seals).map(seal)).collect()
    }

    /// An opening that proves `form + xi mask + seals`, and the values of mask and seals: for any cells, at the challenges of one fixed run.
    pub fn run(&self, support: Support, seed: u64) -> Run<'_> {
        let mut random = SmallRng::seed_from_u64(seed);
        let form = self.form(support, &mut random);
        let mut element = || K::from_basis_coefficients_fn(|_| F::from_u64(random.random_range(0..P)));
        let (z, xi) = (element(), element());
        let masks = mask_columns(&self.layout);
        let mask = mask_form(&masks, z, K::ONE);
        let seals = self.seals(support);
        let mut whole: Form = form.iter().cloned().chain(mask_form(&masks, z, xi)).collect();
        for (seal, scale) in seals.iter().zip(xi.powers().skip(2)) {
            whole.extend(seal.iter().map(|term| FormTerm { coefficient: scale * term.coefficient, ..term.clone() }));
        }
        let weights = FormWeights::new(&self.layout, &whole);
        Run { toy: self, form, mask, seals, whole, weights, seed, fixed: Rc::default() }
    }

    /// The matrix of the view of one proof.
    pub fn cells(&self, support: Support, seed: u64) -> Vec<Cell> {
        self.run(support, seed).cells()
    }
}

/// The three words of an element of K.
pub fn words(value: K) -> Vec<F> {
    <K as BasedVectorSpace<F>>::as_basis_coefficients_slice(&value).to_vec()
}

/// Of a cell, numbered in C order, in a form.
fn coefficient(form: &Form, column: ColumnId, cell: usize, layout: &Layout) -> K {
    let mut sum = K::ZERO;
    for term in form.iter().filter(|term| term.column == column) {
        let (mut rest, mut product) = (cell, term.coefficient);
        for (weight, &length) in term.weights.iter().zip(layout.shape_of(column).unwrap()).rev() {
            product *= weight.dense()[rest % length as usize];
            rest /= length as usize;
        }
        sum += product;
    }
    sum
}

/// The opening's view of a form on a layout.
pub struct FormWeights {
    rows: Rows,
    rank_one: Option<RankOne>,
}

impl FormWeights {
    pub fn new(layout: &Layout, form: &Form) -> Self {
        let powers = layout.powers_of_rows(form);
        let rank_one = powers.map(|p| RankOne { base: p.base, scalars: p.scalars, known: Vec::new() });
        Self { rows: layout.weights(form), rank_one }
    }
}

impl Weights for FormWeights {
    fn add(&self, address: u64, first: usize, scale: K, rows: &mut [Packed]) {
        self.rows.add(address as usize, first, scale, rows);
    }

    fn multiples(&self, address: u64, first: usize, count: usize) -> Option<Vec<(K, &[Packed])>> {
        self.rows.multiples(address as usize, first, count)
    }

    fn rank_one(&self) -> Option<&RankOne> {
        self.rank_one.as_ref()
    }
}

type Fixed = Rc<RefCell<HashMap<(How, String, usize), Vec<u8>>>>;

/// Openings that differ in their cells alone: the first one's challenges and positions are those of all.
pub struct Run<'a> {
    toy: &'a Toy,
    form: Form,
    mask: Form,
    seals: Vec<Form>,
    /// `form + xi mask + seals`.
    pub whole: Form,
    weights: FormWeights,
    seed: u64,
    fixed: Fixed,
}

impl Run<'_> {
    pub fn layout(&self) -> &Layout {
        &self.toy.layout
    }

    /// All cells of the layout, in the order of the columns.
    fn places(&self) -> impl Iterator<Item = (ColumnId, usize)> {
        let toy = self.toy;
        toy.columns().into_iter().flat_map(move |column| (0..toy.length(column)).map(move |cell| (column, cell)))
    }

    /// The matrix of the view, cell by cell.
    pub fn cells(&self) -> Vec<Cell> {
        let toy = self.toy;
        let none = toy.nothing();
        let nothing = self.view(&none);
        assert!(nothing.iter().all(|&word| word == F::ZERO), "the view is linear");
        let cell = |(column, cell): (ColumnId, usize)| {
            let (role, row) = toy.role(column, cell as u64);
            let mut values = none.clone();
            values.columns[column as usize] = vec![0; toy.length(column)];
            values.columns[column as usize][cell] = 1;
            let view = self.view(&values);
            assert_eq!(view.len(), nothing.len());
            let value = words(coefficient(&self.form, column, cell, &toy.layout));
            let (weights, witness) = (toy.shape.widths[0], toy.shape.widths[1]);
            let blocks = toy.layout.blocks_of(column);
            let holds = |(start, e): (u64, u32)| (start..start + (1 << e)).contains(&(cell as u64));
            let address = blocks.iter().find(|block| holds(block.parts[0])).unwrap_or(&blocks[0]).address;
            let lasting = !toy.shape.addresses[weights..weights + witness].contains(&address);
            Cell { role, row, address, lasting, view, value }
        };
        self.places().map(cell).collect()
    }

    /// Columns that hold these cells, given in the order of the matrix.
    pub fn values(&self, cells: &[F]) -> Values {
        let mut values = self.toy.nothing();
        for ((column, _), &cell) in self.places().zip(cells) {
            values.columns[column as usize].push(centred(cell));
        }
        values
    }

    /// All field elements that a proof shows: what the opening sends, and the values of mask and seals.
    pub fn view(&self, values: &Values) -> Vec<F> {
        let (sent, fixed) = (Rc::new(RefCell::new(Vec::new())), Rc::clone(&self.fixed));
        let kept = Rc::clone(&sent);
        let hook = move |how, label: &str, number, bytes: &mut Vec<u8>| match how {
            How::Drawn | How::Positions => {
                let mut fixed = fixed.borrow_mut();
                bytes.clone_from(fixed.entry((how, label.to_string(), number)).or_insert_with(|| bytes.clone()));
            }
            How::Sent if label != "opening: oracle" => kept.borrow_mut().extend_from_slice(bytes),
            _ => {}
        };
        with(hook, || self.open(values, K::ZERO));
        let sent = sent.take();
        let mut view: Vec<F> =
            sent.as_chunks::<8>().0.iter().map(|word| F::from_u64(u64::from_le_bytes(*word))).collect();
        view.extend(words(evaluate(&self.mask, values)));
        self.seals.iter().for_each(|seal| view.extend(words(evaluate_on(&self.toy.layout, seal, values))));
        view
    }

    fn transcript(&self) -> Transcript {
        let mut transcript = Transcript::new("view");
        transcript.absorb("seed", &self.seed.to_le_bytes());
        transcript
    }

    /// The honest prover, and the roots of its commitments.
    pub fn open(&self, values: &Values, value: K) -> (Vec<Digest>, Vec<u8>) {
        let (toy, progress) = (self.toy, Progress::default());
        let cells = toy.layout.committed(values);
        let salts = Randomness::new([4; 32]);
        let mut base = 0;
        let mut next = |&width: &usize| -> Commitment {
            let read = |limb: usize, first: usize, rows: &mut [F]| cells.read(base + limb, first, rows);
            let commitment = commit(&toy.schedule, width, &salts, read, &progress).unwrap();
            base += width;
            commitment
        };
        let commitments: Vec<Commitment> = toy.shape.widths.iter().map(&mut next).collect();
        let roots = commitments.iter().map(Commitment::root).collect();
        let commitments = commitments.into_iter().map(Cow::Owned).collect();
        let read = |limb: usize, first: usize, rows: &mut [F]| cells.read(limb, first, rows);
        let (schedule, shape, mut sender) = (&toy.schedule, &toy.shape, Sender::new(self.transcript()));
        open(schedule, commitments, shape, read, &self.weights, value, &salts, &mut sender, &progress).unwrap();
        (roots, sender.finish())
    }

    /// The verifier of the opening.
    pub fn verify(&self, roots: &[Digest], value: K, proof: &[u8]) -> Result<(), Invalid> {
        let (toy, mut receiver) = (self.toy, Receiver::new(self.transcript(), proof));
        let extension = |point: &[K]| toy.layout.evaluate(&self.whole, point);
        tacit_open::verify(&toy.schedule, roots, &toy.shape, value, &mut receiver, extension)?;
        receiver.finish()
    }
}

/// Columns that are not held are zero.
pub fn evaluate(form: &Form, values: &Values) -> K {
    let held = |term: &&FormTerm| values.columns.get(term.column as usize).is_some_and(|cells| !cells.is_empty());
    let terms = form.iter().filter(held);
    terms.map(|term| term.coefficient * known(&values.columns[term.column as usize], &term.weights)).sum()
}

/// As [`evaluate`], of a form that may read whole limbs.
pub fn evaluate_on(layout: &Layout, form: &Form, values: &Values) -> K {
    let committed = layout.committed(values);
    let limb = |limb: usize| {
        let mut cells = vec![F::ZERO; 1 << layout.log_rows()];
        committed.read(limb, 0, &mut cells);
        cells.into_iter().map(centred)
    };
    let cells: Vec<i64> = (0..layout.widths()[0]).flat_map(limb).collect();
    let whole = form.iter().filter(|term| term.column == layout.whole().column());
    evaluate(form, values) + whole.map(|term| term.coefficient * known(&cells, &term.weights)).sum::<K>()
}

/// By elimination.
pub fn rank<T: Field>(rows: impl IntoIterator<Item = Vec<T>>) -> usize {
    let mut basis: Vec<(usize, Vec<T>)> = Vec::new();
    for mut row in rows {
        for (pivot, held) in &basis {
            let scale = row[*pivot];
            if scale != T::ZERO {
                row.iter_mut().zip(held).skip(*pivot).for_each(|(a, &b)| *a -= scale * b);
            }
        }
        if let Some(pivot) = row.iter().position(|&word| word != T::ZERO) {
            let inverse = row[pivot].inverse();
            row.iter_mut().for_each(|word| *word *= inverse);
            let place = basis.partition_point(|(other, _)| *other < pivot);
            basis.insert(place, (pivot, row));
        }
    }
    basis.len()
}

/// Elements of F that the view tells of the data beyond the value: `rank [A B; 0 C] - rank A - rank C`, A the uniform cells' view, B
/// the data's, C the data's value. Zero exactly when the view's law depends on the data through the value alone.
pub fn leak(uniform: &[Vec<F>], data: &[(Vec<F>, Vec<F>)]) -> usize {
    let width = data[0].1.len();
    let padded = uniform.iter().map(|view| [view.as_slice(), &vec![F::ZERO; width]].concat());
    let joined = padded.chain(data.iter().map(|(view, value)| [view.as_slice(), value].concat()));
    rank(joined) - rank(uniform.iter().cloned()) - rank(data.iter().map(|(_, value)| value.clone()))
}
