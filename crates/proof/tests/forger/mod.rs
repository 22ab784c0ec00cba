//! The stages of a proof written a second time, for provers that deviate from them. What the honest pieces compute they
//! take from the protocol crates; statement, combination, commitment and a naive opening are their own.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, dead_code)]

use tacit_algebra::field::{Field, PrimeCharacteristicRing, PrimeField64, TwoAdicField};
use tacit_algebra::multilinear::bits;
use tacit_algebra::progress::Progress;
use tacit_algebra::{F, K, signed, to_bytes};
use tacit_circuit::{Circuit, Home, Values, Writer, digest};
use tacit_columns::{Claim, Form, FormTerm, Layout, Views, known};
use tacit_open::{Schedule, Shape};
use tacit_proof::{Receipt, VerifyingKey, seal_point};
use tacit_transcript::merkle::Tree;
use tacit_transcript::{Digest, Sender, Transcript};

/// A prover with everything in its hands.
pub struct Forger {
    pub circuit: Circuit,
    bytes: Vec<u8>,
    pub layout: Layout,
    pub schedule: Schedule,
    pub shape: Shape,
    /// The key's.
    pub seal: K,
}

/// Limbs, the matrix of their codewords, and the tree over its rows.
pub struct Commitment {
    pub limbs: Vec<Vec<F>>,
    rows: Vec<F>,
    tree: Tree,
}

impl Commitment {
    pub fn root(&self) -> Digest {
        self.tree.root()
    }

    /// Of a key with this commitment to the weights.
    pub fn seal(&self) -> K {
        let z = seal_point(&self.root());
        self.limbs.iter().flatten().rev().fold(K::ZERO, |sum, &cell| sum * z + cell)
    }

    /// These limbs and those of another commitment, both in one tree: over the rows of the first at even positions, of the other at odd ones.
    pub fn mixed(&self, other: &Self) -> [Self; 2] {
        let width = self.limbs.len();
        let pairs = self.rows.chunks(width).zip(other.rows.chunks(width)).enumerate();
        let rows: Vec<F> = pairs.flat_map(|(i, (even, odd))| if i % 2 == 0 { even } else { odd }).copied().collect();
        let tree = Tree::new(&rows, width, &[], 0);
        [self, other].map(|own| Self { limbs: own.limbs.clone(), rows: rows.clone(), tree: tree.clone() })
    }

    /// The bytes of a row.
    pub fn row(&self, position: u64) -> Vec<u8> {
        let width = self.limbs.len();
        let row = &self.rows[position as usize * width..][..width];
        row.iter().flat_map(|cell| cell.as_canonical_u64().to_le_bytes()).collect()
    }

    pub fn siblings(&self, positions: &[u64]) -> Vec<Digest> {
        self.tree.siblings(positions)
    }
}

/// A proof before its opening, and what the opening has to show.
pub struct Claimed {
    pub sender: Sender,
    form: Form,
    pub value: K,
}

impl Forger {
    pub fn new(key: &VerifyingKey) -> Self {
        let circuit = key.key.circuit.clone();
        let layout = Layout::new(&circuit).unwrap();
        let parameters = &circuit.parameters;
        let wide = |list: &[u8]| list.iter().map(|&x| usize::from(x)).collect::<Vec<_>>();
        let queries = parameters.queries.iter().map(|&x| usize::from(x)).collect();
        let (folds, rates) = (wide(&parameters.folds), wide(&parameters.log_inverse_rates));
        let schedule = Schedule::new(usize::from(parameters.log_rows), folds, rates, queries, 0).unwrap();
        let shape = Shape { widths: layout.widths().to_vec(), addresses: layout.addresses().to_vec() };
        Self { bytes: key.key.circuit_bytes.clone(), circuit, layout, schedule, shape, seal: key.key.weights_seal }
    }

