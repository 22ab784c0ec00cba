//! The simulator of whole receipts (`docs/hiding.md`): it is given the statement, and makes up everything else.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use tacit_algebra::field::{BasedVectorSpace, Field, PrimeCharacteristicRing, TwoAdicField};
use tacit_algebra::progress::Progress;
use tacit_algebra::{F, K, centred};
use tacit_circuit::{Circuit, ColumnId, Home, Values, Writer, digest, integers};
use tacit_columns::{Block, Claim, Form, FormTerm, Hiding, Layout, Views, Weight, known, mask_columns};
use tacit_hide::{Affine, Blank, Hidden, Variables, mask_form, pad_form};
use tacit_open::{Commitment, Schedule, Shape, commit, open};
use tacit_proof::{HideSet, Named, Receipt, seal_point};
use tacit_transcript::{Digest, Invalid, Randomness, Reading, Sender, Transcript};

use super::messages::Uniform;
use super::opening::solution;
use super::oracle::{Oracle, Step};
use super::view::{FormWeights, evaluate, evaluate_on, words};

/// What both sides know: no weights, no hidden tensor, no witness.
pub struct Statement {
    /// Finished.
    pub circuit: Vec<u8>,
    pub set: HideSet,
    /// Bindings whose tensors have commitments of their own, and the seed of each: the simulator makes them, to zeros.
    pub named: Vec<(u32, u64)>,
    /// The shown tensors' bytes.
    pub publics: Vec<Vec<u8>>,
    pub context: Vec<u8>,
}

/// Leaves of a commitment to weights that somebody else made: rows, and salts and siblings as they are attached. Nothing else is
/// known of it.
pub struct Leaves {
    pub root: Digest,
    /// Of the given key.
    pub seal: K,
    pub positions: Vec<u64>,
    pub rows: Vec<Vec<F>>,
    pub attached: [Vec<u8>; 2],
}

/// The commitment to the weights in the key.
pub enum Weights {
    /// The simulator makes it, to zeros, from this seed; one commitment serves several receipts.
    MadeUp(u64),
    /// They are shown: the simulator has the columns, and where the commitment's uniform cells and salts come from.
    Shown(Values, Randomness),
    /// It is given, and so are the leaves that are opened.
    Given(Leaves),
}

/// Lookup and contract, as a verifier reads them.
pub fn outer<R: Reading>(circuit: &Circuit, reading: &mut R) -> Result<Vec<Claim<R::Value>>, Invalid> {
    let mut views = Views::default();
    let lookup = tacit_lookup::verify(circuit, &mut views, reading)?;
    let (lookup, virtuals) = lookup
        .map_or((None, Vec::new()), |reduced| (Some((reduced.numerators, reduced.fingerprints)), reduced.virtuals));
    let contract = tacit_contract::verify(circuit, &virtuals, &mut views, reading)?;
    let mut claims = Vec::new();
    if let Some((numerators, fingerprints)) = lookup {
        let value = fingerprints.value - contract.virtual_total;
        claims.extend([numerators, Claim { form: fingerprints.form, value }]);
    }
    claims.extend(contract.claims);
    Ok(claims)
}

pub struct Simulator {
    statement: Statement,
    /// With the columns of hidden tensors among the witness.
    pub circuit: Circuit,
    pub schedule: Schedule,
    pub layout: Layout,
    pub shape: Shape,
    /// The shown columns.
    shown: Values,
    /// Of the tensors with commitments of their own.
    named: Vec<ColumnId>,
}

