//! A factor's values over the variables that it has.

use tacit_algebra::K;
use tacit_algebra::packed::{Packed, WIDTH, pack};

use super::blocks;

#[derive(Debug)]
pub struct Table {
    pub values: Values,
    /// For every variable of the instance, whether the factor depends on it.
    pub present: Vec<bool>,
}

#[derive(Debug)]
pub enum Values {
    Plain(Vec<K>),
    /// A power of two of blocks.
    Blocks(Vec<Packed>),
}

impl Table {
    pub fn new(values: Vec<K>, present: Vec<bool>) -> Self {
        Self { values: Values::Plain(values), present }
    }

    pub fn len(&self) -> usize {
        match &self.values {
            Values::Plain(values) => values.len(),
            Values::Blocks(blocks) => blocks.len() * WIDTH,
        }
    }

    pub fn first(&self) -> K {
        match &self.values {
            Values::Plain(values) => values[0],
            Values::Blocks(blocks) => blocks[0].extract(0),
        }
    }

    pub fn plain(&self) -> Option<&[K]> {
        match &self.values {
            Values::Plain(values) => Some(values),
            Values::Blocks(_) => None,
        }
    }

    pub fn blocks(&self) -> Option<&[Packed]> {
        match &self.values {
            Values::Plain(_) => None,
            Values::Blocks(blocks) => Some(blocks),
        }
    }

    /// To blocks, where there are two of them.
    pub fn pack(&mut self) {
        if let Values::Plain(values) = &self.values
            && values.len() >= 2 * WIDTH
        {
            self.values = Values::Blocks(pack(values));
        }
    }

    pub fn unpack(&mut self) {
        if let Values::Blocks(blocks) = &self.values {
            self.values = Values::Plain(blocks.iter().flat_map(|block| block.lanes()).collect());
        }
    }

    /// Binds a variable, which is the first one left, to `r`, if the factor depends on it.
    pub fn bind(&mut self, variable: usize, r: K) {
        if !self.present[variable] {
            return;
        }
        if matches!(&self.values, Values::Blocks(blocks) if blocks.len() < 2) {
            self.unpack();
        }
        match &mut self.values {
            Values::Blocks(blocks) => blocks::bind(blocks, r),
            Values::Plain(values) => {
                let half = values.len() / 2;
                let (low, high) = values.split_at_mut(half);
                low.iter_mut().zip(&*high).for_each(|(low, &high)| *low += (high - *low) * r);
                values.truncate(half);
            }
        }
    }
}
