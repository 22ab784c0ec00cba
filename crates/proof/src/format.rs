//! Keys and receipts as bytes. One encoding each: what decodes and does not encode to the same bytes is refused.

use tacit_circuit::{Circuit, Reader, Writer, digest};
use tacit_transcript::{Digest, Invalid};

use crate::statement::FORMAT;

const KEY: u8 = b'K';
const RECEIPT: u8 = b'R';
const MAGIC: &[u8; 6] = b"tacit\0";
/// Receipts and keys above this size are refused before anything is read.
const LARGEST: usize = 1 << 30;

fn header(kind: u8) -> Writer {
    let mut writer = Writer::default();
    writer.raw(MAGIC);
    writer.u8(kind);
    writer.u16(FORMAT);
    writer
}

fn read_header<'a>(bytes: &'a [u8], kind: u8, what: &'static str) -> Result<Reader<'a>, Invalid> {
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
    if format != FORMAT {
        return Err(Invalid::Format { what, found: format, known: FORMAT });
    }
    Ok(reader)
}
