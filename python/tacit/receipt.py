"""What a prover hands over: public tensors, context, commitments and the proof. Nothing it says is true before `verify`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from tacit import _core, storage
from tacit.errors import InputError, InvalidReceipt
from tacit.key import Signature


@dataclass(frozen=True)
class Commitment:
    """To one hidden tensor. Receipts that state equal ones, and are valid, speak of the same tensor."""

    root: bytes
    seal: bytes

    def __str__(self) -> str:
        return self.root.hex()[:16]


class Receipt:
    """A thin view on canonical bytes. `inputs` and `outputs` need the signatures of a key; a receipt from `prove` has them."""

    def __init__(self, core: _core.Receipt, signatures: tuple[Signature, ...] | None = None) -> None:
        self.core = core
        self._signatures = signatures
        self.secrets: Mapping[str, Any] = MappingProxyType({})
        """Of a receipt that `Model.prove` has just made with `commit=`: {name: Committed}. Not in its bytes."""

    @classmethod
    def from_bytes(cls, data: bytes) -> Receipt:
        """Raises InvalidReceipt when the bytes are not a receipt of this format."""
        try:
            return cls(_core.Receipt(bytes(data)))
        except _core.Refused as error:
            raise InvalidReceipt(f"These bytes are not a receipt: {error}.") from None

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Receipt:
        """Raises InputError when the file cannot be read, InvalidReceipt when it is not a receipt."""
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise InputError(f"The receipt file {path} cannot be read ({error.strerror}).") from None
        try:
            return cls.from_bytes(data)
        except InvalidReceipt as error:
            raise InvalidReceipt(f"{path}: {error}") from None

    def to_bytes(self) -> bytes:
        return self.core.to_bytes()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Atomically. Raises ModelError when the file cannot be written."""
        storage.write(storage.File(Path(path), self.to_bytes(), 0o644))

    def bind(self, signatures: tuple[Signature, ...]) -> None:
        """Attaches the names, shapes and exponents of a key, after `verify` found that they belong together."""
        self._signatures = signatures

    @property
    def circuit_digest(self) -> bytes:
        return self.core.circuit_digest()

    @property
    def model_commitment(self) -> bytes:
        return self.core.weights_root()

    @property
    def context(self) -> bytes:
        return self.core.context()

    @property
    def hidden(self) -> tuple[str, ...]:
        """The names of what the receipt hides: 'weights', and tensors (by number while no key was bound). Empty for a transparent
        proof. True only after `verify`."""
        flags = self.core.hidden()
        if flags is None:
            return ()
        held = self._signatures
        names = [f"tensor {place}" for place in range(len(flags) - 1)] if held is None else [s.name for s in held]
        return tuple(name for name, hidden in zip(["weights", *names], flags, strict=True) if hidden)

    @property
    def commitments(self) -> dict[str, Commitment]:
        """Those of hidden tensors that have one of their own, by name (by number while no key was bound). True only after
        `verify`."""
        held = self._signatures
        names = {place: f"tensor {place}" if held is None else held[place].name for place, _, _ in self.core.named()}
        return {names[place]: Commitment(root, seal) for place, root, seal in self.core.named()}

    @property
    def inputs(self) -> list[np.ndarray | None]:
        return self._tensors(is_output=False)

    @property
    def outputs(self) -> list[np.ndarray | None]:
        return self._tensors(is_output=True)

    def _tensors(self, is_output: bool) -> list[np.ndarray | None]:
        if self._signatures is None:
            raise InputError("The tensors of a receipt can be read after tacit.verify(receipt, key): the key has their shapes.")
        flags = (self.core.hidden() or bytes(1 + len(self._signatures)))[1:]
        shown = iter(self.core.publics())
        tensors = [
            None if hidden else signature.values(next(shown)) for signature, hidden in zip(self._signatures, flags, strict=True)
        ]
        return [tensor for signature, tensor in zip(self._signatures, tensors) if signature.is_output == is_output]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Receipt) and self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    def __repr__(self) -> str:
        return f"Receipt({len(self.to_bytes())} bytes, circuit={self.circuit_digest.hex()[:16]})"
