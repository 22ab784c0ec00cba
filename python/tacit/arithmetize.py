"""Program and weights -> circuit and weights buffer; the circuit -> its opening's parameters, too."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tacit import _core
from tacit.circuit import Circuit, Parameters, column_bytes, encode
from tacit.errors import ModelError
from tacit.primitives.program import Program, run
from tacit.primitives.record import Record

__all__ = ["QUICK", "SMALL", "arithmetize", "circuit_of", "finish", "receipts_of"]

QUICK, SMALL = "quick", "small"
"""What receipts shall be; the parameters are chosen for it (`crates/protocols/open/src/choice.rs`)."""


def circuit_of(program: Program) -> Circuit:
    """The program's circuit, unfinished: the core chooses its parameters."""
    record = Record(program.batch)
    run(program, record)
    return record.finish()


def arithmetize(program: Program, weights: Mapping[str, np.ndarray]) -> tuple[bytes, bytes]:
    """The bytes of the unfinished circuit, and the weights buffer (docs/circuit.md, Buffers).

    `weights`: arrays of signed integers by column name. ModelError when one is missing or does not fit its column.
    """
    record = Record(program.batch)
    run(program, record)
    parts = []
    for column in record.stored:
        if column.home == "weights":
            array = weights.get(column.name)
            if array is None or array.size != np.prod(column.shape):
                raise ModelError(f"The weight {column.name} is missing or has another size.")
            parts.append(np.ascontiguousarray(array, dtype=f"<i{column_bytes(column.low, column.high)}").reshape(-1).data)
    return encode(record.finish()), b"".join(parts)


def finish(circuit: bytes, openings: int, receipts: str = QUICK, like: Parameters | None = None) -> bytes:
    """The circuit with its opening's parameters, chosen for 128 bits and for receipts that are 'quick' to make or 'small'. Its
    commitment to the weights serves `openings` proofs that hide; with the parameters `like` of another circuit, commitments are
    shared with that. Raises ModelError."""
    shared = None if like is None else (like.log_rows, like.log_inverse_rates[0], like.reserved)
    try:
        return _core.finish(circuit, openings, receipts, shared)
    except _core.Malformed as error:
        raise ModelError(f"This model cannot be proved: {error}.") from None


def receipts_of(circuit: bytes, openings: int) -> str:
    """What a finished circuit's parameters were chosen for; 'quick' where that makes no difference, or is not known."""
    return SMALL if circuit != finish(circuit, openings, QUICK) and circuit == finish(circuit, openings, SMALL) else QUICK
