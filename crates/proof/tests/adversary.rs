//! Provers that cheat at a chosen place and are honest or adaptive elsewhere; mutated keys and receipts.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod case;
mod forger;
mod toy;

use std::time::{Duration, Instant};

use case::{Q, RANGE, REM, V, Y, Z, accumulator, adapt_output, case, check, recount};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tacit_algebra::field::{BasedVectorSpace, Field, PrimeCharacteristicRing};
use tacit_algebra::progress::Progress;
use tacit_algebra::{F, K, P, centred, integer, signed};
use tacit_circuit::{Rule, Values};
use tacit_proof::{Key, Model, Receipt, Refused, VerifyingKey, finish};

#[test]
fn the_second_writing_agrees_with_the_first() {
    let case = case(0);
    let (weights, witness) = (case.forger.commit(0, &case.values), case.forger.commit(1, &case.values));
    let statement = case.forger.statement(&case.values, &weights, &witness);
    assert_eq!(Receipt { proof: Vec::new(), ..case.receipt.clone() }, statement);
    let claimed = case.forger.claim(&statement, &case.values);
    let proof = case.forger.open(&statement, claimed, [&weights, &witness], [&weights, &witness]);
    assert!(proof == case.receipt.proof, "the proofs differ");
}

/// A false output whose tuple is in no table. Once alpha and the betas are known, three field elements as multiplicities make
/// the sum of fractions vanish; the commitment was made before.
#[test]
fn late_multiplicities() {
    let case = case(0);
    let forger = &case.forger;
    let mut early = case.values.clone();
    early.columns[Y][0] += 1;
    adapt_output(&mut early);
    let (weights, before) = (forger.commit(0, &early), forger.commit(1, &early));
    let statement = forger.statement(&early, &weights, &before);

    let mut transcript = forger.bind(&statement);
    let alpha = transcript.draw("lookup alpha");
    let beta: Vec<K> = (0..3).map(|_| transcript.draw("lookup beta")).collect();
    let fraction = |tag: i64, tuple: [i64; 2]| -> K {
        (alpha - beta[0] * integer(tag) - beta[1] * integer(tuple[0]) - beta[2] * integer(tuple[1])).inverse()
    };
    let (q, y) = (case.values.columns[Q][0], case.values.columns[Y][0]);
    let missing = fraction(2, [q, y + 1]) - fraction(2, [q, y]);
    let rows = [0, 1, 2].map(|row| fraction(1, [row, 0]));
    let added = solve(rows, missing);
    assert_eq!(rows.iter().zip(added).map(|(&row, m)| row * m).sum::<K>(), missing);
    let mut late = early.clone();
    for (row, m) in added.into_iter().enumerate() {
        late.columns[RANGE][row] = centred(signed(late.columns[RANGE][row]) + m);
    }

    // The tree is satisfied: what objects is the commitment.
    let after = forger.commit(1, &late);
    let prove = |statement: &Receipt, committed, shown| {
        forger.open(statement, forger.claim(statement, &late), [&weights, committed], [&weights, shown])
    };
    let verdict = |committed, shown| case.verdict(&statement, prove(&statement, committed, shown));
    assert_eq!(verdict(&before, &before), check("the opening's last equation"));
    assert_eq!(verdict(&after, &after), check("a Merkle root"));
    assert_eq!(verdict(&before, &after), check("the final polynomial"));
    // Committed in time they are wrong: alpha is another.
    let renewed = forger.statement(&late, &weights, &after);
    assert_eq!(case.verdict(&renewed, prove(&renewed, &after, &after)), check("the fraction tree's root"));
}

/// The three elements m of F with sum m_i rows_i = target.
fn solve(rows: [K; 3], target: K) -> [F; 3] {
    let cells = |value: K| -> [F; 3] { value.as_basis_coefficients_slice().try_into().unwrap() };
    let columns = rows.map(cells);
    let determinant = |columns: [[F; 3]; 3]| {
        let [a, b, c] = columns;
        a[0] * (b[1] * c[2] - b[2] * c[1]) - b[0] * (a[1] * c[2] - a[2] * c[1]) + c[0] * (a[1] * b[2] - a[2] * b[1])
    };
    let whole = determinant(columns).inverse();
    std::array::from_fn(|i| {
        let mut replaced = columns;
        replaced[i] = cells(target);
        determinant(replaced) * whole
    })
}

