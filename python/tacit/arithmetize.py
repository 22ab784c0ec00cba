"""Program and weights -> circuit and weights buffer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tacit.circuit import Circuit, column_bytes, encode
from tacit.errors import ModelError
from tacit.primitives.program import Program, run
from tacit.primitives.record import Record

__all__ = ["arithmetize", "circuit_of"]


def circuit_of(program: Program) -> Circuit:
    """The program's circuit, unfinished: the core chooses its parameters."""
    record = Record(program.batch)
    run(program, record)
    return record.finish()


def arithmetize(program: Program, weights: Mapping[str, np.ndarray]) -> tuple[bytes, bytes]:
    """The bytes of the unfinished circuit, and the weights buffer (docs/circuit.md, Buffers).

    `weights`: int64 arrays by column name. ModelError when one is missing or does not fit its column.
    """
    record = Record(program.batch)
    run(program, record)
    parts = []
    for column in record.stored:
        if column.home == "weights":
            array = weights.get(column.name)
            if array is None or array.size != np.prod(column.shape):
                raise ModelError(f"The weight {column.name} is missing or has another size.")
            parts.append(np.ascontiguousarray(array, dtype=f"<i{column_bytes(column.low, column.high)}").tobytes())
    return encode(record.finish()), b"".join(parts)
