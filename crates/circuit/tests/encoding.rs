//! One encoding per circuit; nothing else decodes; nothing panics.

mod common;

use common::*;
use proptest::prelude::*;
use tacit_circuit::*;

/// A circuit that uses every construct of the format.
fn everything() -> Circuit {
    let mut circuit = two_layers();
    circuit.columns.push(column("pooled", &[3], 4, Home::Witness));
    let pooled = circuit.columns.len() as u32 - 1;
    let window = View {
        column: W1,
        maps: vec![
            Map::List { axis: 1, indices: vec![2, -1, 0] },
            Map::Affine { offset: -1, terms: vec![(0, 2), (2, -1)] },
        ],
    };
    let zero = sum(&[3, 3, 2], 1, vec![term(-5, vec![window, read(pooled, &[1])]), term(7, vec![])]);
    circuit.contracts.push(Contract { name: "window".into(), zero });
    circuit.columns.push(column("segment/count", &[1], 8, Home::Count));
    let count = circuit.columns.len() as u32 - 1;
    let rules = vec![Rule::Constant(-7), Rule::Listed { bytes: 1, data: vec![0x80] }];
    circuit.tables[1].segments.push(Segment { entries: 1, count, rules });
    let count = circuit.columns.len() as u32;
    circuit.columns.push(column("lines", &[3], 8, Home::Count));
    let rules = vec![Rule::Line { start: 5, step: -1 }, Rule::Line { start: -7, step: 1 << 40 }];
    circuit.tables[1].segments.push(Segment { entries: 3, count, rules });
    circuit.parameters = Parameters {
        log_rows: 10,
        reserved: 4,
        salt: 32,
        folds: vec![4, 3],
        log_inverse_rates: vec![2, 2, 3],
        queries: vec![140, 140, 90],
    };
    circuit
}

#[test]
fn decoding_inverts_encoding() {
    for circuit in [Circuit::default(), two_layers(), everything()] {
        let bytes = circuit.encode();
        assert_eq!(Circuit::decode(&bytes).as_ref(), Ok(&circuit));
        assert_eq!(&bytes[..9], b"tacit\0C\x01\0");
    }
    assert_ne!(digest(&two_layers().encode()), digest(&everything().encode()));
}

#[test]
fn other_files_and_formats_are_named() {
    let bytes = two_layers().encode();
    let error = |bytes: &[u8]| Circuit::decode(bytes).unwrap_err().to_string();
    assert!(error(b"PK\x03\x04 a zip file").contains("not a tacit circuit"));
    assert!(error(&[]).contains("not a tacit circuit"));
    let mut newer = bytes.clone();
    newer[7] = 2;
    assert!(error(&newer).contains("another format"));
    let mut key = bytes.clone();
    key[6] = b'K';
    assert!(error(&key).contains("not a tacit circuit"));
    assert!(error(&[bytes.as_slice(), &[0]].concat()).contains("follow the end"));
}

#[test]
fn every_prefix_is_refused() {
    let bytes = everything().encode();
    for length in 0..bytes.len() {
        assert!(Circuit::decode(&bytes[..length]).is_err());
    }
}

#[test]
fn a_long_list_is_refused_before_it_is_allocated() {
    let mut bytes = Circuit::default().encode();
    bytes[9..13].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(Circuit::decode(&bytes).unwrap_err().to_string().contains("longer than the bytes"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]
    #[test]
    fn changed_bytes_decode_to_what_they_encode(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 1..4),
    ) {
        let mut bytes = everything().encode();
        for (place, byte, kind) in edits {
            let at = place.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes[at] ^= 1 << (byte % 8),
                2 => { bytes.remove(at); }
                _ => bytes.insert(at, byte),
            }
        }
        if let Ok(circuit) = Circuit::decode(&bytes) {
            prop_assert_eq!(circuit.encode(), bytes);
        }
    }

    #[test]
    fn noise_never_panics(noise in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = [b"tacit\0C\x01\0".as_slice(), &noise].concat();
        if let Ok(circuit) = Circuit::decode(&bytes) {
            prop_assert_eq!(circuit.encode(), bytes);
        }
    }
}

/// What `change` makes of the circuit is refused with a sentence that contains `words`.
fn refused(words: &str, change: impl FnOnce(&mut Circuit)) {
    let mut circuit = everything();
    change(&mut circuit);
    let error = Circuit::decode(&circuit.encode()).expect_err(words).to_string();
    assert!(error.contains(words), "{error}");
}

/// One more input, a tensor without elements.
fn bind_nothing(circuit: &mut Circuit) {
    let mut again = circuit.publics[0].clone();
    (again.column, again.shape) = (circuit.columns.len() as u32, vec![2, 0, 3]);
    (again.lowest, again.highest) = (0, 0);
    circuit.columns.push(column("nothing", &[1], 1, Home::Public));
    circuit.publics.push(again);
}

