//! Finds the row of a tuple in a table. For provers: the table belongs to a valid circuit.

use std::hash::{BuildHasher, RandomState};

use crate::{Rule, Segment, Table, integers};

/// More segments than this are found by their constants.
const FEW: usize = 4;

/// A table's segments, in their order.
pub(super) struct Finder {
    segments: Vec<Rows>,
    /// The first row of each.
    starts: Vec<usize>,
    /// Of many segments, those with the same constants.
    groups: Option<Groups>,
}

/// The rows of a segment. Constants are compared first, then the key names a row, then the rest of it is compared.
struct Rows {
    entries: u64,
    constants: Vec<(usize, i64)>,
    key: Key,
    /// Components that a row may still differ in.
    others: Vec<(usize, Row)>,
}

/// How a row is found.
enum Key {
    /// The row's number is `(component - start) / step`.
    Position { component: usize, start: i64, step: i64 },
    /// All rows are equal.
    First,
    /// By all components that are not constant.
    Hash(Hashed),
}

/// A component of all rows that is not constant.
enum Row {
    Line { start: i64, step: i64 },
    Listed(Vec<i64>),
}

impl Row {
    fn at(&self, entry: usize) -> i64 {
        match self {
            Self::Line { start, step } => start.wrapping_add(step.wrapping_mul(entry as i64)),
            Self::Listed(values) => values[entry],
        }
    }
}

/// Numbers of some tuples, found by some components: open addressing, with factors that nobody can choose tuples for.
struct Hashed {
    /// Components with their factors.
    factors: Vec<(usize, u64)>,
    shift: u32,
    slots: Vec<usize>,
}

const EMPTY: usize = usize::MAX;

impl Hashed {
    /// For `count` numbers at most.
    fn new(components: impl Iterator<Item = usize>, count: usize) -> Self {
        let random = RandomState::new();
        let factors = components.map(|component| (component, random.hash_one(component) | 1)).collect();
        let size = (2 * count).next_power_of_two().max(2);
        Self { factors, shift: u64::BITS - size.trailing_zeros(), slots: vec![EMPTY; size] }
    }

    /// The place of the first number that is `equal`, or of the empty slot where it would be.
    #[inline(always)]
    fn place(&self, tuple: impl Fn(usize) -> i64, equal: impl Fn(usize) -> bool) -> usize {
        let mix = |hash: u64, &(component, factor): &(usize, u64)| {
            let product = (hash ^ tuple(component) as u64).wrapping_mul(factor);
            product ^ product >> 32
        };
        let hash = self.factors.iter().fold(0, mix).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut place = (hash >> self.shift) as usize;
        while self.slots[place] != EMPTY && !equal(self.slots[place]) {
            place = (place + 1) & (self.slots.len() - 1);
        }
        place
    }
}

/// Segments by the components that are constant in all of them.
struct Groups {
    hashed: Hashed,
    members: Vec<Vec<usize>>,
    constants: Vec<Vec<(usize, i64)>>,
}

impl Groups {
    /// `None` where there are few segments or no such components.
    fn new(segments: &[Rows]) -> Option<Self> {
        let has = |rows: &Rows, component| rows.constants.iter().any(|&(c, _)| c == component);
        let shared = |&(component, _): &(usize, i64)| segments.iter().all(|rows| has(rows, component));
        let common: Vec<usize> = segments.first()?.constants.iter().filter(|&c| shared(c)).map(|&(c, _)| c).collect();
        if segments.len() <= FEW || common.is_empty() {
            return None;
        }
        let hashed = Hashed::new(common.iter().copied(), segments.len());
        let mut groups = Self { hashed, members: Vec::new(), constants: Vec::new() };
        for (number, rows) in segments.iter().enumerate() {
            let own: Vec<(usize, i64)> =
                rows.constants.iter().copied().filter(|(component, _)| common.contains(component)).collect();
            let value = |component| own.iter().find(|&&(c, _)| c == component).map_or(0, |&(_, value)| value);
            let place = groups.hashed.place(value, |group| groups.constants[group] == own);
            if groups.hashed.slots[place] == EMPTY {
                groups.hashed.slots[place] = groups.members.len();
                groups.members.push(Vec::new());
                groups.constants.push(own);
            }
            groups.members[groups.hashed.slots[place]].push(number);
        }
        Some(groups)
    }

