//! Two of three factors as one, as long as the third depends on all variables that are bound: `sum_(x, y) E(x, y) a(x) b(x, y) c(x, y)`
//! is `sum_x E(x) a(x) d(x)` with `d(x) = sum_y E(y) b(x, y) c(x, y)`, which is multilinear when b and c share no variable of x. That is
//! an embedding, looked up by the digits of a token: two one-hot factors and the matrix.

use rayon::prelude::*;
use tacit_algebra::K;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::packed::{Packed, WIDTH, pack};

use super::plain::Index;
use super::rounds::weights;
use super::table::Table;

#[derive(Debug)]
pub struct Join {
    /// d.
    pub table: Table,
    /// Variables of x.
    pub until: usize,
}

impl Join {
    /// Also the place of a. `None` where no factor is such, or rows along y are shorter than a block.
    pub fn new(tables: &[Table], coordinates: &[Option<K>]) -> Option<(usize, Self)> {
        let [_, _, _] = tables else { return None };
        (0..3).find_map(|lone| {
            let (b, c) = (&tables[(lone + 1) % 3], &tables[(lone + 2) % 3]);
            let present = &tables[lone].present;
            let until = present.iter().take_while(|present| **present).count();
            let (first, last) = (0..until, until..present.len());
            let apart = first.clone().all(|v| b.present[v] != c.present[v]);
            let together = last.clone().all(|v| !present[v] && b.present[v] && c.present[v]);
            if until == 0 || !apart || !together || 1 << last.len() < WIDTH {
                return None;
            }
            let rows = |table: &Table| Index::new(&table.present[first.clone()], 0);
            let data = joined([b.blocks()?, c.blocks()?], [rows(b), rows(c)], until, &coordinates[until..]);
            let mut table = Table::new(data, present.clone());
            table.pack();
            Some((lone, Self { table, until }))
        })
    }
}

/// The inner products of the rows that belong to every x; blocks of zeros of the factor that has more of them cost nothing.
fn joined(factors: [&[Packed]; 2], rows: [Index; 2], until: usize, coordinates: &[Option<K>]) -> Vec<K> {
    let width = (1usize << coordinates.len()) / WIDTH;
    let filled = factors.map(|blocks| -> Vec<Vec<usize>> {
        let of = |row: &[Packed]| (0..width).filter(|&i| row[i].lanes().any(|value| value != K::ZERO)).collect();
        blocks.par_chunks(width).map(of).collect()
    });
    let [b, c] = [0, 1].map(|f| filled[f].iter().map(Vec::len).sum::<usize>() * factors[1 - f].len());
    let sparse = usize::from(c < b);
    let scales = coordinates.iter().any(Option::is_some).then(|| pack(&weights(coordinates)));
    let element = |x: usize| {
        let [b, c] = [0, 1].map(|f| &factors[f][rows[f].of(x) * width..][..width]);
        let mut sum = Packed::ZERO;
        for &i in &filled[sparse][rows[sparse].of(x)] {
            let product = b[i] * c[i];
            sum += scales.as_ref().map_or(product, |scales| product * scales[i]);
        }
        sum.lanes().sum::<K>()
    };
    (0..1usize << until).into_par_iter().with_min_len(64).map(element).collect()
}
