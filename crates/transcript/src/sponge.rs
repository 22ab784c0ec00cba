//! The transcript's state: a hash chain over framed messages.

use p3_field::{BasedVectorSpace, PrimeCharacteristicRing};
use tacit_algebra::{F, K, P};

use crate::keccak::{Digest, keccak256};
#[cfg(feature = "tamper")]
use crate::tamper::{self, How};

/// Both sides of Fiat-Shamir. `state = Keccak-256(2 || state || frame(label) || frame(message))`; a draw hashes the
/// state, after another first byte, with a counter that the next absorption resets.
#[derive(Debug, Clone)]
pub struct Transcript {
    state: Digest,
    drawn: u64,
}

/// First bytes of what the transcript hashes; 0 and 1 are those of Merkle leaves and nodes.
const ABSORB: u8 = 2;
const DRAW: u8 = 3;
const START: u8 = 4;

fn frame(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}

impl Transcript {
    /// An empty transcript of a protocol named by `domain`.
    pub fn new(domain: &str) -> Self {
        Self { state: keccak256(&[&[START], domain.as_bytes()]), drawn: 0 }
    }

    /// Absorbs what the verifier knows without the proof.
    pub fn absorb(&mut self, label: &str, message: &[u8]) {
        #[cfg(feature = "tamper")]
        let message = &tamper::step(How::Absorbed, label, message);
        self.chain(label, message);
    }

    pub(crate) fn chain(&mut self, label: &str, message: &[u8]) {
        let mut framed = Vec::with_capacity(message.len().saturating_add(label.len()).saturating_add(49));
        framed.push(ABSORB);
        framed.extend_from_slice(&self.state);
        frame(&mut framed, label.as_bytes());
        frame(&mut framed, message);
        self.state = keccak256(&[&framed]);
        self.drawn = 0;
    }

    fn squeeze(&mut self, label: &str) -> Digest {
        let mut framed = Vec::with_capacity(label.len().saturating_add(49));
        framed.push(DRAW);
        framed.extend_from_slice(&self.state);
        framed.extend_from_slice(&self.drawn.to_le_bytes());
        frame(&mut framed, label.as_bytes());
        self.drawn = self.drawn.wrapping_add(1);
        keccak256(&[&framed])
    }

    fn words(&mut self, label: &str) -> impl Iterator<Item = u64> {
        let block = self.squeeze(label);
        let mut words = [0u64; 4];
        for (word, chunk) in words.iter_mut().zip(block.chunks_exact(8)) {
            let mut bytes = [0u8; 8];
            bytes.copy_from_slice(chunk);
            *word = u64::from_le_bytes(bytes);
        }
        words.into_iter()
    }

    /// A uniform element of K: words below p, the others rejected.
    pub fn draw(&mut self, label: &str) -> K {
        let mut found = Vec::with_capacity(4);
        while found.len() < 3 {
            found.extend(self.words(label).filter(|&w| w < P).map(F::from_u64));
        }
        found.truncate(3);
        let drawn = <K as BasedVectorSpace<F>>::from_basis_coefficients_slice(&found).unwrap_or(K::ZERO);
        #[cfg(feature = "tamper")]
        let drawn = tamper::challenge(label, drawn);
        drawn
    }

    /// `count` distinct positions below `2^log_len`, ascending; all positions when there are no more than `count`.
    /// Each word gives one candidate (its lowest bits); repeated ones are rejected.
    pub fn positions(&mut self, label: &str, log_len: usize, count: usize) -> Vec<u64> {
        let positions = self.choose(label, 1 << log_len, count);
        #[cfg(feature = "tamper")]
        let positions = tamper::positions(label, positions);
        positions
    }

    fn choose(&mut self, label: &str, len: u64, count: usize) -> Vec<u64> {
        if len <= count as u64 {
            return (0..len).collect();
        }
        let mut found = std::collections::BTreeSet::new();
        while found.len() < count {
            for word in self.words(label) {
                if found.len() < count {
                    found.insert(word & len.saturating_sub(1));
                }
            }
        }
        found.into_iter().collect()
    }
}
