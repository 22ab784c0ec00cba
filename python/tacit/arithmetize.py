"""Program and weights -> circuit and weights buffer; the circuit -> its opening's parameters, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tacit import _core
from tacit.circuit import Circuit, Parameters, column_bytes, decode, encode
from tacit.errors import ModelError
from tacit.primitives.program import Program, run
from tacit.primitives.record import Record

__all__ = ["arithmetize", "circuit_of", "finish"]


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


def finish(circuit: bytes, openings: int, like: Parameters | None = None) -> bytes:
    """The circuit with its opening's parameters, chosen for 128 bits; its commitment to the weights serves `openings` proofs that
    hide, or is the one of another circuit over the same weights, which has the parameters `like`. Raises ModelError."""
    try:
        if like is None:
            return _core.finish(circuit, None, openings)
        return _finish_like(circuit, like) if like.reserved else _core.finish(circuit, like.log_rows, 0)
    except _core.Malformed as error:
        raise ModelError(f"This model cannot be proved: {error}.") from None


def _finish_like(circuit: bytes, like: Parameters) -> bytes:
    """As many reserved rows as the other circuit has, whose number of queries may be another: parameters chosen for at least as
    many rows, hence for as many limbs or more, have the bits for these."""
    queries = like.queries[0]
    while True:
        finished = _core.finish(circuit, like.log_rows, -(-like.reserved // queries))
        parameters = decode(finished).parameters
        if parameters.reserved == like.reserved:
            return finished
        if parameters.reserved > like.reserved:
            return encode(replace(decode(finished), parameters=replace(parameters, reserved=like.reserved)))
        queries = parameters.queries[0]
