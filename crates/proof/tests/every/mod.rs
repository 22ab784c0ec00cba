//! A hand-written circuit whose proof takes every step that a proof can take: tuples of one to three components, virtual columns
//! with products of two and three factors, contracts of two and three factors, several limbs, an opening that folds twice.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, dead_code)]

use tacit_algebra::F;
use tacit_algebra::field::{Field, PrimeCharacteristicRing};
use tacit_circuit::*;

use crate::toy::{term, view};

const ROWS: u64 = 4;
const INNER: u64 = 6;
const COLUMNS: u64 = 5;
const SHIFT: u32 = 3;
const DOMAIN: i64 = 1200;

/// Column numbers: B is the input, C = A B, D = C C e the output; q = round(C e + f, 2^SHIFT) and t[i] = sum_j C C e are
/// virtual; y = relu(q); g = t mod 7; (t, g, f) is a row of a listed table.
pub const A: u32 = 0;
pub const B: u32 = 1;
pub const C: u32 = 2;
pub const D: u32 = 3;
pub const E: u32 = 4;
pub const FREE: u32 = 5;
pub const REM: u32 = 6;
pub const Q: u32 = 7;
pub const Y: u32 = 8;
pub const T: u32 = 9;
pub const G: u32 = 10;
const COUNTS: u32 = 11;

pub struct Case {
    pub circuit: Circuit,
    pub weights: Vec<u8>,
    pub public: Vec<u8>,
    pub witness: Vec<u8>,
}

/// The circuit, its weights, and the columns of one of two inputs (0 or 1).
pub fn case(input: usize) -> Case {
    let [zero, one] = [computed(0), computed(1)];
    let circuit = circuit(&[zero.rows(), one.rows()].concat());
    let bytes = |cells: &[i64], width: usize| -> Vec<u8> {
        cells.iter().flat_map(|c| c.to_le_bytes()[..width].to_vec()).collect()
    };
    let Cells { a, e, f, b, c, d, rem, q, y, t, g } = [zero, one].into_iter().nth(input).unwrap();
    Case {
        circuit,
        weights: [bytes(&a, 1), bytes(&e, 1), bytes(&f, 1)].concat(),
        public: [bytes(&b, 1), bytes(&d, 4)].concat(),
        witness: [bytes(&c, 2), bytes(&rem, 1), bytes(&q, 2), bytes(&y, 2), bytes(&t, 8), bytes(&g, 1)].concat(),
    }
}

struct Cells {
    a: Vec<i64>,
    e: Vec<i64>,
    f: Vec<i64>,
    b: Vec<i64>,
    c: Vec<i64>,
    d: Vec<i64>,
    rem: Vec<i64>,
    q: Vec<i64>,
    y: Vec<i64>,
    t: Vec<i64>,
    g: Vec<i64>,
}

impl Cells {
    fn rows(&self) -> Vec<[i64; 3]> {
        (0..ROWS as usize).map(|i| [self.t[i], self.g[i], self.f[i]]).collect()
    }
}

/// Pseudo-random small weights and input, everything else computed.
fn computed(input: i64) -> Cells {
    let cells = |count: u64, k: i64| -> Vec<i64> { (0..count as i64).map(|i| (i * 37 + k * 101) % 9 - 4).collect() };
    let (a, e, f, b) = (cells(ROWS * INNER, 1), cells(COLUMNS, 3), cells(ROWS, 4), cells(INNER * COLUMNS, 5 + input));
    let (inner, width) = (INNER as usize, COLUMNS as usize);
    let cell = |n: usize| (0..inner).map(|k| a[n / width * inner + k] * b[k * width + n % width]).sum::<i64>();
    let c: Vec<i64> = (0..ROWS as usize * width).map(cell).collect();
    let d: Vec<i64> = c.iter().enumerate().map(|(n, c)| c * c * e[n % width]).collect();
    let sum = |(n, c): (usize, &i64)| c * e[n % width] + f[n / width] + (1 << (SHIFT - 1));
    let sums: Vec<i64> = c.iter().enumerate().map(sum).collect();
    let rem = sums.iter().map(|s| s & ((1 << SHIFT) - 1)).collect();
    let q: Vec<i64> = sums.iter().map(|s| s >> SHIFT).collect();
    let y = q.iter().map(|&q| q.max(0)).collect();
    let t: Vec<i64> = d.chunks(width).map(|row| row.iter().sum()).collect();
    let g = t.iter().map(|t| t.rem_euclid(7)).collect();
    Cells { a, e, f, b, c, d, rem, q, y, t, g }
}

fn sum(axes: &[u64], outputs: u16, terms: Vec<Term>) -> Sum {
    Sum { axes: axes.to_vec(), outputs, terms }
}