/// An honest proof for other weights under the root of ours.
#[test]
fn weights_replaced_between_commitment_and_opening() {
    let case = case(0);
    let forger = &case.forger;
    let mut other = case.values.clone();
    other.columns[V].iter_mut().for_each(|v| *v += 1);
    adapt_output(&mut other);
    assert_ne!(other.columns[Z], case.values.columns[Z]);
    let (ours, theirs, witness) = (forger.commit(0, &case.values), forger.commit(0, &other), forger.commit(1, &other));
    let statement = forger.statement(&other, &ours, &witness);
    let prove = |statement: &Receipt, committed, shown| {
        forger.open(statement, forger.claim(statement, &other), [committed, &witness], [shown, &witness])
    };
    let verdict = |committed, shown| case.verdict(&statement, prove(&statement, committed, shown));
    assert_eq!(verdict(&ours, &ours), check("the opening's last equation"));
    assert_eq!(verdict(&theirs, &theirs), check("a Merkle root"));
    assert_eq!(verdict(&ours, &theirs), check("the final polynomial"));
    // Where the statement admits to it, the key objects.
    let statement = forger.statement(&other, &theirs, &witness);
    assert_eq!(case.verdict(&statement, prove(&statement, &theirs, &theirs)), Err(Refused::Weights));
}

/// A remainder in its range that the accumulator does not have: the quotient is a field element, not an integer of the table.
#[test]
fn a_virtual_quotient_that_does_not_divide() {
    let case = case(1);
    let mut values = case.values.clone();
    values.columns[REM][0] = (values.columns[REM][0] + 1) % 16;
    let over = F::from_u64(1 << toy::SHIFT).inverse();
    let quotient = signed(accumulator(&values, 0) - values.columns[REM][0]) * over;
    // as the field has it
    values.columns[Q][0] = centred(quotient);
    assert!(values.columns[Q][0].unsigned_abs() > 1 << 40);
    assert!(!recount(&case.model.circuit, &mut values));
    let receipt = case.prove(&values);
    assert_eq!(case.verdict(&receipt, receipt.proof.clone()), check("the fraction tree's root"));
    // as an integer that the table knows: the tree is satisfied, the definition is not
    values.columns[Q][0] = case.values.columns[Q][0] + 1;
    values.columns[Y][0] = values.columns[Q][0].max(0);
    adapt_output(&mut values);
    assert!(recount(&case.model.circuit, &mut values));
    let receipt = case.prove(&values);
    assert_eq!(case.verdict(&receipt, receipt.proof.clone()), check("the opening's last equation"));
}

/// rem + 16 d with q - d, for small d and for d = -1/16 (q + acc): everything but the remainder's range holds modulo p.
#[test]
fn a_remainder_outside_its_range() {
    let case = case(2);
    for moved in [-40, -1, 1, 17] {
        let mut values = case.values.clone();
        values.columns[REM][1] += moved << toy::SHIFT;
        values.columns[Q][1] -= moved;
        values.columns[Y][1] = values.columns[Q][1].max(0);
        adapt_output(&mut values);
        assert!(!recount(&case.model.circuit, &mut values));
        let receipt = case.prove(&values);
        assert_eq!(case.verdict(&receipt, receipt.proof.clone()), check("the fraction tree's root"));
        // the same with the multiplicity of an honest remainder
        values.columns[RANGE][case.values.columns[REM][1] as usize] += 1;
        let receipt = case.prove(&values);
        assert_eq!(case.verdict(&receipt, receipt.proof.clone()), check("the fraction tree's root"));
    }
}

#[test]
fn parts_of_two_receipts() {
    let case = case(3);
    let input = toy::buffers(3);
    let first = case.receipt.clone();
    let other = case.model.prove(&input.public, &input.witness, b"another", &Progress::default()).unwrap();
    // the same statement in another context, and another input
    let mut values = case.values.clone();
    values.columns[0].iter_mut().for_each(|x| *x = 0);
    for o in 0..toy::OUT as usize {
        let sum = accumulator(&values, o);
        values.columns[REM][o] = sum & 15;
        values.columns[Q][o] = sum >> toy::SHIFT;
        values.columns[Y][o] = values.columns[Q][o].max(0);
    }
    adapt_output(&mut values);
    assert!(recount(&case.model.circuit, &mut values));
    let second = case.prove(&values);
    assert_eq!(case.verdict(&second, second.proof.clone()), Ok(()));
    assert_ne!(first.publics, second.publics);

    let refused =
        |receipt: &Receipt| assert!(matches!(case.verdict(receipt, receipt.proof.clone()), Err(Refused::Proof(_))));
    refused(&Receipt { proof: second.proof.clone(), ..first.clone() });
    refused(&Receipt { proof: other.proof.clone(), ..first.clone() });
    refused(&Receipt { publics: second.publics.clone(), ..first.clone() });
    refused(&Receipt { witness_root: second.witness_root, ..first.clone() });
    refused(&Receipt { witness_root: second.witness_root, proof: second.proof.clone(), ..first.clone() });
    refused(&Receipt { context: b"context".to_vec(), ..other.clone() });
    let half = first.proof.len() / 2;
    refused(&Receipt { proof: [&first.proof[..half], &second.proof[half..]].concat(), ..first.clone() });
}

