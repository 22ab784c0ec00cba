//! Standard Keccak-256 (padding 0x01 .. 0x80, as the EVM's opcode has it).

use p3_keccak::Keccak256Hash;
use p3_symmetric::CryptographicHasher;

/// A Keccak-256 output.
pub type Digest = [u8; 32];

/// Keccak-256 of the concatenation of `parts`.
pub fn keccak256(parts: &[&[u8]]) -> Digest {
    Keccak256Hash.hash_iter_slices(parts.iter().copied())
}
