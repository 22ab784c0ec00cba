//! The inverse of the encoding: exactly what it writes, nothing else.

use tacit_algebra::field::PrimeCharacteristicRing;
use tacit_algebra::{F, P};

use crate::encode::check_header;
use crate::{Circuit, CircuitError, Column, Contract, Direction, Home, Lookup, Map, Parameters, Public, Reader, Rule};
use crate::{Segment, Sum, Table, Term, View};

type Read<T> = Result<T, CircuitError>;

impl Circuit {
    /// Reads and validates a circuit. Bytes that no encoder writes are refused: unknown kinds, coefficients not below p,
    /// anything after the end, anything that makes the circuit ill-formed (see [`Circuit::validate`]).
    pub fn decode(bytes: &[u8]) -> Read<Self> {
        let mut reader = Reader::new(bytes);
        check_header(reader.raw(9).map_err(|_| CircuitError::new("this is not a tacit circuit"))?)?;
        let circuit = Self {
            columns: reader.list(10, column)?,
            tables: reader.list(10, table)?,
            contracts: reader.list(14, |r| Ok(Contract { name: r.string()?, zero: sum(r)? }))?,
            lookups: reader
                .list(12, |r| Ok(Lookup { name: r.string()?, table: r.u32()?, components: r.list(10, sum)? }))?,
            publics: reader.list(37, public)?,
            parameters: parameters(&mut reader)?,
        };
        reader.finish().map_err(|_| CircuitError::new("bytes follow the end of the circuit"))?;
        circuit.validate()?;
        Ok(circuit)
    }
}

fn column(reader: &mut Reader<'_>) -> Read<Column> {
    Ok(Column {
        name: reader.string()?,
        shape: reader.list(8, Reader::u64)?,
        bytes: reader.u8()?,
        home: match reader.u8()? {
            0 => Home::Weights,
            1 => Home::Witness,
            2 => Home::Count,
            3 => Home::Public,
            4 => Home::Virtual(sum(reader)?),
            other => {
                return Err(CircuitError::new(format!("a column has the unknown home {other}")));
            }
        },
    })
}

fn sum(reader: &mut Reader<'_>) -> Read<Sum> {
    Ok(Sum { axes: reader.list(8, Reader::u64)?, outputs: reader.u16()?, terms: reader.list(12, term)? })
}

fn term(reader: &mut Reader<'_>) -> Read<Term> {
    let coefficient = reader.u64()?;
    if coefficient >= P {
        return Err(CircuitError::new("a coefficient is not below p"));
    }
    let factors = reader.list(8, |r| Ok(View { column: r.u32()?, maps: r.list(7, map)? }))?;
    Ok(Term { coefficient: F::from_u64(coefficient), factors })
}

fn map(reader: &mut Reader<'_>) -> Read<Map> {
    match reader.u8()? {
        0 => Ok(Map::Affine { offset: reader.i64()?, terms: reader.list(10, |r| Ok((r.u16()?, r.i64()?)))? }),
        1 => Ok(Map::List { axis: reader.u16()?, indices: reader.list(8, Reader::i64)? }),
        other => Err(CircuitError::new(format!("a map has the unknown kind {other}"))),
    }
}

fn table(reader: &mut Reader<'_>) -> Read<Table> {
    let segment = |r: &mut Reader<'_>| Ok(Segment { entries: r.u64()?, count: r.u32()?, rules: r.list(6, rule)? });
    Ok(Table { name: reader.string()?, width: reader.u16()?, segments: reader.list(16, segment)? })
}

fn rule(reader: &mut Reader<'_>) -> Read<Rule> {
    match reader.u8()? {
        0 => Ok(Rule::Constant(reader.i64()?)),
        1 => Ok(Rule::Iota(reader.i64()?)),
        3 => Ok(Rule::Line { start: reader.i64()?, step: reader.i64()? }),
        2 => Ok(Rule::Listed { bytes: reader.u8()?, data: reader.bytes()?.to_vec() }),
        other => Err(CircuitError::new(format!("a rule has the unknown kind {other}"))),
    }
}

fn public(reader: &mut Reader<'_>) -> Read<Public> {
    Ok(Public {
        name: reader.string()?,
        direction: match reader.u8()? {
            0 => Direction::Input,
            1 => Direction::Output,
            other => {
                return Err(CircuitError::new(format!("a binding has the unknown direction {other}")));
            }
        },
        column: reader.u32()?,
        dtype: reader.string()?,
        shape: reader.list(8, Reader::u64)?,
        exponent: reader.i32()?,
        lowest: reader.i64()?,
        highest: reader.i64()?,
    })
}

fn parameters(reader: &mut Reader<'_>) -> Read<Parameters> {
    Ok(Parameters {
        log_rows: reader.u8()?,
        reserved: reader.u32()?,
        salt: reader.u8()?,
        folds: reader.list(1, Reader::u8)?,
        log_inverse_rates: reader.list(1, Reader::u8)?,
        queries: reader.list(2, Reader::u16)?,
    })
}
