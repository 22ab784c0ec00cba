//! Two dense layers by hand: matrix product, bias, rescale by a range table and a function table; the second quotient virtual.
#![allow(dead_code)]

use tacit_algebra::field::{Field, PrimeCharacteristicRing};
use tacit_algebra::{F, signed};
use tacit_circuit::*;

pub const ROWS: u64 = 2;
pub const SHIFT: i64 = 2;
const LOWEST: i64 = -64;
const ENTRIES: u64 = 128;

pub fn axis(a: u16) -> Map {
    Map::Affine { offset: 0, terms: vec![(a, 1)] }
}

pub fn read(column: ColumnId, axes: &[u16]) -> View {
    View { column, maps: axes.iter().map(|&a| axis(a)).collect() }
}

pub fn term(coefficient: i64, factors: Vec<View>) -> Term {
    Term { coefficient: signed(coefficient), factors }
}

pub fn sum(axes: &[u64], outputs: u16, terms: Vec<Term>) -> Sum {
    Sum { axes: axes.to_vec(), outputs, terms }
}

pub fn column(name: &str, shape: &[u64], bytes: u8, home: Home) -> Column {
    Column { name: name.into(), shape: shape.to_vec(), bytes, home }
}

/// Never zero, and injective nowhere that matters: both signs of a quotient give different outputs.
pub fn activation(q: i64) -> i64 {
    if q >= 0 { q / 2 + 1 } else { q / 4 - 1 }
}

pub const X: u32 = 0;
pub const W1: u32 = 1;
pub const B1: u32 = 2;
pub const W2: u32 = 3;
pub const B2: u32 = 4;
pub const Q1: u32 = 5;
pub const R1: u32 = 6;
pub const Y1: u32 = 7;
pub const R2: u32 = 8;
pub const Q2: u32 = 9;
pub const Y2: u32 = 10;
pub const RANGE_COUNT: u32 = 11;
pub const TABLE_COUNT: u32 = 12;

/// x[i, k] w[k, j] + b[j] + 2^(s-1), over the axes (i, j, k).
fn accumulator(x: u32, w: u32, b: u32) -> Vec<Term> {
    vec![
        term(1, vec![read(x, &[0, 2]), read(w, &[2, 1])]),
        term(1, vec![read(b, &[1])]),
        term(1 << (SHIFT - 1), vec![]),
    ]
}

pub fn two_layers() -> Circuit {
    let mut zero = accumulator(X, W1, B1);
    zero.push(term(-(1 << SHIFT), vec![read(Q1, &[0, 1])]));
    zero.push(term(-1, vec![read(R1, &[0, 1])]));
    let inverse = F::from_u64(1 << SHIFT).inverse();
    let mut quotient = accumulator(Y1, W2, B2);
    quotient.push(term(-1, vec![read(R2, &[0, 1])]));
    quotient.iter_mut().for_each(|term| term.coefficient *= inverse);
    let listed: Vec<u8> = (0..ENTRIES as i64).flat_map(|i| (activation(LOWEST + i) as i16).to_le_bytes()).collect();
    let one = |c: u32, axes: &[u64]| sum(axes, 2, vec![term(1, vec![read(c, &[0, 1])])]);
    let lookup = |name: &str, table, columns: &[u32], axes: &[u64]| Lookup {
        name: name.into(),
        table,
        components: columns.iter().map(|&c| one(c, axes)).collect(),
    };
    let binding = |name: &str, direction, column, shape: &[u64]| Public {
        name: name.into(),
        direction,
        column,
        dtype: "float32".into(),
        shape: shape.to_vec(),
        exponent: 3,
        lowest: -100,
        highest: 100,
    };
    Circuit {
        columns: vec![
            column("x", &[ROWS, 3], 1, Home::Public),
            column("w1", &[3, 4], 2, Home::Weights),
            column("b1", &[4], 4, Home::Weights),
            column("w2", &[4, 5], 2, Home::Weights),
            column("b2", &[5], 4, Home::Weights),
            column("q1", &[ROWS, 4], 2, Home::Witness),
            column("rem1", &[ROWS, 4], 1, Home::Witness),
            column("y1", &[ROWS, 4], 2, Home::Witness),
            column("rem2", &[ROWS, 5], 1, Home::Witness),
            column("q2", &[ROWS, 5], 8, Home::Virtual(sum(&[ROWS, 5, 4], 2, quotient))),
            column("y2", &[ROWS, 5], 2, Home::Public),
            column("range/count", &[1 << SHIFT], 8, Home::Count),
            column("activation/count", &[ENTRIES], 8, Home::Count),
        ],
        tables: vec![
            Table {
                name: "range".into(),
                width: 1,
                segments: vec![Segment { entries: 1 << SHIFT, count: RANGE_COUNT, rules: vec![Rule::Iota(0)] }],
            },
            Table {
                name: "activation".into(),
                width: 2,
                segments: vec![Segment {
                    entries: ENTRIES,
                    count: TABLE_COUNT,
                    rules: vec![Rule::Iota(LOWEST), Rule::Listed { bytes: 2, data: listed }],
                }],
            },
        ],
        contracts: vec![Contract { name: "layer 1".into(), zero: sum(&[ROWS, 4, 3], 2, zero) }],
        lookups: vec![
            lookup("layer 1 remainder", 0, &[R1], &[ROWS, 4]),
            lookup("layer 1 activation", 1, &[Q1, Y1], &[ROWS, 4]),
            lookup("layer 2 remainder", 0, &[R2], &[ROWS, 5]),
            lookup("layer 2 activation", 1, &[Q2, Y2], &[ROWS, 5]),
        ],
        publics: vec![
            binding("x", Direction::Input, X, &[1, ROWS, 3]),
            binding("y", Direction::Output, Y2, &[ROWS, 5]),
        ],
        parameters: Parameters::default(),
    }
}

/// The layer's quotients, remainders and outputs.
fn layer(x: &[i64], w: &[i64], b: &[i64]) -> [Vec<i64>; 3] {
    let width = b.len();
    let mut result = [Vec::new(), Vec::new(), Vec::new()];
    for row in x.chunks(w.len() / width) {
        for j in 0..width {
            let product: i64 = row.iter().enumerate().map(|(k, &v)| v * w[k * width + j]).sum();
            let shifted = product + b[j] + (1 << (SHIFT - 1));
            result[0].push(shifted >> SHIFT);
            result[1].push(shifted & ((1 << SHIFT) - 1));
            result[2].push(activation(shifted >> SHIFT));
        }
    }
    result
}

/// Satisfying values of [`two_layers`], without the counts.
pub fn honest() -> Values {
    let numbers = |count: i64, step: i64| {
        (0..count).map(|i| (i * step + 3) % 7 - 3).map(|v| if v == 0 { 2 } else { v }).collect::<Vec<_>>()
    };
    let (x, w1, b1, w2, b2) = (numbers(6, 5), numbers(12, 3), numbers(4, 4), numbers(20, 2), numbers(5, 6));
    let [q1, r1, y1] = layer(&x, &w1, &b1);
    let [q2, r2, y2] = layer(&y1, &w2, &b2);
    let counts = [vec![0; 1 << SHIFT], vec![0; ENTRIES as usize]];
    let [range, table] = counts;
    Values { columns: vec![x, w1, b1, w2, b2, q1, r1, y1, r2, q2, y2, range, table] }
}

/// A column's cells as the buffers hold them.
pub fn cells(column: &Column, values: &[i64]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()[..usize::from(column.bytes)].to_vec()).collect()
}
