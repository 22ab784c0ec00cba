//! The seal of a commitment: a value out of domain at a point that the root decides. A root that was made in bad faith may be close to
//! several codewords; the seal picks one of them (`docs/protocol.md`, The key's seal).

use tacit_algebra::K;
use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_columns::{Claim, Layout};
use tacit_transcript::{Digest, Transcript};

/// Where the seal's polynomial is read. Follows from the root alone, so that the seal is the same in all receipts.
pub fn seal_point(root: &Digest) -> K {
    let mut transcript = Transcript::new("tacit commitment");
    transcript.absorb("root", root);
    transcript.draw("seal point")
}

/// The seal of a key, and where it is read.
#[derive(Debug, Clone, Copy)]
pub struct Seal {
    point: K,
    pub value: K,
}

impl Seal {
    pub fn new(root: &Digest, value: K) -> Self {
        Self { point: seal_point(root), value }
    }

    /// Of limbs of `2^log_rows` rows, from each one's value at the seal point of their root.
    pub fn of(root: &Digest, values: &[K], log_rows: usize) -> Self {
        let point = seal_point(root);
        let step = point.exp_power_of_2(log_rows);
        Self { point, value: values.iter().rev().fold(K::ZERO, |sum, &value| sum * step + value) }
    }

    /// That all limbs of the weights' commitment have this seal.
    pub fn claim(&self, layout: &Layout) -> Claim<K> {
        Claim { form: vec![layout.whole().powers(self.point)], value: self.value }
    }
}