    /// Commitment 0 (weights) or 1 (witness) to columns.
    pub fn commit(&self, commitment: usize, values: &Values) -> Commitment {
        let first: usize = self.shape.widths[..commitment].iter().sum();
        let mut limbs = vec![vec![F::ZERO; 1 << self.schedule.log_rows()]; self.shape.widths[commitment]];
        for (column, cells) in (0u32..).zip(&values.columns) {
            let shape = self.layout.shape_of(column).unwrap_or(&[]).to_vec();
            for block in self.layout.blocks_of(column) {
                let Some(limb) = (block.address as usize).checked_sub(first).and_then(|limb| limbs.get_mut(limb))
                else {
                    continue;
                };
                for row in 0..1u64 << block.size_bits() {
                    let (mut left, mut position, mut stride) = (row, 0, 1);
                    for (&len, &(start, e)) in shape.iter().zip(&block.parts).rev() {
                        position += stride * (start + (left & ((1 << e) - 1)));
                        (left, stride) = (left >> e, stride * len);
                    }
                    limb[(block.row + row) as usize] = signed(cells[position as usize]);
                }
            }
        }
        let rows = encode(&limbs, self.schedule.log_inverse_rates()[0]);
        let tree = Tree::new(&rows, limbs.len(), &[], 0);
        Commitment { limbs, rows, tree }
    }

    /// A receipt without proof: the statement.
    pub fn statement(&self, values: &Values, weights: &Commitment, witness: &Commitment) -> Receipt {
        let public = |column: u32| -> Vec<u8> {
            let width = usize::from(self.circuit.columns[column as usize].bytes);
            values.columns[column as usize].iter().flat_map(|cell| cell.to_le_bytes()[..width].to_vec()).collect()
        };
        Receipt {
            circuit_digest: digest(&self.bytes),
            hidden: None,
            named: Vec::new(),
            weights_root: weights.root(),
            publics: self.circuit.publics.iter().map(|binding| public(binding.column)).collect(),
            context: b"context".to_vec(),
            witness_root: witness.root(),
            proof: Vec::new(),
        }
    }

    /// Stage 1 of `docs/protocol.md`.
    pub fn bind(&self, receipt: &Receipt) -> Transcript {
        let parameters = &self.circuit.parameters;
        let mut profile = Writer::default();
        profile.u8(parameters.log_rows);
        profile.u32(parameters.reserved);
        profile.u8(parameters.salt);
        profile.bytes(&parameters.folds);
        profile.bytes(&parameters.log_inverse_rates);
        profile.count(parameters.queries.len());
        parameters.queries.iter().for_each(|&count| profile.u16(count));
        let mut transcript = Transcript::new("tacit");
        transcript.absorb("format", &[1, 0]);
        transcript.absorb("profile 128", &profile.finish());
        transcript.absorb("hidden", &[0; 4]);
        transcript.absorb("circuit", &receipt.circuit_digest);
        transcript.absorb("model commitment", &receipt.weights_root);
        transcript.absorb("model seal", &to_bytes(self.seal));
        transcript.absorb("linked commitments", &[0; 4]);
        transcript.absorb("public tensors", &(receipt.publics.len() as u32).to_le_bytes());
        receipt.publics.iter().for_each(|public| transcript.absorb("public tensor", public));
        transcript.absorb("context", &receipt.context);
        transcript.absorb("witness commitment", &receipt.witness_root);
        transcript
    }

    /// Stages 2 to 4 on these columns, whatever the statement's roots hold.
    pub fn claim(&self, receipt: &Receipt, values: &Values) -> Claimed {
        let (sender, claims) = self.claims(receipt, values);
        self.combine(sender, values, claims.into_iter().enumerate().collect())
    }

    /// Stages 2 and 3: what is left to combine.
    pub fn claims(&self, receipt: &Receipt, values: &Values) -> (Sender, Vec<Claim<K>>) {
        let (mut sender, mut views) = (Sender::new(self.bind(receipt)), Views::default());
        let progress = Progress::default();
        let lookup = tacit_lookup::prove(&self.circuit, values, &mut views, &mut sender, &progress).unwrap().unwrap();
        let contract =
            tacit_contract::prove(&self.circuit, values, &lookup.virtuals, &mut views, &mut sender, &progress).unwrap();
        let mut claims = vec![lookup.numerators, lookup.fingerprints];
        claims[1].value -= contract.virtual_total;
        claims.extend(contract.claims);
        let form = vec![self.layout.whole().powers(seal_point(&receipt.weights_root))];
        claims.push(Claim { form, value: self.seal });
        (sender, claims)
    }

