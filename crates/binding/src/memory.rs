//! The allocator of this module, and what Python sees of it.

use pyo3::prelude::*;

#[global_allocator]
static ALLOCATOR: tacit_memory::Kept = tacit_memory::Kept;

/// Bytes that are kept for the next proof and that nothing uses.
#[pyfunction]
pub fn held_memory() -> usize {
    tacit_memory::held()
}

/// Gives them back to the system.
#[pyfunction]
pub fn give_back_held_memory(python: Python<'_>) {
    python.detach(tacit_memory::give_back);
}

/// The address of a `PyDataMem_Handler` (NEP 49) whose arrays are of this memory; 0 where there is none.
#[pyfunction]
pub fn array_memory_handler() -> usize {
    tacit_memory::handler()
}
