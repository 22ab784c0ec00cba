//! The allocator: a range of addresses, reserved once, and the system for everything else.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut, Range};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::yield_now;

use crate::LEAST;
use crate::pages::{PAGE, Pages, UNIT, UNITS_A_PAGE};

const PAGES: usize = 1 << 16;
const UNITS: usize = PAGES * UNITS_A_PAGE;
/// Bytes of the range: 128 GiB of addresses, of which only touched ones are memory.
const BYTES: usize = PAGES * PAGE;

static STATE: Shared =
    Shared { locked: AtomicBool::new(false), state: UnsafeCell::new(State { pages: Pages::new(), refused: false }) };
/// The first address of the range, 0 before there is one.
static BASE: AtomicUsize = AtomicUsize::new(0);

struct State {
    pages: Pages<UNITS, PAGES>,
    /// The system has refused the range.
    refused: bool,
}

/// A lock that a fork holds, so that no child begins with one whose holder it does not have. Held for microseconds.
struct Shared {
    locked: AtomicBool,
    state: UnsafeCell<State>,
}

// SAFETY: the state is reached through `Locked` alone, of which there is one at a time.
unsafe impl Sync for Shared {}

/// The state, until it is dropped.
struct Locked;

impl Deref for Locked {
    type Target = State;

    fn deref(&self) -> &State {
        // SAFETY: the lock is held.
        unsafe { &*STATE.state.get() }
    }
}

impl DerefMut for Locked {
    fn deref_mut(&mut self) -> &mut State {
        // SAFETY: the lock is held.
        unsafe { &mut *STATE.state.get() }
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        unlock();
    }
}

extern "C" fn lock() {
    while STATE.locked.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
        yield_now();
    }
}

extern "C" fn unlock() {
    STATE.locked.store(false, Ordering::Release);
}

/// The allocator.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kept;

/// Bytes of pages that no block uses.
pub fn held() -> usize {
    state().pages.held()
}

/// Gives these pages back to the system.
pub fn give_back() {
    let mut state = state();
    state.pages.forget();
    let base = BASE.load(Ordering::Acquire);
    while let Some(page) = state.pages.idle() {
        clear(base, page..page.saturating_add(1));
    }
}

fn state() -> Locked {
    lock();
    Locked
}

/// The system takes these pages back; they read as zeros when they are touched again. It keeps those that are locked in memory
/// (`mlockall`), which are filled.
fn clear(base: usize, pages: Range<usize>) {
    let at = base.wrapping_add(pages.start.wrapping_mul(PAGE)) as *mut u8;
    let bytes = pages.len().wrapping_mul(PAGE);
    // SAFETY: pages of the range that `reserve` got, in which no block is in use.
    unsafe {
        if libc::madvise(at.cast(), bytes, libc::MADV_DONTNEED) != 0 {
            at.write_bytes(0, bytes);
        }
    }
}

/// The base of the range, which is reserved by the first call.
fn reserve(state: &mut State) -> Option<usize> {
    let base = BASE.load(Ordering::Acquire);
    if base != 0 || state.refused {
        return (base != 0).then_some(base);
    }
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping of anonymous memory at an address that the system chooses; a page more, so that huge pages fit.
    let found = unsafe { libc::mmap(null_mut(), BYTES.wrapping_add(PAGE), protection, flags, -1, 0) };
    if found == libc::MAP_FAILED {
        state.refused = true;
        return None;
    }
    let base = (found as usize).next_multiple_of(PAGE);
    // SAFETY: advice on this mapping; functions that may run before and after a fork.
    unsafe {
        libc::madvise(base as *mut libc::c_void, BYTES, libc::MADV_HUGEPAGE);
        libc::pthread_atfork(Some(lock), Some(unlock), Some(unlock));
    }
    BASE.store(base, Ordering::Release);
    Some(base)
}

/// The units of a block of so many bytes.
fn units(bytes: usize) -> usize {
    bytes.div_ceil(UNIT)
}

/// The units of the block at an address; `None` where it is the system's.
pub(crate) fn block(address: usize, bytes: usize) -> Option<Range<usize>> {
    let base = BASE.load(Ordering::Acquire);
    let first = address.checked_sub(base).filter(|&offset| base != 0 && offset < BYTES)? / UNIT;
    Some(first..first.wrapping_add(units(bytes)))
}

/// A block of the range; with `zeros`, one that is zero throughout, else with anything in it.
pub(crate) fn take(bytes: usize, zeros: bool) -> Option<*mut u8> {
    let mut state = state();
    let base = reserve(&mut state)?;
    let first = state.pages.take(units(bytes))?;
    let found = first..first.wrapping_add(units(bytes));
    let at = base.wrapping_add(first.wrapping_mul(UNIT)) as *mut u8;
    let fill = zeros && state.pages.touched(&found);
    settle(&mut state, base, &found);
    drop(state);
    if fill {
        // What the kernel would clear costs more: pages that it has to find first, and a fault for each.
        // SAFETY: the block, which nobody has been given yet.
        unsafe { at.write_bytes(0, bytes) };
    }
    Some(at)
}

/// Takes back a block of the range.
pub(crate) fn give(at: *mut u8, bytes: usize) {
    if let Some(units) = block(at as usize, bytes) {
        state().pages.release(units);
    }
}

/// Counts the block's pages as touched and gives back what would be more than the most in use.
fn settle(state: &mut State, base: usize, block: &Range<usize>) {
    state.pages.touch(block);
    while let Some(page) = state.pages.surplus() {
        clear(base, page..page.wrapping_add(1));
    }
}

fn keeps(layout: &Layout) -> bool {
    layout.size() >= LEAST && layout.align() <= UNIT
}

// SAFETY: a block is the system's, or units of the range that are marked as used, under a lock, from when it is handed out until it is
// dropped; units are disjoint, and aligned more coarsely than any layout that they serve.
unsafe impl GlobalAlloc for Kept {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let found = if keeps(&layout) { take(layout.size(), false) } else { None };
        // SAFETY: the caller's.
        found.unwrap_or_else(|| unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let found = if keeps(&layout) { take(layout.size(), true) } else { None };
        // SAFETY: the caller's.
        found.unwrap_or_else(|| unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        match block(at as usize, layout.size()) {
            Some(units) => state().pages.release(units),
            // SAFETY: the caller's; the block is not of the range.
            None => unsafe { System.dealloc(at, layout) },
        }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Ok(new) = Layout::from_size_align(size, layout.align()) else { return null_mut() };
        let old = block(at as usize, layout.size());
        match old {
            None if !keeps(&new) => {
                // SAFETY: the caller's; the block is not of the range.
                return unsafe { System.realloc(at, layout, size) };
            }
            Some(old) if keeps(&new) && resize(&old, units(size)) => return at,
            _ => {}
        }
        // SAFETY: the caller's; the new block is another one, and both have the bytes that are copied.
        unsafe {
            let found = self.alloc(new);
            if !found.is_null() {
                found.copy_from_nonoverlapping(at, layout.size().min(size));
                self.dealloc(at, layout);
            }
            found
        }
    }
}

/// Shortens a block, or lengthens it where the units behind it are free.
fn resize(old: &Range<usize>, units: usize) -> bool {
    let mut state = state();
    let end = old.start.wrapping_add(units);
    if end <= old.end {
        state.pages.release(end..old.end);
        return true;
    }
    let more = old.end..end;
    let fits = state.pages.extend(more.clone());
    if fits {
        settle(&mut state, BASE.load(Ordering::Acquire), &more);
    }
    fits
}