impl Simulator {
    pub fn new(statement: Statement) -> Self {
        let mut circuit = Circuit::decode(&statement.circuit).unwrap();
        let parameters = &circuit.parameters;
        let wide = |list: &[u8]| list.iter().map(|&x| usize::from(x)).collect::<Vec<_>>();
        let queries: Vec<usize> = parameters.queries.iter().map(|&x| usize::from(x)).collect();
        let (folds, rates) = (wide(&parameters.folds), wide(&parameters.log_inverse_rates));
        let (rows, salt) = (usize::from(parameters.log_rows), usize::from(parameters.salt));
        let schedule = Schedule::new(rows, folds, rates, queries, salt).unwrap();
        let mut shown = Values { columns: vec![Vec::new(); circuit.columns.len()] };
        let mut publics = statement.publics.iter();
        for (binding, &hidden) in circuit.publics.iter().zip(&statement.set.publics) {
            let column = &mut circuit.columns[binding.column as usize];
            match hidden {
                true => column.home = Home::Witness,
                false => shown.columns[binding.column as usize] = integers(publics.next().unwrap(), column.bytes),
            }
        }
        let named: Vec<ColumnId> =
            statement.named.iter().map(|&(binding, _)| circuit.publics[binding as usize].column).collect();
        let mut counting = Hidden::new(Blank::new());
        outer(&circuit, &mut counting).unwrap();
        let (_, _, variables) = counting.close().unwrap();
        let queries = schedule.queries()[0] as u64;
        let hiding = Hiding { pads: variables.count(), trace: schedule.trace(), queries, named: named.clone() };
        let layout = Layout::hiding(&circuit, &hiding).unwrap();
        let widths = layout.widths().iter().map(|&width| width.max(1)).collect();
        let shape = Shape { widths, addresses: layout.addresses().to_vec() };
        Self { statement, circuit, schedule, layout, shape, shown, named }
    }

    /// A receipt without roots and proof.
    fn empty(&self) -> Receipt {
        Receipt {
            circuit_digest: digest(&self.statement.circuit),
            weights_root: [0; 32],
            hidden: Some(self.statement.set.clone()),
            named: Vec::new(),
            publics: self.statement.publics.clone(),
            context: self.statement.context.clone(),
            witness_root: [0; 32],
            proof: Vec::new(),
        }
    }

    pub fn bind(&self, receipt: &Receipt, seal: K) -> Transcript {
        let parameters = &self.circuit.parameters;
        let mut profile = Writer::default();
        profile.u8(parameters.log_rows);
        profile.u32(parameters.reserved);
        profile.u8(parameters.salt);
        profile.bytes(&parameters.folds);
        profile.bytes(&parameters.log_inverse_rates);
        profile.count(parameters.queries.len());
        parameters.queries.iter().for_each(|&count| profile.u16(count));
        receipt.statement(&profile.finish(), seal).bind(&receipt.witness_root)
    }

    /// Uniform messages, and the claim that they and the challenges leave to the opening, mask included.
    fn messages(&self, receipt: &Receipt, key_seal: K, cells: &Values, seed: u64) -> (Sender, Form, K) {
        let mut hidden = Hidden::new(Uniform::new(self.bind(receipt, key_seal), seed));
        let claims = outer(&self.circuit, &mut hidden).unwrap();
        let (Uniform { mut sender, .. }, zeros, variables) = hidden.close().unwrap();
        let zeta = sender.draw("combine");
        let (mut form, mut value) = self.combine(claims, zeros, &variables, (receipt, key_seal), zeta);
        let z = sender.draw("mask point");
        let masks = mask_columns(&self.layout);
        let masked = evaluate(&mask_form(&masks, z, K::ONE), cells);
        sender.disclose("mask value", masked);
        let xi = sender.draw("mask combine");
        form.extend(mask_form(&masks, z, xi));
        value += xi * masked;
        (sender, form, value)
    }

