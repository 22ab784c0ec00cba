//! A hand-written circuit with every kind of relation, shared by the tests of whole proofs.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, dead_code)]

use tacit_algebra::field::{Field, PrimeCharacteristicRing};
use tacit_algebra::{F, signed};
use tacit_circuit::*;

pub const IN: u64 = 5;
pub const OUT: u64 = 3;
pub const SHIFT: u32 = 4;
const DOMAIN: i64 = 512;

pub fn view(column: u32, axes: &[u16]) -> View {
    let maps = axes.iter().map(|&axis| Map::Affine { offset: 0, terms: vec![(axis, 1)] }).collect();
    View { column, maps }
}

pub fn term(coefficient: F, factors: Vec<View>) -> Term {
    Term { coefficient, factors }
}

fn column(name: &str, shape: &[u64], bytes: u8, home: Home) -> Column {
    Column { name: name.into(), shape: shape.to_vec(), bytes, home }
}

/// x -> y = relu(round(W x + b, 2^4)) by a virtual quotient and two lookups; z = y y + V y by a contract.
pub fn circuit() -> Circuit {
    let one = F::ONE;
    let over = F::from_u64(1 << SHIFT).inverse();
    let quotient = Sum {
        axes: vec![OUT, IN],
        outputs: 1,
        terms: vec![
            term(over, vec![view(1, &[0, 1]), view(0, &[1])]),
            term(over, vec![view(2, &[0])]),
            term(over * signed(1 << (SHIFT - 1)), vec![]),
            term(-over, vec![view(4, &[0])]),
        ],
    };
    let columns = vec![
        column("x", &[IN], 1, Home::Public),
        column("W", &[OUT, IN], 1, Home::Weights),
        column("b", &[OUT], 2, Home::Weights),
        column("V", &[OUT, OUT], 1, Home::Weights),
        column("rem", &[OUT], 1, Home::Witness),
        column("q", &[OUT], 2, Home::Virtual(quotient)),
        column("y", &[OUT], 2, Home::Witness),
        column("z", &[OUT], 4, Home::Public),
        column("range count", &[1 << SHIFT], 4, Home::Count),
        column("negative count", &[DOMAIN as u64], 4, Home::Count),
        column("positive count", &[DOMAIN as u64], 4, Home::Count),
    ];
    let single = |column: u32| Sum { axes: vec![OUT], outputs: 1, terms: vec![term(one, vec![view(column, &[0])])] };
    let segment = |entries: u64, count: u32, rules: Vec<Rule>| Segment { entries, count, rules };
    let tables = vec![
        Table { name: "range".into(), width: 1, segments: vec![segment(1 << SHIFT, 8, vec![Rule::Iota(0)])] },
        Table {
            name: "relu".into(),
            width: 2,
            segments: vec![
                segment(DOMAIN as u64, 9, vec![Rule::Iota(-DOMAIN), Rule::Constant(0)]),
                segment(DOMAIN as u64, 10, vec![Rule::Iota(0), Rule::Iota(0)]),
            ],
        },
    ];
    let square = Sum {
        axes: vec![OUT, OUT],
        outputs: 1,
        terms: vec![
            term(one, vec![view(6, &[0]), view(6, &[0])]),
            term(one, vec![view(3, &[0, 1]), view(6, &[1])]),
            term(-one, vec![view(7, &[0])]),
        ],
    };
    let binding = |name: &str, direction, column, shape: u64, limit: i64| Public {
        name: name.into(),
        direction,
        column,
        dtype: "float32".into(),
        shape: vec![1, shape],
        exponent: 0,
        lowest: -limit,
        highest: limit,
    };
    Circuit {
        columns,
        tables,
        contracts: vec![Contract { name: "square".into(), zero: square }],
        lookups: vec![
            Lookup { name: "remainder".into(), table: 0, components: vec![single(4)] },
            Lookup { name: "relu".into(), table: 1, components: vec![single(5), single(6)] },
        ],
        publics: vec![binding("x", Direction::Input, 0, IN, 100), binding("z", Direction::Output, 7, OUT, 1 << 30)],
        parameters: Parameters::default(),
    }
}

pub struct Buffers {
    pub weights: Vec<u8>,
    pub public: Vec<u8>,
    pub witness: Vec<u8>,
}

/// Honest buffers for pseudo-random weights and inputs.
pub fn buffers(seed: i64) -> Buffers {
    let small = |i: i64, k: i64| ((i * 37 + k * 101 + seed * 59) % 41) - 20;
    let (n, m) = (IN as i64, OUT as i64);
    let x: Vec<i64> = (0..n).map(|i| small(i, 1)).collect();
    let w: Vec<Vec<i64>> = (0..m).map(|o| (0..n).map(|i| small(o * n + i, 2)).collect()).collect();
    let b: Vec<i64> = (0..m).map(|o| small(o, 3) * 5).collect();
    let v: Vec<Vec<i64>> = (0..m).map(|o| (0..m).map(|i| small(o * m + i, 4)).collect()).collect();
    let acc: Vec<i64> =
        (0..m as usize).map(|o| w[o].iter().zip(&x).map(|(a, b)| a * b).sum::<i64>() + b[o] + 8).collect();
    let q: Vec<i64> = acc.iter().map(|a| a >> SHIFT).collect();
    let rem: Vec<i64> = acc.iter().map(|a| a & 15).collect();
    let y: Vec<i64> = q.iter().map(|&q| q.max(0)).collect();
    let z: Vec<i64> =
        (0..m as usize).map(|o| y[o] * y[o] + v[o].iter().zip(&y).map(|(a, b)| a * b).sum::<i64>()).collect();
    let bytes = |cells: &[i64], width: usize| -> Vec<u8> {
        cells.iter().flat_map(|c| c.to_le_bytes()[..width].to_vec()).collect()
    };
    Buffers {
        weights: [bytes(&w.concat(), 1), bytes(&b, 2), bytes(&v.concat(), 1)].concat(),
        public: [bytes(&x, 1), bytes(&z, 4)].concat(),
        witness: [bytes(&rem, 1), bytes(&q, 2), bytes(&y, 2)].concat(),
    }
}