/// A table row, a coefficient, a bias differ; every length is the same.
#[test]
fn a_proof_for_another_circuit_of_the_same_shapes() {
    let case = case(0);
    let forge = |circuit: &tacit_circuit::Circuit, values: &Values| {
        let bytes = finish(&circuit.encode()).unwrap();
        let model = Model::setup(&bytes, &toy::buffers(0).weights, &Progress::default()).unwrap();
        let mut values = values.clone();
        assert!(recount(&model.circuit, &mut values));
        let receipt = model.prove_values(&values, b"context", &Progress::default()).unwrap();
        let theirs = VerifyingKey::decode(&model.key()).unwrap();
        assert_eq!(theirs.verify(&receipt, b"context"), Ok(()));
        assert_eq!(case.key.verify(&receipt, b"context"), Err(Refused::Circuit));
        let forged = Receipt { circuit_digest: case.receipt.circuit_digest, ..receipt };
        assert_eq!(forged.weights_root, case.receipt.weights_root);
        assert!(matches!(case.key.verify(&forged, b"context"), Err(Refused::Proof(_))));
    };
    let mut circuit = toy::circuit();
    circuit.contracts[0].zero.terms[0].coefficient = F::TWO;
    let mut values = case.values.clone();
    let squares: Vec<i64> = values.columns[Y].iter().map(|y| y * y).collect();
    values.columns[Z].iter_mut().zip(squares).for_each(|(z, square)| *z += square);
    forge(&circuit, &values);

    let mut circuit = toy::circuit();
    circuit.tables[1].segments[0].rules[1] = Rule::Constant(7);
    let mut values = case.values.clone();
    for o in 0..toy::OUT as usize {
        let q = values.columns[Q][o];
        values.columns[Y][o] = if q < 0 { 7 } else { q };
    }
    adapt_output(&mut values);
    forge(&circuit, &values);
}

/// The final polynomial, rows and siblings, edited in the bytes.
#[test]
fn edited_openings() {
    let case = case(1);
    let forger = &case.forger;
    let proof = &case.receipt.proof;
    let start = forger.claim(&case.receipt, &case.values).sender.finish().len();
    let (rows, total) = (forger.schedule.log_rows(), forger.shape.limbs());
    let last = start + 48 * forger.shape.log_limbs();
    let answers = last + (24 << rows);
    let (queries, row) = (forger.schedule.queries()[0], 8 * total);
    let siblings = answers + queries * row;
    let end = proof.len() - 48 * rows;
    assert!(siblings < end && (end - siblings).is_multiple_of(32));
    let refused = |proof: Vec<u8>| case.verdict(&case.receipt, proof).expect_err("an edited opening");
    for at in [last, last + 24 * 100, answers - 24] {
        let mut edited = proof.clone();
        edited[at] ^= 1;
        let _ = refused(edited);
    }
    // a query less, with and without the tail in its place
    let _ = refused([&proof[..answers], &proof[answers + row..]].concat());
    let _ = refused([&proof[..siblings - row], &proof[siblings..]].concat());
    // a row twice, two rows exchanged
    let mut edited = proof.clone();
    edited.copy_within(answers..answers + row, answers + row);
    assert_eq!(refused(edited), check("a Merkle root").unwrap_err());
    // a sibling less, a sibling more
    let _ = refused([&proof[..end - 32], &proof[end..]].concat());
    let _ = refused([&proof[..end], &[0; 32], &proof[end..]].concat());
    // without queries at all
    let _ = refused([&proof[..answers], &proof[end..]].concat());
    let _ = refused(proof[..end].to_vec());
    let _ = refused(Vec::new());
}