    fn combine(
        &self,
        claims: Vec<Claim<Affine>>,
        zeros: Vec<Affine>,
        variables: &Variables,
        (receipt, key_seal): (&Receipt, K),
        zeta: K,
    ) -> (Form, K) {
        let values: Vec<Affine> = claims.iter().map(|claim| claim.value.clone()).chain(zeros).collect();
        let mut total = values.iter().zip(zeta.powers()).map(|(value, power)| power * value.constant).sum();
        let mut form = Form::new();
        for (claim, power) in claims.into_iter().zip(zeta.powers()) {
            for term in claim.form {
                let coefficient = power * term.coefficient;
                match self.circuit.columns[term.column as usize].home {
                    Home::Public => {
                        total -= coefficient * known(&self.shown.columns[term.column as usize], &term.weights);
                    }
                    _ => form.push(FormTerm { coefficient, ..term }),
                }
            }
        }
        form.push(pad_form(&values, zeta, variables, self.layout.uniform().pads.unwrap()).unwrap());
        let mut powers = zeta.powers().skip(values.len());
        let power = powers.next().unwrap();
        let key = self.layout.whole().powers(seal_point(&receipt.weights_root));
        form.push(FormTerm { coefficient: power * key.coefficient, ..key });
        total += power * key_seal;
        for ((i, name), power) in receipt.named.iter().enumerate().zip(powers) {
            form.extend(self.seal(i, name.point(), power));
            total += power * name.seal;
        }
        (form, total)
    }

    /// `scale` times what the seal of the i-th named commitment is the value of.
    fn seal(&self, i: usize, z: K, scale: K) -> Form {
        let (column, seal) = (self.named[i], self.layout.uniform().seals[i]);
        let shape = self.layout.shape_of(column).unwrap();
        // The cell at i has the power of 1 + its number in C order.
        let stride = |axis: usize| shape[axis + 1..].iter().product::<u64>();
        let axis = |(axis, &length): (usize, &u64)| {
            Arc::new(Weight::Dense(z.exp_u64(stride(axis)).powers().take(length as usize).collect()))
        };
        let basis = (0..3).filter_map(<K as BasedVectorSpace<F>>::ith_basis_element).collect();
        vec![
            FormTerm { coefficient: scale * z, column, weights: shape.iter().enumerate().map(axis).collect() },
            FormTerm { coefficient: scale, column: seal, weights: vec![Arc::new(Weight::Dense(basis))] },
        ]
    }

    /// The named commitments, to zeros, as a receipt states them.
    fn names(&self, cells: &Values) -> (Vec<Commitment>, Vec<Named>) {
        let make = |(i, &(binding, seed)): (usize, &(u32, u64))| {
            let commitment = self.commit(2 + i, cells, &made(2, seed));
            let mut name = Named { binding, root: commitment.root(), seal: K::ZERO };
            name.seal = evaluate(&self.seal(i, name.point(), K::ONE), cells);
            (commitment, name)
        };
        self.statement.named.iter().enumerate().map(make).unzip()
    }

    /// Zeros, or the shown weights; uniform cells where the layout has them.
    fn cells(&self, weights: &Weights, random: &[Randomness; 2]) -> Values {
        let length = |id: ColumnId| self.layout.shape_of(id).unwrap().iter().product::<u64>() as usize;
        let uniform = self.layout.uniform();
        let mut values = match weights {
            Weights::Shown(values, _) => values.clone(),
            _ => Values::default(),
        };
        let mut put = |id: ColumnId, randomness: &Randomness, stream: u64| {
            values.columns.resize(values.columns.len().max(id as usize + 1), Vec::new());
            values.columns[id as usize] = randomness.cells(stream, length(id));
        };
        uniform.noise.iter().zip(random).for_each(|(noise, random)| put(noise.unwrap(), random, 0));
        (2..).zip(&uniform.masks).for_each(|(stream, &mask)| put(mask, &random[1], stream));
        for ((noise, &seal), &(_, seed)) in uniform.noise[2..].iter().zip(&uniform.seals).zip(&self.statement.named) {
            put(noise.unwrap(), &made(2, seed), 0);
            put(seal, &made(2, seed), 3);
        }
        if let Weights::Given(leaves) = weights {
            self.fit_sealed(&mut values, leaves);
        }
        values
    }

