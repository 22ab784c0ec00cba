//! Whole proofs of a hand-written circuit: honest ones verify, a cheating prover is caught at a named relation.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]

mod toy;

use tacit_algebra::K;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::progress::Progress;
use tacit_circuit::{Circuit, Home, Values, check, count_lookups};
use tacit_proof::{Key, Like, Model, Receipt, Refused, VerifyingKey, Wanted, finish, finish_with};

fn model(seed: i64) -> Model {
    let circuit = finish(&toy::circuit().encode()).unwrap();
    Model::setup(&circuit, &toy::buffers(seed).weights, &Progress::default()).unwrap()
}

fn proved(seed: i64) -> (Model, Receipt, VerifyingKey) {
    let model = model(seed);
    let buffers = toy::buffers(seed);
    let receipt = model.prove(&buffers.public, &buffers.witness, b"context", &Progress::default()).unwrap();
    let key = VerifyingKey::decode(&model.key()).unwrap();
    (model, receipt, key)
}

/// The columns of the input that `proved` proves.
fn values(model: &Model, seed: i64) -> Values {
    let buffers = toy::buffers(seed);
    model.values(&buffers.public, &buffers.witness).unwrap()
}

#[test]
fn honest_receipts_verify() {
    for seed in 0..4 {
        let (_, receipt, key) = proved(seed);
        assert_eq!(key.verify(&receipt, b"context"), Ok(()));
        let bytes = receipt.encode();
        assert_eq!(Receipt::decode(&bytes).unwrap(), receipt);
    }
}

#[test]
fn limbs_of_another_circuit_prove_and_are_committed_to_as_such() {
    let unfinished = toy::circuit().encode();
    let own = Circuit::decode(&finish(&unfinished).unwrap()).unwrap().parameters;
    let limbs = |log_rows: usize, log_inverse_rate: usize| {
        let like = Some(Like { log_rows, log_inverse_rate, reserved: 0 });
        finish_with(&unfinished, &Wanted { like, ..Wanted::default() })
    };
    let (rows, rate) = (usize::from(own.log_rows), usize::from(own.log_inverse_rates[0]));
    let mut roots = Vec::new();
    for (rows, rate) in [(rows, rate), (rows + 1, rate), (rows, rate + 1)] {
        let circuit = limbs(rows, rate).unwrap();
        let found = Circuit::decode(&circuit).unwrap().parameters;
        assert_eq!((usize::from(found.log_rows), usize::from(found.log_inverse_rates[0])), (rows, rate));
        let buffers = toy::buffers(0);
        let model = Model::setup(&circuit, &buffers.weights, &Progress::default()).unwrap();
        let receipt = model.prove(&buffers.public, &buffers.witness, b"", &Progress::default()).unwrap();
        let key = VerifyingKey::decode(&model.key()).unwrap();
        assert_eq!(key.verify(&receipt, b""), Ok(()));
        roots.push(receipt.weights_root);
    }
    assert!(roots[0] != roots[1] && roots[0] != roots[2]);
    assert_eq!(roots[0], proved(0).1.weights_root);
    assert!(limbs(200, rate).is_err() && limbs(rows, 0).is_err() && limbs(rows, 11).is_err());
}

#[test]
fn another_context_weights_or_circuit_are_refused() {
    let (model, receipt, key) = proved(0);
    assert_eq!(key.verify(&receipt, b"Context"), Err(Refused::Context));
    let (_, _, other) = proved(1);
    assert_eq!(other.verify(&receipt, b"context"), Err(Refused::Weights));
    let mut changed = toy::circuit();
    changed.contracts[0].name.push('!');
    let circuit = finish(&changed.encode()).unwrap();
    let renamed = VerifyingKey::decode(&Key::encode(&circuit, &receipt.weights_root, model.weights_seal())).unwrap();
    assert_eq!(renamed.verify(&receipt, b"context"), Err(Refused::Circuit));
    // The same root with another seal is another commitment.
    let resealed = Key::encode(&key.key.circuit_bytes, &receipt.weights_root, model.weights_seal() + K::ONE);
    let resealed = VerifyingKey::decode(&resealed).unwrap();
    assert!(matches!(resealed.verify(&receipt, b"context"), Err(Refused::Proof(_))));
}

/// Every committed or public cell changed by one, the prover otherwise honest: the oracle names a relation, and the receipt
/// of exactly these values is refused. Multiplicities are derived anew where they can be, and left alone where not.
#[test]
fn every_cell_matters() {
    let (model, _, key) = proved(2);
    let honest = values(&model, 2);
    for (id, column) in model.circuit.columns.iter().enumerate() {
        if matches!(column.home, Home::Weights | Home::Virtual(_)) {
            continue;
        }
        for cell in 0..honest.columns[id].len().min(40) {
            for delta in [-1, 1] {
                let mut values = honest.clone();
                values.columns[id][cell] += delta;
                let failure = check(&model.circuit, &values).expect_err("the oracle accepts a changed cell");
                assert!(!failure.relation.is_empty());
                let receipt = model.prove_values(&values, b"context", &Progress::default()).unwrap();
                let verdict = key.verify(&receipt, b"context");
                assert!(verdict.is_err(), "column {}, cell {cell}, {delta}", column.name);
            }
        }
    }
}

