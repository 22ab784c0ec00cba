"""What a verifier holds of a model: the circuit, and root and seal of the weights' commitment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tacit import _core, storage
from tacit.errors import ModelError
from tacit.numbers.dtypes import dtype_of, kind_of


@dataclass(frozen=True)
class Signature:
    """One named input or output: value = integer * 2^-exponent, lowest <= integer <= highest. One without elements has a column
    of one zero."""

    name: str
    is_output: bool
    dtype: str
    shape: tuple[int, ...]
    exponent: int
    lowest: int
    highest: int
    cell_bytes: int

    def integers(self, data: bytes) -> np.ndarray:
        """The public column's cells as int64 of the declared shape."""
        if 0 in self.shape:
            return np.zeros(self.shape, dtype=np.int64)
        return np.frombuffer(data, dtype=f"<i{self.cell_bytes}").astype(np.int64).reshape(self.shape)

    def values(self, data: bytes) -> np.ndarray:
        """The public column in the dtype that the model declares."""
        integers = self.integers(data)
        dtype = dtype_of(self.dtype)
        if kind_of(self.dtype) == "f":
            return np.ldexp(integers.astype(np.float64), -self.exponent).astype(dtype)
        return integers.astype(dtype)


class Key:
    """A verification key. Immutable; equal keys have equal bytes."""

    def __init__(self, core: _core.VerifyingKey) -> None:
        self.core = core

    @classmethod
    def from_bytes(cls, data: bytes) -> Key:
        """Raises ModelError when the bytes are not a key of this format."""
        try:
            return cls(_core.VerifyingKey(bytes(data)))
        except _core.Malformed as error:
            raise ModelError(f"These bytes are not a usable key: {error}.") from None

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Key:
        """Raises ModelError when the file is missing or is not a key."""
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise ModelError(f"The key file {path} cannot be read ({error.strerror}).") from None
        try:
            return cls.from_bytes(data)
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from None

    def to_bytes(self) -> bytes:
        return self.core.to_bytes()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Atomically. Raises ModelError when the file cannot be written."""
        storage.write(storage.File(Path(path), self.to_bytes(), 0o644))

    @property
    def circuit_digest(self) -> bytes:
        """Keccak-256 of the circuit's bytes."""
        return self.core.circuit_digest()

    @property
    def model_commitment(self) -> bytes:
        """The root of the tree over the weights; receipts state it too."""
        return self.core.weights_root()

    @property
    def model_seal(self) -> bytes:
        """The value of all weights at a point that the root decides, 24 bytes: a root that was made in bad faith can stand for
        several models, root and seal for one."""
        return self.core.weights_seal()

    def same_weights(self, other: Key) -> bool:
        """Whether both keys are about one commitment to weights: root and seal are equal, and read alike."""
        return self.core.weights_identity() == other.core.weights_identity()

    @property
    def signatures(self) -> tuple[Signature, ...]:
        """All public bindings, in the circuit's order."""
        return tuple(
            Signature(name, is_output, dtype, tuple(shape), exponent, lowest, highest, cell_bytes)
            for name, is_output, dtype, shape, exponent, lowest, highest, cell_bytes in self.core.publics()
        )

    @property
    def inputs(self) -> tuple[Signature, ...]:
        return tuple(s for s in self.signatures if not s.is_output)

    @property
    def outputs(self) -> tuple[Signature, ...]:
        return tuple(s for s in self.signatures if s.is_output)

    def count_of(self, name: str) -> str | None:
        """The output that says how much of a padded output counts; None for an output that is not padded."""
        count = f"{name}.count"
        shapes = {s.name: s.shape for s in self.outputs}
        alone_or_batch = ((), shapes.get(name, ())[:1])
        return count if count in shapes and shapes[count] in alone_or_batch else None

    def public_values(self, public: bytes) -> list[tuple[Signature, np.ndarray]]:
        """Each binding with its tensor, from a public buffer (the columns of all bindings, one after another)."""
        return [(signature, signature.values(cells)) for signature, cells in self._cells(public)]

    def public_integers(self, public: bytes) -> dict[str, np.ndarray]:
        """The same as integers, by name."""
        return {signature.name: signature.integers(cells) for signature, cells in self._cells(public)}

    def _cells(self, public: bytes) -> list[tuple[Signature, bytes]]:
        found, at = [], 0
        for signature in self.signatures:
            size = max(int(np.prod(signature.shape, dtype=np.int64)), 1) * signature.cell_bytes
            found.append((signature, public[at : at + size]))
            at += size
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash((self.circuit_digest, self.model_commitment))

    def __repr__(self) -> str:
        return f"Key(circuit={self.circuit_digest.hex()[:16]}, weights={self.model_commitment.hex()[:16]})"