    /// Stage 4: claims with the power of zeta that each gets.
    pub fn combine(&self, mut sender: Sender, values: &Values, claims: Vec<(usize, Claim<K>)>) -> Claimed {
        let zeta = sender.draw("combine");
        let (mut form, mut value) = (Form::new(), K::ZERO);
        for (exponent, claim) in claims {
            let power = zeta.exp_u64(exponent as u64);
            value += power * claim.value;
            for term in claim.form {
                let coefficient = power * term.coefficient;
                if self.circuit.columns.get(term.column as usize).is_some_and(|column| column.home == Home::Public) {
                    value -= coefficient * known(&values.columns[term.column as usize], &term.weights);
                } else {
                    form.push(FormTerm { coefficient, ..term });
                }
            }
        }
        Claimed { sender, form, value }
    }

    /// Stage 5 without folds, naively: sumchecks and polynomial in clear are those of `shown`, rows and siblings those of
    /// `committed`.
    pub fn open(
        &self,
        receipt: &Receipt,
        claimed: Claimed,
        committed: [&Commitment; 2],
        shown: [&Commitment; 2],
    ) -> Vec<u8> {
        let Claimed { mut sender, form, value } = claimed;
        let (rows, rate) = (self.schedule.log_rows(), self.schedule.log_inverse_rates()[0]);
        assert!(self.schedule.folds().is_empty());
        let words = |values: &[usize]| values.iter().flat_map(|&v| (v as u64).to_le_bytes()).collect::<Vec<u8>>();
        let queries = self.schedule.queries()[0];
        sender.transcript.absorb("opening: schedule", &words(&[rows, 0, 0, 1, rate, 1, queries]));
        let total = self.shape.limbs();
        let sizes = [vec![2], self.shape.widths.clone(), (0..total).collect()].concat();
        sender.transcript.absorb("opening: shape", &words(&sizes));
        for root in [&receipt.weights_root, &receipt.witness_root] {
            sender.transcript.absorb("opening: root", root);
        }
        sender.transcript.absorb("opening: claim", &to_bytes(value));

        let variables = self.shape.log_limbs() + rows;
        let mut vector = vec![K::ZERO; 1 << variables];
        let limbs = shown.iter().flat_map(|commitment| &commitment.limbs);
        vector.iter_mut().zip(limbs.flatten()).for_each(|(cell, &value)| *cell = K::from(value));
        // The form's extension at the corners of the cube.
        let corner = |i: usize| -> Vec<K> { (0..variables).rev().map(|b| K::from_u64((i >> b & 1) as u64)).collect() };
        let mut weight: Vec<K> =
            (0..1 << variables).map(|i| self.layout.evaluate(&form, &corner(i)).unwrap()).collect();
        while vector.len() > 1 << rows {
            round(&mut sender, &mut vector, &mut weight);
        }
        sender.send_many("opening: final", &vector);
        let positions = sender.transcript.positions("opening: queries", rows + rate, queries);
        let row = |&position: &u64| committed.map(|commitment| commitment.row(position)).concat();
        sender.send_bytes("opening: rows", &positions.iter().flat_map(row).collect::<Vec<u8>>());
        for commitment in committed {
            commitment.siblings(&positions).iter().for_each(|sibling| sender.attach(sibling));
        }
        while vector.len() > 1 {
            round(&mut sender, &mut vector, &mut weight);
        }
        sender.finish()
    }
}

/// One round of `<weight, vector>`, the most significant variable first.
fn round(sender: &mut Sender, vector: &mut Vec<K>, weight: &mut Vec<K>) {
    let half = vector.len() / 2;
    let at_zero: K = (0..half).map(|i| vector[i] * weight[i]).sum();
    let leading: K = (0..half).map(|i| (vector[i + half] - vector[i]) * (weight[i + half] - weight[i])).sum();
    sender.send("opening: round", at_zero);
    sender.send("opening: round", leading);
    let r = sender.draw("opening: fold");
    for table in [vector, weight] {
        *table = (0..half).map(|i| table[i] + (table[i + half] - table[i]) * r).collect();
    }
}

/// Oracle 0's matrix, point by point.
fn encode(limbs: &[Vec<F>], rate: usize) -> Vec<F> {
    let log = bits(limbs[0].len() as u64) + rate;
    let evaluate = |position: u64| {
        let x = F::GENERATOR * F::two_adic_generator(log).exp_u64(position.reverse_bits() >> (64 - log));
        limbs.iter().map(move |limb| limb.iter().rev().fold(F::ZERO, |sum, &cell| sum * x + cell))
    };
    (0..1u64 << log).flat_map(evaluate).collect()
}