    fn of(&self, columns: &[Vec<i64>], i: usize) -> &[usize] {
        let equal = |group: usize| self.constants[group].iter().all(|&(c, value)| columns[c][i] == value);
        let group = self.hashed.slots[self.hashed.place(|component| columns[component][i], equal)];
        self.members.get(group).map_or(&[], Vec::as_slice)
    }
}

impl Finder {
    pub fn new(table: &Table) -> Self {
        let segments: Vec<Rows> = table.segments.iter().map(Rows::new).collect();
        let starts = segments.iter().scan(0, |next, rows| {
            let start = *next;
            *next += rows.entries as usize;
            Some(start)
        });
        Self { starts: starts.collect(), groups: Groups::new(&segments), segments }
    }

    /// Adds the tuples `..length` to the counts of their rows; the number of the first tuple that is none.
    pub fn count(&self, columns: &[Vec<i64>], length: usize, counts: &mut [u32]) -> Result<(), usize> {
        if let ([rows], [column]) = (self.segments.as_slice(), columns)
            && let Key::Position { start, step: 1, .. } = rows.key
        {
            for (i, &value) in column[..length].iter().enumerate() {
                let entry = value.wrapping_sub(start) as u64;
                *counts.get_mut(entry as usize).filter(|_| value >= start && entry < rows.entries).ok_or(i)? += 1;
            }
            return Ok(());
        }
        for i in 0..length {
            let find = |number: usize| Some(self.starts[number] + self.segments[number].find(columns, i)?);
            let row = match &self.groups {
                Some(groups) => groups.of(columns, i).iter().copied().find_map(find),
                None => (0..self.segments.len()).find_map(find),
            };
            counts[row.ok_or(i)?] += 1;
        }
        Ok(())
    }
}

impl Rows {
    fn new(segment: &Segment) -> Self {
        let (mut constants, mut others, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        for (component, rule) in segment.rules.iter().enumerate() {
            match rule {
                Rule::Constant(value) => constants.push((component, *value)),
                Rule::Listed { bytes, data } => others.push((component, Row::Listed(integers(data, *bytes)))),
                &Rule::Iota(start) => lines.push((component, start, 1)),
                &Rule::Line { start, step } => lines.push((component, start, step)),
            }
        }
        // Rows are found by the first component whose step is 1, if any is.
        lines.sort_by_key(|&(_, _, step)| step != 1);
        let first = lines.first().map(|&(component, start, step)| Key::Position { component, start, step });
        others.extend(lines.into_iter().skip(1).map(|(component, start, step)| (component, Row::Line { start, step })));
        let key = match first {
            Some(key) => key,
            None if others.is_empty() => Key::First,
            None => Key::Hash(by_listed(&others, segment.entries as usize)),
        };
        Self { entries: segment.entries, constants, key, others }
    }

    /// The first row that equals tuple `i`.
    #[inline]
    fn find(&self, columns: &[Vec<i64>], i: usize) -> Option<usize> {
        if self.constants.iter().any(|&(component, value)| columns[component][i] != value) {
            return None;
        }
        let equal = |entry: usize| self.others.iter().all(|(component, row)| row.at(entry) == columns[*component][i]);
        match &self.key {
            &Key::Position { component, start, step } => {
                let entry = number(columns[component][i], start, step)?;
                (entry < self.entries && equal(entry as usize)).then_some(entry as usize)
            }
            Key::First => Some(0),
            Key::Hash(hashed) => {
                let entry = hashed.slots[hashed.place(|component| columns[component][i], equal)];
                (entry != EMPTY).then_some(entry)
            }
        }
    }
}

/// `(value - start) / step` where that is a natural number.
#[inline]
fn number(value: i64, start: i64, step: i64) -> Option<u64> {
    let distance = value.checked_sub(start)?;
    let whole = step == 1 || distance.checked_rem(step)? == 0;
    u64::try_from(if step == 1 { distance } else { distance.checked_div(step)? }).ok().filter(|_| whole)
}

/// The first of equal rows, by the components that are listed.
fn by_listed(listed: &[(usize, Row)], entries: usize) -> Hashed {
    let mut hashed = Hashed::new(listed.iter().map(|&(component, _)| component), entries);
    for entry in 0..entries {
        let value = |component| listed.iter().find(|&&(c, _)| c == component).map_or(0, |(_, row)| row.at(entry));
        let equal = |other: usize| listed.iter().all(|(_, row)| row.at(other) == row.at(entry));
        let place = hashed.place(value, equal);
        if hashed.slots[place] == EMPTY {
            hashed.slots[place] = entry;
        }
    }
    hashed
}
