//! Standard Keccak-256 (padding 0x01 .. 0x80, as the EVM's opcode has it).

use p3_keccak::Keccak256Hash;
use p3_symmetric::CryptographicHasher;

/// A Keccak-256 output.
pub type Digest = [u8; 32];

/// Keccak-256 of the concatenation of `parts`.
pub fn keccak256(parts: &[&[u8]]) -> Digest {
    Keccak256Hash.hash_iter_slices(parts.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_of_nothing() {
        let hex: String = keccak256(&[]).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
    }
}
