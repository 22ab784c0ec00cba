//! A model's circuit with its buffers: the verifier accepts exactly the columns in which the oracle finds no fault.

use tacit_algebra::progress::Progress;
use tacit_circuit::{Circuit, FailureKind, Home, Sum, Values, check, component_bound, count_lookups};
use tacit_proof::{Model, VerifyingKey, finish};

/// Cells of all columns and index tuples of all relations: a proof takes milliseconds. The prover's time and memory grow with
/// both; a model is its owner's own.
const MOST: u64 = 1 << 12;

/// The circuit, the weights, the public columns, the witness: the first three behind their lengths (u32).
fn parts(bytes: &[u8]) -> Option<[&[u8]; 4]> {
    let mut rest = bytes;
    let mut next = || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (part, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        rest = after;
        Some(part)
    };
    let [circuit, weights, public] = [next()?, next()?, next()?];
    Some([circuit, weights, public, rest])
}

/// What reading all relations index by index costs.
fn size(circuit: &Circuit) -> u64 {
    let volume = |axes: &[u64]| axes.iter().fold(1, |product: u64, &d| product.saturating_mul(d));
    let of = |sum: &Sum| volume(&sum.axes).saturating_mul(1 + sum.terms.len() as u64);
    let defined = circuit.columns.iter().map(|column| match &column.home {
        Home::Virtual(sum) => of(sum),
        _ => 0,
    });
    let columns = circuit.columns.iter().map(|column| volume(&column.shape));
    let contracts = circuit.contracts.iter().map(|contract| of(&contract.zero));
    let lookups = circuit.lookups.iter().flat_map(|lookup| &lookup.components).map(of);
    columns.chain(defined).chain(contracts).chain(lookups).fold(0, u64::saturating_add)
}

pub fn model(bytes: &[u8]) {
    let Some([circuit, weights, public, witness]) = parts(bytes) else {
        return;
    };
    let small = Circuit::decode(circuit).is_ok_and(|circuit| size(&circuit) <= MOST);
    if !small {
        return;
    }
    let Ok(finished) = finish(circuit) else {
        return;
    };
    let circuit = Circuit::decode(&finished).unwrap_or_else(|error| panic!("a finished circuit is none: {error}"));
    let Ok(mut values) = Values::read(&circuit, weights, public, witness) else {
        return;
    };
    // Beyond 63 bits the prover refuses; the oracle answers for the field.
    let components = circuit.lookups.iter().flat_map(|lookup| &lookup.components);
    let exact = components.clone().all(|sum| component_bound(&circuit, &values, sum) < 1 << 62);
    let verdict = count_lookups(&circuit, &mut values).and_then(|()| check(&circuit, &values));
    let model = Model::setup(&finished, weights, &Progress::default())
        .unwrap_or_else(|error| panic!("a circuit and weights that decode have no commitment: {error}"));
    let key =
        VerifyingKey::decode(&model.key()).unwrap_or_else(|error| panic!("a finished circuit has no key: {error}"));
    let receipt = model.prove(public, witness, b"", &Progress::default());
    let accepted = receipt.is_ok_and(|receipt| key.verify(&receipt, b"").is_ok());
    match verdict {
        Ok(()) if exact => assert!(accepted, "what the oracle accepts is not proved"),
        Ok(()) => {}
        // A virtual column is committed nowhere: the verifier reads its definition, whatever the buffer says.
        Err(failure) if failure.kind == FailureKind::Definition => {}
        Err(failure) => assert!(!accepted, "proved, though {failure}"),
    }
}
