//! The leaves of the fraction tree: one region per lookup and per table segment, packed by size.

use std::slice::from_ref;

use tacit_algebra::multilinear::bits;
use tacit_circuit::{Circuit, Lookup, Segment};
use tacit_transcript::Invalid;

/// What a region's leaves stand for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind<'a> {
    /// Numerator 1.
    Lookup(&'a Lookup),
    /// Numerator: minus the count column.
    Segment(&'a Segment),
}

/// A tensor of leaves at `offset ..` of the address space: per axis `bits(length)` digits, the last axis lowest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Region<'a> {
    pub kind: Kind<'a>,
    pub axes: &'a [u64],
    /// Index of the table plus one.
    pub tag: u64,
    /// Digits of an address inside the region.
    pub size: usize,
    /// A multiple of `2^size`.
    pub offset: u64,
}

/// All regions in the order of their addresses: by size, descending, back to back.
#[derive(Debug, Clone)]
pub(crate) struct Regions<'a> {
    pub list: Vec<Region<'a>>,
    /// Digits of an address: the number of levels.
    pub depth: usize,
    /// Components of the widest table.
    pub width: usize,
}

/// Addresses stay below 2^62.
const LARGEST: usize = 61;

impl<'a> Regions<'a> {
    /// `None` for a circuit without lookups.
    pub fn new(circuit: &'a Circuit) -> Result<Option<Self>, Invalid> {
        if circuit.lookups.is_empty() {
            return Ok(None);
        }
        let mut list = Vec::new();
        let mut width = 0;
        for lookup in &circuit.lookups {
            let table = circuit.tables.get(lookup.table as usize).ok_or(Invalid::Circuit("a lookup names no table"))?;
            let first = lookup.components.first().ok_or(Invalid::Circuit("a lookup has no component"))?;
            let axes = first.output_axes();
            if lookup.components.len() != usize::from(table.width)
                || lookup.components.iter().any(|c| c.output_axes() != axes)
            {
                return Err(Invalid::Circuit("a lookup's components do not fit its table"));
            }
            width = width.max(lookup.components.len());
            list.push(Region::new(Kind::Lookup(lookup), axes, u64::from(lookup.table) + 1)?);
        }
        for (table, tag) in circuit.tables.iter().zip(1..) {
            for segment in &table.segments {
                if segment.rules.len() != usize::from(table.width) {
                    return Err(Invalid::Circuit("a segment's rules do not fit its table"));
                }
                width = width.max(segment.rules.len());
                list.push(Region::new(Kind::Segment(segment), from_ref(&segment.entries), tag)?);
            }
        }
        let length = pack(&mut list)?;
        let depth = bits(length);
        if depth == 0 {
            return Err(Invalid::Circuit("a lookup has no table to be found in"));
        }
        Ok(Some(Self { list, depth, width }))
    }

    /// Leaves of all regions.
    pub fn leaves(&self) -> u64 {
        self.list.iter().map(|region| region.axes.iter().product::<u64>()).sum()
    }

    /// Address of the first node, at `level` above the leaves, of the regions with at most `2^level` addresses.
    pub fn tail_start(&self, level: usize) -> u64 {
        let larger: u64 =
            self.list.iter().take_while(|region| region.size > level).map(|region| 1u64 << region.size).sum();
        larger >> level
    }
}

impl<'a> Region<'a> {
    fn new(kind: Kind<'a>, axes: &'a [u64], tag: u64) -> Result<Self, Invalid> {
        let size: usize = axes.iter().map(|&d| bits(d)).sum();
        if axes.contains(&0) || size > LARGEST {
            return Err(Invalid::Circuit("a lookup is empty or too large"));
        }
        Ok(Self { kind, axes, tag, size, offset: 0 })
    }
}

/// Sorts by size, descending and stable, and assigns offsets back to back, which aligns every region. Returns the length.
fn pack(list: &mut [Region<'_>]) -> Result<u64, Invalid> {
    list.sort_by_key(|region| std::cmp::Reverse(region.size));
    let mut cursor = 0u64;
    for region in list {
        region.offset = cursor;
        cursor = cursor.saturating_add(1 << region.size);
        if cursor > 1 << LARGEST {
            return Err(Invalid::Circuit("the lookups are too large"));
        }
    }
    Ok(cursor)
}