/// The listed table holds the rows `(t, g, f)` of both inputs.
fn circuit(rows: &[[i64; 3]]) -> Circuit {
    let (one, grid) = (F::ONE, [ROWS, COLUMNS]);
    let over = F::from_u64(1 << SHIFT).inverse();
    let quotient = sum(
        &grid,
        2,
        vec![
            term(over, vec![view(C, &[0, 1]), view(E, &[1])]),
            term(over, vec![view(FREE, &[0])]),
            term(over * F::from_u64(1 << (SHIFT - 1)), vec![]),
            term(-over, vec![view(REM, &[0, 1])]),
        ],
    );
    let cube = || vec![view(C, &[0, 1]), view(C, &[0, 1]), view(E, &[1])];
    let total = sum(&grid, 1, vec![term(one, cube())]);
    let column = |name: &str, shape: &[u64], bytes: u8, home: Home| Column {
        name: name.into(),
        shape: shape.to_vec(),
        bytes,
        home,
    };
    let listed = rows.len() as u64;
    let columns = vec![
        column("A", &[ROWS, INNER], 1, Home::Weights),
        column("B", &[INNER, COLUMNS], 1, Home::Public),
        column("C", &grid, 2, Home::Witness),
        column("D", &grid, 4, Home::Public),
        column("e", &[COLUMNS], 1, Home::Weights),
        column("f", &[ROWS], 1, Home::Weights),
        column("rem", &grid, 1, Home::Witness),
        column("q", &grid, 2, Home::Virtual(quotient)),
        column("y", &grid, 2, Home::Witness),
        column("t", &[ROWS], 8, Home::Virtual(total)),
        column("g", &[ROWS], 1, Home::Witness),
        column("range count", &[1 << SHIFT], 4, Home::Count),
        column("negative count", &[DOMAIN as u64], 4, Home::Count),
        column("positive count", &[DOMAIN as u64], 4, Home::Count),
        column("listed count", &[listed], 4, Home::Count),
    ];
    let segment = |entries: u64, count: u32, rules: Vec<Rule>| Segment { entries, count, rules };
    let list = |component: usize| {
        let data = rows.iter().flat_map(|row| row[component].to_le_bytes()).collect();
        Rule::Listed { bytes: 8, data }
    };
    let table = |name: &str, width: u16, segments: Vec<Segment>| Table { name: name.into(), width, segments };
    let (negative, positive) = (vec![Rule::Iota(-DOMAIN), Rule::Constant(0)], vec![Rule::Iota(0), Rule::Iota(0)]);
    let domain = DOMAIN as u64;
    let tables = vec![
        table("range", 1, vec![segment(1 << SHIFT, COUNTS, vec![Rule::Iota(0)])]),
        table("relu", 2, vec![segment(domain, COUNTS + 1, negative), segment(domain, COUNTS + 2, positive)]),
        table("residue", 3, vec![segment(listed, COUNTS + 3, (0..3).map(list).collect())]),
    ];
    let product = sum(
        &[ROWS, COLUMNS, INNER],
        2,
        vec![term(one, vec![view(A, &[0, 2]), view(B, &[2, 1])]), term(-one, vec![view(C, &[0, 1])])],
    );
    let output = sum(&grid, 2, vec![term(one, cube()), term(-one, vec![view(D, &[0, 1])])]);
    let single = |column: u32, axes: &[u64]| {
        sum(axes, axes.len() as u16, vec![term(one, vec![view(column, &[0, 1][..axes.len()])])])
    };
    let lookup = |name: &str, table: u32, axes: &[u64], columns: &[u32]| Lookup {
        name: name.into(),
        table,
        components: columns.iter().map(|&column| single(column, axes)).collect(),
    };
    let binding = |name: &str, direction, column: u32, shape: [u64; 2], limit: i64| Public {
        name: name.into(),
        direction,
        column,
        dtype: "float32".into(),
        shape: shape.to_vec(),
        exponent: 0,
        lowest: -limit,
        highest: limit,
    };
    Circuit {
        columns,
        tables,
        contracts: vec![
            Contract { name: "product".into(), zero: product },
            Contract { name: "cube".into(), zero: output },
        ],
        lookups: vec![
            lookup("remainder", 0, &grid, &[REM]),
            lookup("relu", 1, &grid, &[Q, Y]),
            lookup("residue", 2, &[ROWS], &[T, G, FREE]),
        ],
        publics: vec![
            binding("B", Direction::Input, B, [INNER, COLUMNS], 100),
            binding("D", Direction::Output, D, grid, 1 << 30),
        ],
        parameters: Parameters {
            log_rows: 10,
            reserved: 0,
            salt: 0,
            folds: vec![3, 2],
            log_inverse_rates: vec![2, 2, 3],
            queries: vec![142, 142, 93],
        },
    }
}