#[test]
fn a_tensor_without_elements_has_a_column_of_one_zero() {
    let mut circuit = everything();
    bind_nothing(&mut circuit);
    assert_eq!(Circuit::decode(&circuit.encode()).expect("it is well-formed"), circuit);
}

#[test]
fn ill_formed_circuits_are_refused() {
    refused("the column q1 has an axis of length 0", |c| c.columns[Q1 as usize].shape[0] = 0);
    refused("too many cells", |c| c.columns[Q1 as usize].shape = vec![1 << 20, 1 << 20]);
    refused("cells of 3 bytes", |c| c.columns[0].bytes = 3);
    refused("with 1 maps", |c| c.contracts[0].zero.terms[0].factors[0].maps.truncate(1));
    refused("the column 99 that does not exist", |c| c.contracts[0].zero.terms[0].factors[0].column = 99);
    refused("along the axis 9 that it lacks", |c| c.contracts[0].zero.terms[0].factors[0].maps[0] = axis(9));
    refused("twice along the axis 2", |c| c.contracts[0].zero.terms[0].factors[0].maps[0] = axis(2));
    refused("canonical order", |c| {
        c.contracts[0].zero.terms[1].factors[0].maps[0] = Map::Affine { offset: 0, terms: vec![(1, 0)] }
    });
    refused("canonical order", |c| {
        c.contracts[0].zero.terms[1].factors[0].maps[0] = Map::Affine { offset: 0, terms: vec![(1, 1), (0, 1)] };
    });
    refused("does not fit its axis", |c| {
        c.contracts[0].zero.terms[1].factors[0].maps[0] = Map::List { axis: 1, indices: vec![1] }
    });
    refused("positions beyond 2^62", |c| {
        c.contracts[0].zero.terms[1].factors[0].maps[0] = Map::Affine { offset: i64::MIN, terms: vec![] }
    });
    refused("a term of 4 factors", |c| c.contracts[0].zero.terms[0].factors = vec![read(B1, &[1]); 4]);
    refused("uses a virtual column", |c| c.contracts[0].zero.terms[0].factors[0].column = Q2);
    refused("uses the count column", |c| c.contracts[0].zero.terms[1].factors[0].column = RANGE_COUNT);
    refused("wrong number of axes", |c| c.contracts[0].zero.outputs = 9);
    refused("does not have its definition's shape", |c| c.columns[Q2 as usize].shape[0] = 1);
    refused("the table 7 that does not exist", |c| c.lookups[0].table = 7);
    refused("has 1 components, its table 2", |c| c.lookups[0].table = 1);
    refused("different shapes", |c| c.lookups[1].components[0].axes[0] = 3);
    refused("a product in a component", |c| c.lookups[0].components[0].terms[0].factors.push(read(B1, &[1])));
    refused("in another way than as it is", |c| c.lookups[3].components[0].terms[0].factors[0] = read(Q2, &[1, 0]));
    refused("a coefficient of 2^40", |c| {
        c.lookups[0].components[0].terms[0].coefficient = tacit_algebra::signed(1 << 40)
    });
    refused("lacks a count column", |c| c.tables[0].segments[0].entries = 5);
    refused("belongs to 0 segments", |c| c.columns.push(column("stray", &[3], 8, Home::Count)));
    refused("belongs to 2 segments", |c| {
        let again = c.tables[0].segments[0].clone();
        c.tables[0].segments.push(again);
    });
    refused("of another width", |c| c.tables[0].segments[0].rules.clear());
    refused("does not fit its entries", |c| {
        c.tables[0].segments[0].rules = vec![Rule::Listed { bytes: 2, data: vec![0; 7] }]
    });
    refused("no lookup uses the table activation", |c| {
        c.lookups.retain(|lookup| lookup.table == 0);
    });
    refused("the table empty has no rows", |c| {
        c.tables.push(Table { name: "empty".into(), width: 1, segments: vec![] });
        let mut lookup = c.lookups[0].clone();
        lookup.table = 2;
        c.lookups.push(lookup);
    });
    refused("has 0 bindings", |c| c.publics.truncate(1));
    refused("has 2 bindings", |c| {
        let again = c.publics[0].clone();
        c.publics.push(again);
    });
    refused("names no public column", |c| c.publics[0].column = W1);
    refused("another number of elements", |c| c.publics[0].shape[0] = 2);
    refused("another number of elements", |c| c.publics[0].shape[0] = 0);
    refused("another number of elements", |c| {
        bind_nothing(c);
        c.publics[2].shape = vec![0, 1 << 40];
    });
    refused("has no elements, but", |c| {
        bind_nothing(c);
        c.publics[2].highest = 1;
    });
    refused("too many shared cells", |c| {
        c.columns.push(column("wide", &[5; 17], 1, Home::Witness));
        c.columns.push(column("less wide", &[5; 16], 1, Home::Witness));
        let id = c.columns.len() as u32 - 2;
        // three factors, each of 25 axes in two of them: 75 digits
        let range = |from: u16, to: u16| (from..to).collect::<Vec<u16>>();
        let axes = [range(0, 17), [range(0, 9), range(17, 25)].concat(), range(9, 25)];
        let factors = vec![read(id, &axes[0]), read(id, &axes[1]), read(id + 1, &axes[2])];
        c.contracts.push(Contract { name: "wide".into(), zero: sum(&[5; 25], 0, vec![term(1, factors)]) });
    });
    refused("too large in all", |c| {
        let terms = || sum(&[5; 17], 17, vec![term(1, vec![])]);
        for _ in 0..1 << 11 {
            c.lookups.push(Lookup { name: "wide".into(), table: 0, components: vec![terms()] });
        }
    });
    refused("an interval of p integers", |c| (c.publics[0].lowest, c.publics[0].highest) = (i64::MIN, i64::MAX));
    refused("empty interval", |c| c.publics[0].lowest = 101);
    refused("matching lengths", |c| c.parameters.queries.truncate(1));
    refused("folds exceed", |c| c.parameters.folds = vec![4, 7]);
    refused("larger than the field", |c| {
        c.parameters.log_rows = 30;
        c.parameters.log_inverse_rates[0] = 3;
    });
    refused("0 queries", |c| c.parameters.queries[1] = 0);
}

