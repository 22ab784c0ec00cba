//! Keys and receipts as bytes. One encoding each: what decodes and does not encode to the same bytes is refused.

use std::ops::RangeInclusive;

use tacit_algebra::{K, from_bytes, to_bytes};
use tacit_circuit::{Circuit, Reader, Writer, digest};
use tacit_transcript::{Digest, Invalid};

use crate::hiding::HideSet;
use crate::named::{self, Named};
use crate::statement::{FORMAT, KEY_FORMAT, NAMED_FORMAT, Statement, format};

const KEY: u8 = b'K';
const RECEIPT: u8 = b'R';
const MAGIC: &[u8; 6] = b"tacit\0";
/// Receipts and keys above this size are refused before anything is read.
const LARGEST: usize = 1 << 30;

fn header(kind: u8, format: u16) -> Writer {
    let mut writer = Writer::default();
    writer.raw(MAGIC);
    writer.u8(kind);
    writer.u16(format);
    writer
}

/// The format, and what follows it.
fn read_header<'a>(
    bytes: &'a [u8],
    kind: u8,
    what: &'static str,
    known: RangeInclusive<u16>,
) -> Result<(u16, Reader<'a>), Invalid> {
    if bytes.is_empty() {
        return Err(Invalid::Truncated(what));
    }
    if bytes.len() > LARGEST {
        return Err(Invalid::NonCanonical(what));
    }
    let mut reader = Reader::new(bytes);
    let magic = reader.raw(6).map_err(|_| Invalid::Truncated(what))?;
    let found = reader.u8().map_err(|_| Invalid::Truncated(what))?;
    if magic != MAGIC || found != kind {
        return Err(Invalid::Kind(what));
    }
    let format = reader.u16().map_err(|_| Invalid::Truncated(what))?;
    if !known.contains(&format) {
        return Err(Invalid::Format { what, found: format, known: *known.end() });
    }
    Ok((format, reader))
}

/// What a verifier holds: the circuit, and root and seal of the weights, which say together which weights they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub circuit: Circuit,
    pub circuit_bytes: Vec<u8>,
    pub circuit_digest: Digest,
    pub weights_root: Digest,
    pub weights_seal: K,
}

impl Key {
    pub fn encode(circuit_bytes: &[u8], weights_root: &Digest, weights_seal: K) -> Vec<u8> {
        let mut writer = header(KEY, KEY_FORMAT);
        writer.bytes(circuit_bytes);
        writer.raw(weights_root);
        writer.raw(&to_bytes(weights_seal));
        writer.finish()
    }

    pub fn seal_bytes(&self) -> [u8; 24] {
        to_bytes(self.weights_seal)
    }

    /// What says which weights: two keys with equal bytes are about the same limbs. How many rows a limb has, and how long salts are,
    /// decides how seals and leaves are read.
    pub fn weights_identity(&self) -> Vec<u8> {
        let parameters = &self.circuit.parameters;
        [self.weights_root.as_slice(), &self.seal_bytes(), &[parameters.log_rows, parameters.salt]].concat()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let (_, mut reader) =
            read_header(bytes, KEY, "key", KEY_FORMAT..=KEY_FORMAT).map_err(|error| error.to_string())?;
        let malformed = |_| "the key ends too early".to_string();
        let circuit_bytes = reader.bytes().map_err(malformed)?.to_vec();
        let root = reader.raw(32).map_err(malformed)?;
        let weights_root = Digest::try_from(root).map_err(|_| "the key ends too early".to_string())?;
        let seal = <[u8; 24]>::try_from(reader.raw(24).map_err(malformed)?).ok().and_then(from_bytes);
        let weights_seal = seal.ok_or("the key's seal is not in canonical form")?;
        if reader.remaining() != 0 {
            return Err("bytes follow the end of the key".into());
        }
        let circuit = Circuit::decode(&circuit_bytes).map_err(|error| error.to_string())?;
        let circuit_digest = digest(&circuit_bytes);
        Ok(Self { circuit, circuit_bytes, circuit_digest, weights_root, weights_seal })
    }
}

/// What a prover hands over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub circuit_digest: Digest,
    pub weights_root: Digest,
    /// `None`: a transparent proof, of which nothing is hidden for certain.
    pub hidden: Option<HideSet>,
    /// Commitments of hidden tensors, by binding; what is in one of them is not in the witness commitment.
    pub named: Vec<Named>,
    /// The columns of the tensors that are not hidden, in the order of the circuit's bindings.
    pub publics: Vec<Vec<u8>>,
    pub context: Vec<u8>,
    pub witness_root: Digest,
    pub proof: Vec<u8>,
}

impl Receipt {
    /// What it states, under a circuit's parameters and a key's seal.
    pub fn statement<'a>(&'a self, parameters: &'a [u8], weights_seal: K) -> Statement<'a> {
        Statement {
            circuit_digest: &self.circuit_digest,
            parameters,
            weights_root: &self.weights_root,
            weights_seal,
            hidden: self.hidden.as_ref(),
            named: &self.named,
            publics: &self.publics,
            context: &self.context,
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut writer = header(RECEIPT, format(self.hidden.as_ref(), &self.named));
        writer.raw(&self.circuit_digest);
        writer.raw(&self.weights_root);
        if let Some(set) = &self.hidden {
            writer.bytes(&set.encode());
            if !self.named.is_empty() {
                named::write(&self.named, &mut writer);
            }
        }
        writer.u32(self.publics.len() as u32);
        for public in &self.publics {
            writer.bytes(public);
        }
        writer.bytes(&self.context);
        writer.raw(&self.witness_root);
        writer.bytes(&self.proof);
        writer.finish()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Invalid> {
        const WHAT: &str = "receipt";
        let short = |_| Invalid::Truncated(WHAT);
        let (format, mut reader) = read_header(bytes, RECEIPT, WHAT, FORMAT..=NAMED_FORMAT)?;
        let root = |reader: &mut Reader<'_>| -> Result<Digest, Invalid> {
            Digest::try_from(reader.raw(32).map_err(short)?).map_err(|_| Invalid::Truncated(WHAT))
        };
        let circuit_digest = root(&mut reader)?;
        let weights_root = root(&mut reader)?;
        let hidden = match format {
            FORMAT => None,
            _ => Some(HideSet::decode(reader.bytes().map_err(short)?)?),
        };
        let named = match &hidden {
            Some(set) if format == NAMED_FORMAT => named::read(&mut reader, set)?,
            _ => Vec::new(),
        };
        let count = reader.u32().map_err(short)?;
        let mut publics = Vec::new();
        for _ in 0..count {
            publics.push(reader.bytes().map_err(short)?.to_vec());
        }
        let context = reader.bytes().map_err(short)?.to_vec();
        let witness_root = root(&mut reader)?;
        let proof = reader.bytes().map_err(short)?.to_vec();
        if reader.remaining() != 0 {
            return Err(Invalid::Trailing(WHAT));
        }
        Ok(Self { circuit_digest, weights_root, hidden, named, publics, context, witness_root, proof })
    }
}