/// Numbers at which lengths, counts and positions overflow.
const EXTREME: [u64; 12] = [
    0,
    1,
    (1 << 20) + 1,
    (1 << 26) - 1,
    (1 << 31) - 1,
    u32::MAX as u64,
    (1 << 39) - 1,
    (1 << 40) - 1,
    1 << 62,
    i64::MAX as u64,
    1 << 63,
    u64::MAX,
];

fn mutate(bytes: &[u8], other: &[u8], random: &mut SmallRng) -> Vec<u8> {
    let mut mutated = bytes.to_vec();
    for _ in 0..random.random_range(1..4) {
        let at = random.random_range(0..mutated.len().max(1));
        match random.random_range(0..7) {
            0 => mutated.truncate(at),
            1 => mutated.insert(at, random.random()),
            2 => drop(mutated.splice(at..at, other[random.random_range(0..other.len())..].iter().take(40).copied())),
            3 => drop(mutated.drain(at..(at + random.random_range(1..40)).min(mutated.len()))),
            4 => {
                let extreme = EXTREME[random.random_range(0..EXTREME.len())].to_le_bytes();
                let width = [1, 2, 4, 8][random.random_range(0..4)];
                mutated.iter_mut().skip(at).zip(&extreme[..width]).for_each(|(byte, &value)| *byte = value);
            }
            _ => mutated.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.random_range(0..8)),
        }
        if mutated.is_empty() {
            return mutated;
        }
    }
    mutated
}

/// A key ends with root and seal, which receipts do not state: every byte of them counts, and words of the seal are below p.
#[test]
fn seals_of_keys_have_one_encoding() {
    let case = case(0);
    let honest = case.model.key();
    let seal = honest.len() - 24;
    for at in seal..honest.len() {
        let mut altered = honest.clone();
        altered[at] ^= 1;
        match VerifyingKey::decode(&altered) {
            Ok(key) => assert!(matches!(key.verify(&case.receipt, b"context"), Err(Refused::Proof(_))), "byte {at}"),
            Err(error) => assert_eq!(error, "the key's seal is not in canonical form"),
        }
        assert_eq!(VerifyingKey::decode(&honest[..at]).unwrap_err(), "the key ends too early");
    }
    for (word, value) in [(0, P), (1, P + 1), (2, u64::MAX)] {
        let mut altered = honest.clone();
        altered[seal + 8 * word..][..8].copy_from_slice(&value.to_le_bytes());
        assert_eq!(VerifyingKey::decode(&altered).unwrap_err(), "the key's seal is not in canonical form");
    }
    let mut older = honest;
    older[7] = 1;
    let error = VerifyingKey::decode(&older).unwrap_err();
    assert!(error.starts_with("this key has format 1, this version of tacit reads format 2"), "{error}");
}

/// Nothing panics, nothing is accepted, nothing takes long. A key that still decodes gets a receipt that claims to be its own.
#[test]
fn mutated_keys_and_receipts() {
    let case = case(0);
    let (key, receipt) = (case.model.key(), case.receipt.encode());
    let header = receipt.len() - case.receipt.proof.len();
    let mut random = SmallRng::seed_from_u64(7);
    let mut decoded = [0usize; 2];
    for _ in 0..3000 {
        let start = Instant::now();
        let mutated = mutate(&key, &receipt, &mut random);
        if let Ok(other) = VerifyingKey::decode(&mutated)
            && mutated != key
        {
            decoded[0] += 1;
            assert!(other.verify(&case.receipt, b"context").is_err());
            let (circuit_digest, weights_root) = (other.key.circuit_digest, other.key.weights_root);
            let adapted = Receipt { circuit_digest, weights_root, ..case.receipt.clone() };
            assert!(other.verify(&adapted, b"context").is_err());
            assert_eq!(Key::encode(&other.key.circuit_bytes, &weights_root, other.key.weights_seal), mutated);
        }
        assert!(start.elapsed() < Duration::from_secs(5), "a key of {} bytes", mutated.len());
    }
    for i in 0..2000 {
        // every second time at the front, where lengths and statement are
        let mut mutated = mutate(&receipt[..if i % 2 == 0 { header } else { receipt.len() }], &key, &mut random);
        if i % 2 == 0 {
            mutated.extend_from_slice(&case.receipt.proof);
        }
        if let Ok(other) = Receipt::decode(&mutated)
            && other != case.receipt
        {
            decoded[1] += 1;
            assert!(case.key.verify(&other, &other.context).is_err());
            assert_eq!(other.encode(), mutated);
        }
    }
    assert!(decoded[0] > 100 && decoded[1] > 100, "{decoded:?}");
}
