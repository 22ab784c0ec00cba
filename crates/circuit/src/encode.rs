//! A circuit as bytes (`docs/circuit.md`).

use tacit_algebra::field::PrimeField64;
use tacit_transcript::{Digest, keccak256};

use crate::{
    Circuit, CircuitError, Column, Direction, Home, Lookup, Map, Parameters, Public, Rule, Segment, Sum, Table,
};
use crate::{Contract, Writer};

/// In front of every file, before its kind.
pub const MAGIC: &[u8; 6] = b"tacit\0";
/// The number of the formats of circuits, keys and receipts.
pub const FORMAT: u16 = 1;
const CIRCUIT: u8 = b'C';

/// The digest of a circuit's bytes: Keccak-256.
pub fn digest(bytes: &[u8]) -> Digest {
    keccak256(&[bytes])
}

impl Circuit {
    /// The one encoding of this circuit.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        header(&mut writer);
        list(&mut writer, &self.columns, column);
        list(&mut writer, &self.tables, table);
        list(&mut writer, &self.contracts, |w, Contract { name, zero }| {
            w.string(name);
            sum(w, zero);
        });
        list(&mut writer, &self.lookups, |w, Lookup { name, table, components }| {
            w.string(name);
            w.u32(*table);
            list(w, components, sum);
        });
        list(&mut writer, &self.publics, public);
        parameters(&mut writer, &self.parameters);
        writer.finish()
    }
}

fn header(writer: &mut Writer) {
    writer.raw(MAGIC);
    writer.u8(CIRCUIT);
    writer.u16(FORMAT);
}

/// Demands the header of a circuit.
pub(crate) fn check_header(bytes: &[u8]) -> Result<(), CircuitError> {
    let mut expected = Writer::default();
    header(&mut expected);
    let expected = expected.finish();
    if bytes == expected {
        return Ok(());
    }
    let same_kind = bytes.get(..7).is_some_and(|found| expected.starts_with(found));
    Err(CircuitError::new(if same_kind {
        "the circuit was written in another format; this version of tacit reads format 1: compile the model again"
    } else {
        "this is not a tacit circuit"
    }))
}

fn list<T>(writer: &mut Writer, items: &[T], item: impl Fn(&mut Writer, &T)) {
    writer.count(items.len());
    items.iter().for_each(|value| item(writer, value));
}

fn column(writer: &mut Writer, column: &Column) {
    writer.string(&column.name);
    list(writer, &column.shape, |w, &d| w.u64(d));
    writer.u8(column.bytes);
    match &column.home {
        Home::Weights => writer.u8(0),
        Home::Witness => writer.u8(1),
        Home::Count => writer.u8(2),
        Home::Public => writer.u8(3),
        Home::Virtual(definition) => {
            writer.u8(4);
            sum(writer, definition);
        }
    }
}

fn sum(writer: &mut Writer, sum: &Sum) {
    list(writer, &sum.axes, |w, &d| w.u64(d));
    writer.u16(sum.outputs);
    list(writer, &sum.terms, |w, term| {
        w.u64(term.coefficient.as_canonical_u64());
        list(w, &term.factors, |w, view| {
            w.u32(view.column);
            list(w, &view.maps, map);
        });
    });
}

fn map(writer: &mut Writer, map: &Map) {
    match map {
        Map::Affine { offset, terms } => {
            writer.u8(0);
            writer.i64(*offset);
            list(writer, terms, |w, &(axis, stride)| {
                w.u16(axis);
                w.i64(stride);
            });
        }
        Map::List { axis, indices } => {
            writer.u8(1);
            writer.u16(*axis);
            list(writer, indices, |w, &index| w.i64(index));
        }
    }
}

fn table(writer: &mut Writer, table: &Table) {
    writer.string(&table.name);
    writer.u16(table.width);
    list(writer, &table.segments, |w, Segment { entries, count, rules }| {
        w.u64(*entries);
        w.u32(*count);
        list(w, rules, rule);
    });
}

fn rule(writer: &mut Writer, rule: &Rule) {
    match rule {
        Rule::Constant(value) => {
            writer.u8(0);
            writer.i64(*value);
        }
        Rule::Iota(start) => {
            writer.u8(1);
            writer.i64(*start);
        }
        Rule::Line { start, step } => {
            writer.u8(3);
            writer.i64(*start);
            writer.i64(*step);
        }
        Rule::Listed { bytes, data } => {
            writer.u8(2);
            writer.u8(*bytes);
            writer.bytes(data);
        }
    }
}

fn public(writer: &mut Writer, public: &Public) {
    writer.string(&public.name);
    writer.u8(match public.direction {
        Direction::Input => 0,
        Direction::Output => 1,
    });
    writer.u32(public.column);
    writer.string(&public.dtype);
    list(writer, &public.shape, |w, &d| w.u64(d));
    writer.i32(public.exponent);
    writer.i64(public.lowest);
    writer.i64(public.highest);
}

fn parameters(writer: &mut Writer, parameters: &Parameters) {
    writer.u8(parameters.log_rows);
    writer.u32(parameters.reserved);
    writer.u8(parameters.salt);
    list(writer, &parameters.folds, |w, &fold| w.u8(fold));
    list(writer, &parameters.log_inverse_rates, |w, &rate| w.u8(rate));
    list(writer, &parameters.queries, |w, &count| w.u16(count));
}
