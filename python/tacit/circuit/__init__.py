"""The circuit: frozen data that holds no weight value and no input value (docs/circuit.md)."""

from tacit.circuit.encode import decode, encode
from tacit.circuit.model import (
    FIELD,
    Affine,
    Circuit,
    Column,
    Constant,
    Contract,
    Iota,
    Listed,
    Lookup,
    Parameters,
    Positions,
    Public,
    Segment,
    Sum,
    Table,
    Term,
    View,
    column_bytes,
)
from tacit.circuit.repeat import batch_shape, repeated

__all__ = [
    "FIELD",
    "Affine",
    "Circuit",
    "Column",
    "Constant",
    "Contract",
    "Iota",
    "Listed",
    "Lookup",
    "Parameters",
    "Positions",
    "Public",
    "Segment",
    "Sum",
    "Table",
    "Term",
    "View",
    "batch_shape",
    "column_bytes",
    "decode",
    "encode",
    "repeated",
]
