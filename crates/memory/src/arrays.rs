//! The same blocks for NumPy: the functions of a data memory handler (NEP 49), which NumPy calls for the data of new arrays.

use std::ffi::c_void;
use std::ptr::null_mut;

use crate::LEAST;
use crate::kept::{block, give, take};

/// Bytes before the data of a block of the range, the first of which are its length: NumPy's own figure is not one to rely on.
const HEADER: usize = 64;

/// `PyDataMem_Handler` of NumPy's C interface, version 1.
#[repr(C)]
struct Handler {
    name: [u8; 127],
    version: u8,
    context: usize,
    malloc: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void,
    calloc: unsafe extern "C" fn(*mut c_void, usize, usize) -> *mut c_void,
    realloc: unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void, *mut c_void, usize),
}

const NAME: [u8; 127] = {
    let mut name = [0; 127];
    let (first, _) = name.split_at_mut(5);
    first.copy_from_slice(b"tacit");
    name
};

static HANDLER: Handler = Handler { name: NAME, version: 1, context: 0, malloc, calloc, realloc, free };

/// The address of the handler, which lives as long as the process.
#[must_use]
pub fn handler() -> usize {
    &raw const HANDLER as usize
}

/// A block of the range behind its header; `None` where it is to be the system's.
fn large(bytes: usize, zeros: bool) -> Option<*mut c_void> {
    let whole = bytes.checked_add(HEADER).filter(|&whole| whole >= LEAST)?;
    let at = take(whole, zeros)?;
    // SAFETY: the first bytes of a new block of at least `LEAST`, which begins with a unit.
    unsafe { at.cast::<usize>().write(whole) };
    Some(at.wrapping_add(HEADER).cast())
}

/// The bytes of the whole block at this address and its start; `None` where it is the system's.
fn whole(at: *mut c_void) -> Option<(usize, *mut u8)> {
    block(at as usize, 0)?;
    let start = at.cast::<u8>().wrapping_sub(HEADER);
    // SAFETY: addresses of the range that NumPy holds come from `large`.
    Some((unsafe { start.cast::<usize>().read() }, start))
}

unsafe extern "C" fn malloc(_: *mut c_void, bytes: usize) -> *mut c_void {
    // SAFETY: the caller's.
    large(bytes, false).unwrap_or_else(|| unsafe { libc::malloc(bytes) })
}

unsafe extern "C" fn calloc(_: *mut c_void, count: usize, each: usize) -> *mut c_void {
    let found = count.checked_mul(each).and_then(|bytes| large(bytes, true));
    // SAFETY: the caller's.
    found.unwrap_or_else(|| unsafe { libc::calloc(count, each) })
}

unsafe extern "C" fn free(_: *mut c_void, at: *mut c_void, _: usize) {
    match whole(at) {
        Some((bytes, start)) => give(start, bytes),
        // SAFETY: the caller's; the block is not of the range.
        None => unsafe { libc::free(at) },
    }
}

unsafe extern "C" fn realloc(context: *mut c_void, at: *mut c_void, bytes: usize) -> *mut c_void {
    let Some((held, _)) = whole(at) else {
        // SAFETY: the caller's; a block of the system stays one.
        return unsafe { libc::realloc(at, bytes) };
    };
    // SAFETY: the caller's; the new block is another one, and both have the bytes that are copied.
    unsafe {
        let found = malloc(context, bytes);
        if found.is_null() {
            return null_mut();
        }
        found.cast::<u8>().copy_from_nonoverlapping(at.cast(), held.saturating_sub(HEADER).min(bytes));
        free(context, at, held);
        found
    }
}
