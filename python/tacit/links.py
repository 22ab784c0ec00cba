"""Tensors that several receipts speak of: openings of their commitments, and chains of receipts. Imports neither the compiler nor
ONNX."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from tacit import _core, progress, storage
from tacit.errors import InputError, InvalidReceipt, ModelError
from tacit.key import Key, Signature
from tacit.receipt import Commitment, Receipt
from tacit.verify import held, verify

FORMAT = 1
WHAT, AGAIN = "opening written by tacit open", "ask its owner for it again"


@dataclass(frozen=True, eq=False)
class Opening:
    """What reveals a hidden tensor that has a commitment of its own: its integers (int64, of its shape; value = integer *
    2^-exponent) and the 32 secret bytes behind the commitment. Whoever has it knows the tensor."""

    dtype: str
    exponent: int
    integers: np.ndarray
    seed: bytes

    @property
    def shape(self) -> tuple[int, ...]:
        return self.integers.shape

    def manifest(self) -> dict[str, object]:
        return {"format": FORMAT, "kind": "opening", "dtype": self.dtype, "exponent": self.exponent, "shape": list(self.shape)}

    def parts(self) -> dict[str, bytes]:
        return {"integers.bin": np.ascontiguousarray(self.integers, "<i8").tobytes(), "seed.bin": self.seed}

    def to_bytes(self) -> bytes:
        return storage.pack(self.manifest(), self.parts())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Atomically, mode 0600. Raises ModelError when the file cannot be written."""
        storage.write(storage.File(Path(path), self.to_bytes(), 0o600))

    @classmethod
    def from_bytes(cls, data: bytes) -> Opening:
        """Raises ModelError when the bytes are no opening."""
        return cls.of(*storage.unpack(BytesIO(data), FORMAT, WHAT, AGAIN, "These bytes"))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Opening:
        """Raises ModelError when the file cannot be read, or is no opening."""
        return cls.of(*storage.unpack(path, FORMAT, WHAT, AGAIN))

    @classmethod
    def of(cls, manifest: dict[str, object], parts: dict[str, bytes], kind: str = "opening") -> Opening:
        """From what a container of this kind holds. Raises ModelError."""
        try:
            shape = tuple(int(length) for length in manifest["shape"])  # type: ignore[attr-defined]
            integers = np.frombuffer(parts["integers.bin"], dtype="<i8").astype(np.int64).reshape(shape)
            opening = cls(str(manifest["dtype"]), int(manifest["exponent"]), integers, parts["seed.bin"])  # type: ignore[call-overload]
        except (KeyError, TypeError, ValueError):
            raise ModelError(f"This is no {WHAT}; {AGAIN}.") from None
        if len(opening.seed) != 32 or manifest.get("kind") != kind:
            raise ModelError(f"This is no {WHAT}; {AGAIN}.")
        return opening

    def values(self, signature: Signature) -> np.ndarray:
        """In the dtype that the model declares."""
        return signature.values(self.cells(signature))

    def cells(self, signature: Signature) -> bytes:
        """The column's bytes. Raises InvalidReceipt when the tensor is another one's."""
        require_alike(signature, self.dtype, self.exponent, self.shape)
        if self.integers.size and not signature.lowest <= self.integers.min() <= self.integers.max() <= signature.highest:
            raise InvalidReceipt(f"The opening holds values that {signature.name!r} cannot have.")
        return self.integers.astype(f"<i{signature.cell_bytes}").tobytes()

    def commitment(self, key: Key, name: str) -> Commitment:
        """The commitment that this tensor has in every receipt of a key, under an input's or output's name. Raises InputError for
        an unknown name, InvalidReceipt when it is another tensor's."""
        place, signature = find(key.signatures, name)
        cells, circuit = self.cells(signature), key.core.circuit()
        try:
            found = progress.run("committing", lambda p: _core.commitment(circuit, place, cells, self.seed, p))
        except _core.Malformed as error:
            raise InvalidReceipt(f"{name!r} cannot have a commitment of its own under this key: {error}.") from None
        return Commitment(*found)


def find(signatures: Sequence[Signature], name: str) -> tuple[int, Signature]:
    """The binding's place and signature. Raises InputError for a name that there is not."""
    for place, signature in enumerate(signatures):
        if signature.name == name:
            return place, signature
    raise InputError(f"There is no tensor {name!r}; there are {', '.join(repr(s.name) for s in signatures)}.")


