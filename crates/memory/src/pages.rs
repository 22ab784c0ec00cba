//! Which units of a range of addresses are in use, and which huge pages the system has given: bookkeeping without any address.

use std::ops::Range;

/// Bytes of a unit, of which a block has a whole number.
pub const UNIT: usize = 1 << 16;
/// Units of a huge page.
pub const UNITS_A_PAGE: usize = 32;
/// Bytes of a huge page.
pub const PAGE: usize = UNIT << 5;

/// The state of a range of `UNITS` units in `PAGES` huge pages.
#[derive(Debug)]
pub struct Pages<const UNITS: usize, const PAGES: usize> {
    /// Whether a block has the unit.
    used: [bool; UNITS],
    /// Whether the page has been touched since the system got it back.
    resident: [bool; PAGES],
    /// Units of the page that blocks have.
    used_of: [u8; PAGES],
    used_units: usize,
    resident_pages: usize,
    /// The pages before this one are all that were ever touched.
    frontier: usize,
    /// The most units that were in use at once.
    most_units: usize,
}

impl<const UNITS: usize, const PAGES: usize> Default for Pages<UNITS, PAGES> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const UNITS: usize, const PAGES: usize> Pages<UNITS, PAGES> {
    #[must_use]
    pub const fn new() -> Self {
        Self {
            used: [false; UNITS],
            resident: [false; PAGES],
            used_of: [0; PAGES],
            used_units: 0,
            resident_pages: 0,
            frontier: 0,
            most_units: 0,
        }
    }

    /// Takes the first run of so many free units; `None` where there is none.
    pub fn take(&mut self, units: usize) -> Option<usize> {
        let mut first = 0usize;
        loop {
            while self.used_of.get(first / UNITS_A_PAGE).is_some_and(|&used| usize::from(used) == UNITS_A_PAGE) {
                first = (first / UNITS_A_PAGE).saturating_add(1).saturating_mul(UNITS_A_PAGE);
            }
            let window = self.used.get(first..first.checked_add(units)?)?;
            let Some(last) = window.iter().rposition(|&used| used) else { break };
            first = first.saturating_add(last).saturating_add(1);
        }
        self.mark(first..first.saturating_add(units), true);
        Some(first)
    }

    /// Gives the units that follow `units` to the block that ends there, if they are free.
    pub fn extend(&mut self, units: Range<usize>) -> bool {
        let free = self.used.get(units.clone()).is_some_and(|units| units.iter().all(|&used| !used));
        if free {
            self.mark(units, true);
        }
        free
    }

    /// No block has these units any more.
    pub fn release(&mut self, units: Range<usize>) {
        self.mark(units, false);
    }

    /// The pages that hold these units.
    #[must_use]
    pub fn of(units: &Range<usize>) -> Range<usize> {
        units.start / UNITS_A_PAGE..units.end.div_ceil(UNITS_A_PAGE)
    }

    /// Whether these units may hold what an earlier block left there.
    #[must_use]
    pub fn touched(&self, units: &Range<usize>) -> bool {
        self.resident.get(Self::of(units)).is_none_or(|pages| pages.iter().any(|&resident| resident))
    }

    /// Counts the pages of these units as touched.
    pub fn touch(&mut self, units: &Range<usize>) {
        self.frontier = self.frontier.max(Self::of(units).end);
        for resident in self.resident.get_mut(Self::of(units)).into_iter().flatten().filter(|resident| !**resident) {
            *resident = true;
            self.resident_pages = self.resident_pages.saturating_add(1);
        }
    }

    /// A page that no block uses and that is beyond the most that was in use at once, the last one; it counts as given back.
    pub fn surplus(&mut self) -> Option<usize> {
        let most = self.most_units.div_ceil(UNITS_A_PAGE).saturating_add(SLACK);
        if self.resident_pages <= most { None } else { self.idle() }
    }

    /// The last page that is touched and that no block uses; it counts as given back.
    pub fn idle(&mut self) -> Option<usize> {
        let free = |(page, resident): &(usize, &mut bool)| **resident && self.used_of.get(*page) == Some(&0);
        let (page, resident) = self.resident.get_mut(..self.frontier)?.iter_mut().enumerate().rfind(free)?;
        *resident = false;
        self.resident_pages = self.resident_pages.saturating_sub(1);
        Some(page)
    }

    /// From here on, the most that was in use at once is what is in use now.
    pub fn forget(&mut self) {
        self.most_units = self.used_units;
    }

    /// Bytes of touched pages beyond the units in use.
    #[must_use]
    pub fn held(&self) -> usize {
        self.resident_pages.saturating_mul(PAGE).saturating_sub(self.used_units.saturating_mul(UNIT))
    }

    fn mark(&mut self, units: Range<usize>, used: bool) {
        let count = units.len();
        for page in Self::of(&units) {
            let first = page.saturating_mul(UNITS_A_PAGE);
            let (start, end) = (units.start.max(first), units.end.min(first.saturating_add(UNITS_A_PAGE)));
            let here = end.saturating_sub(start) as u8;
            let of = self.used_of.get_mut(page).into_iter();
            of.for_each(|of| *of = if used { of.saturating_add(here) } else { of.saturating_sub(here) });
        }
        self.used.get_mut(units).into_iter().for_each(|units| units.fill(used));
        self.used_units =
            if used { self.used_units.saturating_add(count) } else { self.used_units.saturating_sub(count) };
        self.most_units = self.most_units.max(self.used_units);
    }
}

/// Pages beyond the most in use: blocks begin and end within pages.
pub const SLACK: usize = 16;