#[test]
fn seven_eighths_of_a_limb_may_be_reserved() {
    for (log_rows, most) in [(10, 896), (9, 448)] {
        let mut circuit = everything();
        (circuit.parameters.log_rows, circuit.parameters.reserved) = (log_rows, most);
        assert_eq!(Circuit::decode(&circuit.encode()).expect("room for weights is left"), circuit);
        refused("less than an eighth of a limb", |c| {
            (c.parameters.log_rows, c.parameters.reserved) = (log_rows, most + 1);
        });
    }
}

/// Small keys whose verification would take very long or very much memory.
#[test]
fn circuits_that_cost_a_verifier_too_much_are_refused() {
    let long = |circuit: &mut Circuit, len: u64| {
        circuit.columns.push(column("long", &[len], 1, Home::Witness));
        circuit.columns.len() as u32 - 1
    };
    let contract = |circuit: &mut Circuit, axes: &[u64], factors: Vec<View>| {
        circuit.contracts.push(Contract { name: "hostile".into(), zero: sum(axes, 1, vec![term(1, factors)]) });
    };
    let one = |column, terms: &[(u16, i64)], offset| View {
        column,
        maps: vec![Map::Affine { offset, terms: terms.to_vec() }],
    };
    let words = "operations of a verifier";
    // a shift of an axis of 2^39 cells: a vector of that length
    refused(words, |c| {
        let long = long(c, 1 << 39);
        contract(c, &[1 << 39], vec![one(long, &[(0, 1)], 1)]);
    });
    // the same read as it is: closed form
    let mut fine = everything();
    fine.parameters.log_rows = 29;
    let id = long(&mut fine, 1 << 39);
    contract(&mut fine, &[1 << 39], vec![one(id, &[(0, 1)], 0)]);
    assert_eq!(Circuit::decode(&fine.encode()), Ok(fine));
    // many index tuples onto one short axis
    refused(words, |c| {
        let long = long(c, 4);
        contract(c, &[1, 1 << 15, 1 << 15], vec![one(long, &[(1, 3), (2, -3)], 0)]);
    });
    // one axis that is much longer than what it is read into: twice as many tuples as any model comes near
    let tall = |c: &mut Circuit, len: u64| {
        let short = long(c, 3);
        contract(c, &[len], vec![one(short, &[(0, 1)], 0)]);
    };
    refused(words, |c| tall(c, (1 << 24) + 3));
    let mut fine = everything();
    tall(&mut fine, 1 << 23);
    assert_eq!(Circuit::decode(&fine.encode()), Ok(fine));
    // a list in front of many blocks
    refused(words, |c| {
        c.columns.push(column("blocks", &[3, (1 << 31) - 1], 1, Home::Witness));
        let maps = vec![Map::List { axis: 0, indices: vec![0] }, Map::Affine { offset: 1, terms: vec![(1, 1)] }];
        let view = View { column: c.columns.len() as u32 - 1, maps };
        contract(c, &[1, 5], vec![view]);
    });
    // a definition of a thousand terms, read a hundred thousand times
    refused(words, |c| {
        let Home::Virtual(definition) = &mut c.columns[Q2 as usize].home else { panic!("q2 is virtual") };
        let again = definition.terms[1].clone();
        definition.terms.extend(vec![again; 1000]);
        let again = c.lookups[3].components[0].terms[0].clone();
        c.lookups[3].components[0].terms.extend(vec![again; 100_000]);
    });
}
