//! What tests of cheating provers on the toy circuit share.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, dead_code)]

use tacit_algebra::progress::Progress;
use tacit_circuit::{Values, count_lookups};
use tacit_proof::{Model, Receipt, Refused, VerifyingKey, finish};
use tacit_transcript::Invalid;

use crate::forger::Forger;
use crate::toy;

pub const W: usize = 1;
pub const B: usize = 2;
pub const V: usize = 3;
pub const REM: usize = 4;
pub const Q: usize = 5;
pub const Y: usize = 6;
pub const Z: usize = 7;
pub const RANGE: usize = 8;
pub const COUNTS: [usize; 3] = [8, 9, 10];

/// A model, an honest receipt, and a second prover with everything in its hands.
pub struct Case {
    pub model: Model,
    pub key: VerifyingKey,
    pub values: Values,
    pub receipt: Receipt,
    pub forger: Forger,
}

pub fn case(seed: i64) -> Case {
    let circuit = finish(&toy::circuit().encode()).unwrap();
    let buffers = toy::buffers(seed);
    let model = Model::setup(&circuit, &buffers.weights, &Progress::default()).unwrap();
    let receipt = model.prove(&buffers.public, &buffers.witness, b"context", &Progress::default()).unwrap();
    let key = VerifyingKey::decode(&model.key()).unwrap();
    let forger = Forger::new(&key);
    Case { values: model.values(&buffers.public, &buffers.witness).unwrap(), model, key, receipt, forger }
}

impl Case {
    /// What the verifier says to `statement` with `proof`.
    pub fn verdict(&self, statement: &Receipt, proof: Vec<u8>) -> Result<(), Refused> {
        let receipt = Receipt { proof, ..statement.clone() };
        assert_eq!(Receipt::decode(&receipt.encode()).as_ref(), Ok(&receipt));
        self.key.verify(&receipt, b"context")
    }

    /// The honest stages on these columns.
    pub fn prove(&self, values: &Values) -> Receipt {
        self.model.prove_values(values, b"context", &Progress::default()).unwrap()
    }
}

pub fn check(name: &'static str) -> Result<(), Refused> {
    Err(Refused::Proof(Invalid::Check(name)))
}

/// z = y y + V y for the y that stands there.
pub fn adapt_output(values: &mut Values) {
    let (y, v) = (values.columns[Y].clone(), values.columns[V].clone());
    let row =
        |o: usize| y[o] * y[o] + v.chunks(y.len()).nth(o).unwrap().iter().zip(&y).map(|(a, b)| a * b).sum::<i64>();
    values.columns[Z] = (0..y.len()).map(row).collect();
}

/// W x + b + 2^(s-1) in row `o`.
pub fn accumulator(values: &Values, o: usize) -> i64 {
    let x = &values.columns[0];
    let row = values.columns[W].chunks(x.len()).nth(o).unwrap();
    row.iter().zip(x).map(|(a, b)| a * b).sum::<i64>() + values.columns[B][o] + (1 << (toy::SHIFT - 1))
}

/// Multiplicities of the tuples that are in their tables.
pub fn recount(circuit: &tacit_circuit::Circuit, values: &mut Values) -> bool {
    COUNTS.iter().for_each(|&id| values.columns[id].fill(0));
    count_lookups(circuit, values).is_ok()
}
