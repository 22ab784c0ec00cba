//! Merkle trees over rows of field elements; pruned multi-proofs.