    /// Chooses three reserved rows of one limb and the top rows of every weight limb, so that limbs of zeros have the given rows and seal:
    /// the seal is affine in the three, top rows following.
    fn fit_sealed(&self, values: &mut Values, leaves: &Leaves) {
        let noise = self.layout.uniform().noise[0].unwrap();
        let top = (1u64 << self.schedule.log_rows()) - leaves.positions.len() as u64;
        let place = |row: u64| {
            let mut blocks =
                self.layout.blocks_of(noise).iter().filter(|block| block.address == self.shape.addresses[0]);
            let held = |block: &&Block| (block.row..block.row + (1 << block.size_bits())).contains(&row);
            let block = blocks.find(held).unwrap();
            (block.parts[0].0 + row - block.row) as usize
        };
        let places = [top - 3, top - 2, top - 1].map(place);
        let form = vec![self.layout.whole().powers(seal_point(&leaves.root))];
        let mut missing = |cells: [F; 3]| -> Vec<F> {
            for (place, cell) in places.into_iter().zip(cells) {
                values.columns[noise as usize][place] = centred(cell);
            }
            self.fit(values, leaves, noise);
            words(leaves.seal - evaluate_on(&self.layout, &form, values))
        };
        let none = missing([F::ZERO; 3]);
        let of = |cell: usize| std::array::from_fn(|other| F::from_bool(other == cell));
        let less = |cell: usize| none.iter().zip(missing(of(cell))).map(|(&a, b)| a - b).collect();
        let columns: Vec<Vec<F>> = (0..3).map(less).collect();
        let columns: Vec<&[F]> = columns.iter().map(Vec::as_slice).collect();
        let found = solution(&columns, &none).unwrap();
        assert_eq!(missing([found[0], found[1], found[2]]), [F::ZERO; 3]);
    }

    /// Chooses the top rows of every weight limb, whose other cells are zero, so that its codeword goes through the given rows.
    fn fit(&self, values: &mut Values, leaves: &Leaves, noise: ColumnId) {
        let log = self.schedule.log_domain(0) as u32;
        let point = |&position: &u64| {
            F::GENERATOR * F::two_adic_generator(log as usize).exp_u64(position.reverse_bits() >> (u64::BITS - log))
        };
        let points: Vec<F> = leaves.positions.iter().map(point).collect();
        let top = (1u64 << self.schedule.log_rows()) - points.len() as u64;
        for limb in 0..self.shape.widths[0] {
            let mut cells = vec![F::ZERO; 1 << self.schedule.log_rows()];
            self.layout.committed(&*values).read(limb, 0, &mut cells);
            cells[top as usize..].fill(F::ZERO);
            let rest = |x: F| cells.iter().rev().fold(F::ZERO, |sum, &cell| sum * x + cell);
            let wanted: Vec<F> = (0..points.len())
                .map(|n| (leaves.rows[n][limb] - rest(points[n])) * points[n].exp_u64(top).inverse())
                .collect();
            let fitted = interpolate(&points, &wanted);
            for block in self.layout.blocks_of(noise) {
                let (start, e) = block.parts[0];
                for i in (0..1 << e).filter(|i| block.address == self.shape.addresses[limb] && block.row + i >= top) {
                    values.columns[noise as usize][(start + i) as usize] =
                        centred(fitted[(block.row + i - top) as usize]);
                }
            }
        }
    }

    fn commit(&self, commitment: usize, cells: &Values, random: &Randomness) -> Commitment {
        let base: usize = self.shape.widths[..commitment].iter().sum();
        let committed = self.layout.committed(cells);
        let read = |limb: usize, first: usize, rows: &mut [F]| committed.read(base + limb, first, rows);
        commit(&self.schedule, self.shape.widths[commitment], random, read, &Progress::default()).unwrap()
    }

    /// The commitment to shown weights, or to zeros, and root and seal of the key.
    pub fn weights(&self, weights: &Weights, seed: u64) -> (Commitment, Digest, K) {
        let random = randomness(weights, seed);
        let cells = self.cells(weights, &random);
        let commitment = self.commit(0, &cells, &random[0]);
        if let Weights::Given(leaves) = weights {
            return (commitment, leaves.root, leaves.seal);
        }
        let root = commitment.root();
        let form = vec![self.layout.whole().powers(seal_point(&root))];
        (commitment, root, evaluate_on(&self.layout, &form, &cells))
    }