/// A wrong output with every other column adapted to it: only the product relation can object.
#[test]
fn a_consistent_lie_is_caught_by_the_relation_that_it_breaks() {
    let (model, _, key) = proved(3);
    let named = |name: &str| model.circuit.columns.iter().position(|c| c.name == name).unwrap();
    let relation_broken = |change: &dyn Fn(&mut Values)| {
        let mut values = values(&model, 3);
        change(&mut values);
        for (id, column) in model.circuit.columns.iter().enumerate() {
            if column.home == Home::Count {
                values.columns[id].iter_mut().for_each(|m| *m = 0);
            }
        }
        // A tuple outside its table keeps the multiplicities of the others.
        let counted = count_lookups(&model.circuit, &mut values);
        let failure = check(&model.circuit, &values).and(counted).expect_err("the oracle accepts a lie");
        let receipt = model.prove_values(&values, b"context", &Progress::default()).unwrap();
        assert!(key.verify(&receipt, b"context").is_err(), "accepted: {}", failure.relation);
        failure.relation
    };
    assert_eq!(relation_broken(&|v| v.columns[named("z")][1] += 1), "square");
    assert_eq!(relation_broken(&|v| v.columns[named("x")][0] += 1), "q");
    assert_eq!(relation_broken(&|v| v.columns[named("rem")][0] = (v.columns[named("rem")][0] + 1) % 16), "q");
    // remainder and virtual quotient moved together: the quotient is no integer of the table's domain any more
    let moved = relation_broken(&|v| {
        v.columns[named("rem")][2] += 16;
        v.columns[named("q")][2] -= 1;
    });
    assert!(moved == "remainder" || moved == "relu", "{moved}");
    let swapped = relation_broken(&|v| {
        let (a, b) = (named("y"), named("rem"));
        v.columns.swap(a, b);
    });
    assert!(["remainder", "relu", "q", "square"].contains(&swapped.as_str()));
}

#[test]
fn a_swapped_weight_is_caught() {
    let (model, _, key) = proved(0);
    let other = toy::buffers(1);
    // an honest witness for other weights, proved under the commitment to ours
    let receipt = model.prove(&other.public, &other.witness, b"context", &Progress::default());
    match receipt {
        Ok(receipt) => assert!(key.verify(&receipt, b"context").is_err()),
        Err(error) => assert!(error.to_string().contains("q") || !error.to_string().is_empty()),
    }
}

#[test]
fn every_byte_of_a_receipt_matters() {
    let (_, receipt, key) = proved(0);
    let bytes = receipt.encode();
    let step = (bytes.len() / 400).max(1);
    for at in (0..bytes.len()).step_by(step).chain(0..200).chain(bytes.len() - 100..bytes.len()) {
        let mut altered = bytes.clone();
        altered[at] ^= 1 << (at % 8);
        if let Ok(parsed) = Receipt::decode(&altered) {
            assert!(key.verify(&parsed, b"context").is_err(), "byte {at}");
        }
    }
    for cut in [0, 1, 8, 9, 40, bytes.len() / 2, bytes.len() - 1] {
        assert!(Receipt::decode(&bytes[..cut]).map(|r| key.verify(&r, b"context").is_err()).unwrap_or(true));
    }
    let mut longer = receipt.clone();
    longer.proof.push(0);
    assert!(key.verify(&longer, b"context").is_err());
}

#[test]
fn public_values_outside_their_interval_are_refused() {
    let (_, mut receipt, key) = proved(0);
    receipt.publics[0][0] = 101;
    assert_eq!(key.verify(&receipt, b"context"), Err(Refused::PublicValue("x".into())));
    receipt.publics[0].pop();
    assert_eq!(key.verify(&receipt, b"context"), Err(Refused::PublicSize("x".into())));
    receipt.publics.pop();
    assert_eq!(key.verify(&receipt, b"context"), Err(Refused::PublicCount { found: 1, wanted: 2 }));
}

#[test]
fn weak_parameters_are_refused_by_the_verifier() {
    let (model, _, _) = proved(0);
    let mut circuit = model.circuit.clone();
    circuit.parameters.queries.iter_mut().for_each(|q| *q /= 2);
    let error =
        VerifyingKey::decode(&Key::encode(&circuit.encode(), &model.weights_root(), model.weights_seal())).unwrap_err();
    assert!(error.contains("bits"), "{error}");
}
