//! Keccak-256 of several messages at once.

use p3_keccak::KeccakF;
pub use p3_keccak::VECTOR_LEN as LANES;
use p3_symmetric::Permutation;

use crate::Digest;

/// 64-bit words absorbed by one permutation: 136 bytes.
const RATE_WORDS: usize = 17;

/// `LANES` sponges side by side, for messages of one common length.
///
/// A message is absorbed as little-endian words behind a few single bytes, so words need not be aligned in the state:
/// `shift` bits of `carry` wait for the next word.
#[derive(Clone)]
pub(crate) struct Lanes {
    state: [[u64; LANES]; 25],
    carry: [u64; LANES],
    shift: u32,
    word: usize,
}

impl Lanes {
    pub(crate) fn new() -> Self {
        Self { state: [[0; LANES]; 25], carry: [0; LANES], shift: 0, word: 0 }
    }

    /// One byte per lane.
    #[inline]
    pub(crate) fn absorb_bytes(&mut self, bytes: [u8; LANES]) {
        for (carry, byte) in self.carry.iter_mut().zip(bytes) {
            *carry |= u64::from(byte) << self.shift;
        }
        self.shift += 8;
        if self.shift == 64 {
            let full = std::mem::replace(&mut self.carry, [0; LANES]);
            self.shift = 0;
            self.mix(full);
        }
    }

    /// One word (eight bytes, lowest first) per lane.
    #[inline(always)]
    pub(crate) fn absorb_words(&mut self, words: [u64; LANES]) {
        if self.shift == 0 {
            return self.mix(words);
        }
        let mut full = self.carry;
        for ((full, carry), word) in full.iter_mut().zip(&mut self.carry).zip(words) {
            *full |= word << self.shift;
            *carry = word >> (64 - self.shift);
        }
        self.mix(full);
    }

    #[inline(always)]
    fn mix(&mut self, words: [u64; LANES]) {
        if let Some(slot) = self.state.get_mut(self.word) {
            for (slot, word) in slot.iter_mut().zip(words) {
                *slot ^= word;
            }
        }
        self.word += 1;
        if self.word == RATE_WORDS {
            KeccakF.permute_mut(&mut self.state);
            self.word = 0;
        }
    }

    /// Pads, and returns the digest of every lane.
    #[inline]
    pub(crate) fn finish(mut self) -> [Digest; LANES] {
        let last = self.carry.map(|carry| carry | 1 << self.shift);
        for (position, pad) in [(self.word, last), (RATE_WORDS - 1, [1 << 63; LANES])] {
            if let Some(slot) = self.state.get_mut(position) {
                for (slot, word) in slot.iter_mut().zip(pad) {
                    *slot ^= word;
                }
            }
        }
        KeccakF.permute_mut(&mut self.state);
        let mut digests = [[0; 32]; LANES];
        for (position, words) in self.state.iter().take(4).enumerate() {
            for (digest, word) in digests.iter_mut().zip(words) {
                if let Some(bytes) = digest.as_chunks_mut::<8>().0.get_mut(position) {
                    *bytes = word.to_le_bytes();
                }
            }
        }
        digests
    }
}