def require_alike(signature: Signature, dtype: str, exponent: int, shape: tuple[int, ...]) -> None:
    """Raises InvalidReceipt unless integers of these mean the same under the signature."""
    if (signature.dtype, signature.exponent, signature.shape) != (dtype, exponent, shape):
        raise InvalidReceipt(
            f"{signature.name!r} is {signature.dtype}{list(signature.shape)} of steps 2^{-signature.exponent}, the committed "
            f"tensor {dtype}{list(shape)} of steps 2^{-exponent}."
        )


def verify_opening(
    opening: Opening | bytes | str | os.PathLike[str],
    receipt: Receipt | bytes | str | os.PathLike[str],
    key: Key | bytes | str | os.PathLike[str],
    name: str,
    context: bytes | str = b"",
) -> np.ndarray:
    """The tensor that a receipt hides under `name` in a commitment of its own, as its owner reveals it.

    Raises InvalidReceipt unless the receipt is valid and the opening is of that commitment; InputError for unknown names and kinds,
    ModelError for an unusable key or opening.
    """
    key, receipt = held(key, Key), held(receipt, Receipt)
    if isinstance(opening, (bytes, bytearray, memoryview)):
        opening = Opening.from_bytes(bytes(opening))
    elif not isinstance(opening, Opening):
        opening = Opening.load(opening)
    verify(receipt, key, context)
    _, signature = find(key.signatures, name)
    stated = receipt.commitments.get(name)
    if stated is None:
        raise InvalidReceipt(f"The receipt has no commitment of {name!r} alone, so nothing can be held against it.")
    if opening.commitment(key, name) != stated:
        raise InvalidReceipt(f"This is no opening of what the receipt calls {name!r}: another tensor, or another secret.")
    return opening.values(signature)


@dataclass(frozen=True)
class Link:
    """The committed input `name` of receipt `receipt` is the output `source_name` of the earlier receipt `source` (from 0)."""

    receipt: int
    name: str
    source: int
    source_name: str


def verify_chain(
    receipts: Sequence[Receipt | bytes | str | os.PathLike[str]],
    keys: Sequence[Key | bytes | str | os.PathLike[str]],
    contexts: Sequence[bytes | str] | bytes | str = b"",
) -> list[Link]:
    """What receipts say together: that outputs of earlier ones are inputs of later ones, though nobody sees them.

    `keys`: one for all, or one a receipt; `contexts` likewise. Raises InvalidReceipt unless every receipt is valid, every input
    that has a commitment of its own is such an output of an earlier receipt (of the same dtype, shape and exponent), and every
    receipt but the first has such an input: so none can be exchanged, moved, left out or taken from another chain.
    """
    if not receipts:
        raise InputError("A chain has at least one receipt.")
    keys = [keys[0]] * len(receipts) if len(keys) == 1 else list(keys)
    bound = [contexts] * len(receipts) if isinstance(contexts, (bytes, str)) else list(contexts)
    if len(keys) != len(receipts) or len(bound) != len(receipts):
        raise InputError(
            f"There are {len(receipts)} receipts, {len(keys)} keys and {len(bound)} contexts: give one of each, or one for all."
        )
    made: dict[Commitment, tuple[int, Signature]] = {}
    links: list[Link] = []
    for place, (given, with_key, context) in enumerate(zip(receipts, keys, bound)):
        key, receipt = held(with_key, Key), held(given, Receipt)
        try:
            verify(receipt, key, context)
        except InvalidReceipt as error:
            raise InvalidReceipt(f"Receipt {place + 1} of {len(receipts)}: {error}") from None
        found = _links(place, receipt, key, made)
        if place and not found:
            raise InvalidReceipt(
                f"Receipt {place + 1} takes nothing from those before it: no input of it is their committed output."
            )
        links += found
        made |= {receipt.commitments[s.name]: (place, s) for s in key.outputs if s.name in receipt.commitments}
    return links


def _links(place: int, receipt: Receipt, key: Key, made: dict[Commitment, tuple[int, Signature]]) -> list[Link]:
    links = []
    for signature in key.inputs:
        commitment = receipt.commitments.get(signature.name)
        if commitment is None:
            continue
        if commitment not in made:
            raise InvalidReceipt(
                f"The input {signature.name!r} of receipt {place + 1} is no committed output of a receipt before it."
            )
        source, output = made[commitment]
        require_alike(signature, output.dtype, output.exponent, output.shape)
        links.append(Link(place, signature.name, source, output.name))
    return links
