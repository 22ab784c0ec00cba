//! Fiat-Shamir: everything is absorbed with a label and a length, challenges are drawn by Keccak-256 with rejection.
//!
//! The prover's side appends to the proof what it absorbs; the verifier's side absorbs what it reads. Both walk the same
//! sequence of labels, so a message has one encoding and one place.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::todo,
        clippy::unimplemented,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

pub mod keccak;
pub mod merkle;
#[allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "only provers run it")]
mod prove;
mod sponge;
#[cfg(feature = "tamper")]
pub mod tamper;

use std::ops::{Add, Mul, Sub};

use p3_field::PrimeCharacteristicRing;
use tacit_algebra::{K, from_bytes, to_bytes};

pub use keccak::{Digest, keccak256};
pub use prove::{Randomness, on_pool};
pub use sponge::Transcript;

/// Why bytes are not a valid proof. The text names the check, never a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("the proof ends inside {0}")]
    Truncated(&'static str),
    #[error("bytes follow the end of {0}")]
    Trailing(&'static str),
    #[error("{0} is not in canonical form")]
    NonCanonical(&'static str),
    #[error("the check of {0} fails")]
    Check(&'static str),
    #[error("the circuit is malformed: {0}")]
    Circuit(&'static str),
    #[error("this is not a tacit {0}")]
    Kind(&'static str),
    #[error(
        "this {what} has format {found}, this version of tacit reads format {known}: make it again with the version in use"
    )]
    Format { what: &'static str, found: u16, known: u16 },
}

/// What a verifier computes with: a field element, or (hiding) an affine expression in committed pads.
pub trait Value: Clone + From<K> + Add<Output = Self> + Sub<Output = Self> + Mul<K, Output = Self> {}

impl Value for K {}

/// One reading of the verifier. A protocol's verifier is written once, over this trait.
pub trait Reading {
    type Value: Value;

    /// The prover's next message.
    fn receive(&mut self, label: &'static str) -> Result<Self::Value, Invalid>;
    /// The next challenge.
    fn draw(&mut self, label: &'static str) -> K;
    /// The product of two values.
    fn multiply(&mut self, a: &Self::Value, b: &Self::Value) -> Self::Value;
    /// Demands that a value be zero.
    fn require_zero(&mut self, value: Self::Value, check: &'static str) -> Result<(), Invalid>;

    /// `count` messages under one label.
    fn receive_many(&mut self, label: &'static str, count: usize) -> Result<Vec<Self::Value>, Invalid> {
        (0..count).map(|_| self.receive(label)).collect()
    }
    /// `count` challenges under one label.
    fn draw_many(&mut self, label: &'static str, count: usize) -> Vec<K> {
        (0..count).map(|_| self.draw(label)).collect()
    }
}

/// The prover's side: absorbs what it sends and keeps it.
#[derive(Clone)]
pub struct Sender {
    pub transcript: Transcript,
    proof: Vec<u8>,
    /// When hiding: one for every message that is not in clear, in this order.
    pads: Option<std::vec::IntoIter<K>>,
}

impl Sender {
    pub fn new(transcript: Transcript) -> Self {
        Self { transcript, proof: Vec::new(), pads: None }
    }

    /// A sender whose messages are one-time padded.
    pub fn padded(transcript: Transcript, pads: Vec<K>) -> Self {
        Self { transcript, proof: Vec::new(), pads: Some(pads.into_iter()) }
    }

    /// Sends a value, or, when hiding, its sum with the next pad. A pad never serves twice: a message that has none left is not
    /// sent, and the proof is too short for any verifier.
    pub fn send(&mut self, label: &'static str, value: K) {
        let pad = match &mut self.pads {
            None => Some(K::ZERO),
            Some(pads) => pads.next(),
        };
        if let Some(pad) = pad {
            self.disclose(label, value + pad);
        }
    }

    pub fn send_many(&mut self, label: &'static str, values: &[K]) {
        values.iter().for_each(|&value| self.send(label, value));
    }

    /// Sends a value in clear in both modes.
    pub fn disclose(&mut self, label: &'static str, value: K) {
        self.send_bytes(label, &to_bytes(value));
    }

    /// What was sent so far.
    pub fn sent(&self) -> &[u8] {
        &self.proof
    }

    /// Pads that no message has used.
    pub fn pads_left(&self) -> usize {
        self.pads.as_ref().map_or(0, ExactSizeIterator::len)
    }

    /// Bytes of a length that the verifier knows.
    pub fn send_bytes(&mut self, label: &'static str, bytes: &[u8]) {
        #[cfg(feature = "tamper")]
        let bytes = &tamper::step(tamper::How::Sent, label, bytes);
        self.transcript.chain(label, bytes);
        self.proof.extend_from_slice(bytes);
    }

    /// Bytes that an absorbed digest already determines (Merkle siblings): in the proof, not absorbed.
    pub fn attach(&mut self, bytes: &[u8]) {
        #[cfg(feature = "tamper")]
        let bytes = &tamper::step(tamper::How::Attached, "", bytes);
        self.proof.extend_from_slice(bytes);
    }

    pub fn draw(&mut self, label: &'static str) -> K {
        self.transcript.draw(label)
    }

    pub fn draw_many(&mut self, label: &'static str, count: usize) -> Vec<K> {
        (0..count).map(|_| self.draw(label)).collect()
    }

    pub fn finish(self) -> Vec<u8> {
        self.proof
    }
}

/// The verifier's side, and the transparent reading: values are field elements.
#[derive(Debug, Clone)]
pub struct Receiver<'a> {
    pub transcript: Transcript,
    rest: &'a [u8],
}

impl<'a> Receiver<'a> {
    pub fn new(transcript: Transcript, proof: &'a [u8]) -> Self {
        Self { transcript, rest: proof }
    }

    /// The counterpart of [`Sender::send_bytes`].
    pub fn receive_bytes(&mut self, label: &'static str, count: usize) -> Result<&'a [u8], Invalid> {
        let bytes = self.take(label, count)?;
        self.transcript.absorb(label, bytes);
        Ok(bytes)
    }

    /// The counterpart of [`Sender::attach`].
    pub fn take(&mut self, label: &'static str, count: usize) -> Result<&'a [u8], Invalid> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or(Invalid::Truncated(label))?;
        self.rest = rest;
        Ok(bytes)
    }

    pub fn receive_digest(&mut self, label: &'static str) -> Result<Digest, Invalid> {
        self.receive_bytes(label, 32)?.try_into().map_err(|_| Invalid::Truncated(label))
    }

    /// Demands that nothing is left.
    pub fn finish(self) -> Result<(), Invalid> {
        if self.rest.is_empty() { Ok(()) } else { Err(Invalid::Trailing("the proof")) }
    }
}

impl Reading for Receiver<'_> {
    type Value = K;

    fn receive(&mut self, label: &'static str) -> Result<K, Invalid> {
        let bytes = self.receive_bytes(label, 24)?;
        let bytes = bytes.try_into().map_err(|_| Invalid::Truncated(label))?;
        from_bytes(bytes).ok_or(Invalid::NonCanonical(label))
    }

    fn draw(&mut self, label: &'static str) -> K {
        self.transcript.draw(label)
    }

    fn multiply(&mut self, a: &K, b: &K) -> K {
        *a * *b
    }

    fn require_zero(&mut self, value: K, check: &'static str) -> Result<(), Invalid> {
        if value == K::ZERO { Ok(()) } else { Err(Invalid::Check(check)) }
    }
}