    /// A receipt that the verifier accepts when the hash answers as `oracle` does, and the steps of its transcript. With
    /// `solved` false nothing is done about the last linear equation.
    pub fn receipt(&self, weights: &Weights, oracle: &Oracle, seed: u64, solved: bool) -> (Receipt, Vec<Step>) {
        let random = randomness(weights, seed);
        let mut cells = self.cells(weights, &random);
        let (committed, weights_root, key_seal) = self.weights(weights, seed);
        let (own, named) = self.names(&cells);
        let mut receipt = Receipt { weights_root, named, ..self.empty() };
        // Messages and challenges depend on no root: a first run says what the vector has to satisfy.
        let (_, form, value) = oracle.run(|| self.messages(&receipt, key_seal, &cells, seed));
        if solved {
            self.solve(&form, value, &mut cells);
        }
        let witness = self.commit(1, &cells, &random[1]);
        receipt.witness_root = witness.root();
        let oracle = match weights {
            Weights::Given(leaves) => oracle.attaching((0..).zip(leaves.attached.clone()).collect::<HashMap<_, _>>()),
            _ => oracle.clone(),
        };
        let (proof, steps) = oracle.record(|| {
            let (mut sender, form, value) = self.messages(&receipt, key_seal, &cells, seed);
            let commitments = [committed, witness].into_iter().chain(own).map(Cow::Owned).collect();
            self.open(commitments, &cells, &form, value, &random[1], &mut sender);
            sender.finish()
        });
        (Receipt { proof, ..receipt }, steps)
    }

    /// The honest prover of the opening.
    pub fn open(
        &self,
        commitments: Vec<Cow<'_, Commitment>>,
        cells: &Values,
        form: &Form,
        value: K,
        salts: &Randomness,
        sender: &mut Sender,
    ) {
        let (schedule, shape) = (&self.schedule, &self.shape);
        let (committed, weights) = (self.layout.committed(cells), FormWeights::new(&self.layout, form));
        let read = |limb: usize, first: usize, rows: &mut [F]| committed.read(limb, first, rows);
        let progress = Progress::default();
        open(schedule, commitments, shape, read, &weights, value, salts, sender, &progress).unwrap();
    }

    /// One variable (three cells) takes the form to its value; all others stay zero.
    fn solve(&self, form: &Form, value: K, cells: &mut Values) {
        let column = self.layout.uniform().pads.unwrap();
        let term = form.iter().find(|term| term.column == column).unwrap();
        let weight = term.coefficient * term.weights[0].dense()[0];
        let missing = (value - evaluate_on(&self.layout, form, cells)) * weight.inverse();
        let variables = self.layout.shape_of(column).unwrap()[0] as usize;
        let mut held = vec![0; 3 * variables];
        held.iter_mut().zip(words(missing)).for_each(|(cell, word)| *cell = centred(word));
        cells.columns[column as usize] = held;
        assert_eq!(evaluate_on(&self.layout, form, cells), value);
    }
}

fn made(stream: u8, seed: u64) -> Randomness {
    let mut bytes = [stream; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    Randomness::new(bytes)
}

fn randomness(weights: &Weights, seed: u64) -> [Randomness; 2] {
    match weights {
        Weights::Shown(_, randomness) => [randomness.clone(), made(1, seed)],
        Weights::MadeUp(weights) => [made(0, *weights), made(1, seed)],
        Weights::Given(_) => [made(0, seed), made(1, seed)],
    }
}

/// Coefficients of the polynomial of least degree with these values (Newton's divided differences).
fn interpolate(points: &[F], values: &[F]) -> Vec<F> {
    let mut differences = values.to_vec();
    for k in 1..points.len() {
        for i in (k..points.len()).rev() {
            differences[i] = (differences[i] - differences[i - 1]) * (points[i] - points[i - k]).inverse();
        }
    }
    let mut coefficients: Vec<F> = Vec::new();
    for (&point, &difference) in points.iter().zip(&differences).rev() {
        coefficients.insert(0, F::ZERO);
        for i in 1..coefficients.len() {
            let above = coefficients[i];
            coefficients[i - 1] -= point * above;
        }
        coefficients[0] += difference;
    }
    coefficients
}
