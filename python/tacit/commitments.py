"""Hidden tensors with commitments of their own, on the owner's side: the secret, how often it serves, what it is given to."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tacit import hiding, storage
from tacit.circuit import Parameters
from tacit.errors import InputError, InvalidReceipt, ModelError
from tacit.key import Key, Signature
from tacit.links import FORMAT, Opening, find, require_alike
from tacit.numbers.dtypes import dtype_of, kind_of
from tacit.receipt import Commitment, Receipt

WHAT, AGAIN = "committed tensor written by tacit prove --commit", "prove again to commit anew"
KIND = "committed"


def limbs(parameters: Parameters) -> tuple[int, int, int, int]:
    """What two circuits must share for one commitment to serve both: rows of a limb, reserved ones, bytes of salt, first rate."""
    return parameters.log_rows, parameters.reserved, parameters.salt, parameters.log_inverse_rates[0]


@dataclass(eq=False)
class Committed:
    """A tensor that a receipt hides in a commitment of its own, and the secret that opens it. Give it to a model that was compiled
    with `links=` as an input, in place of an array, and that receipt is about the same tensor.

    `shared`: what circuits must have in common (`limbs`). `places` counts rows of the commitment's limbs: every proof shows as
    many as it has queries, and at most `reserved` can be hidden. Private: who reads its file knows the tensor.
    """

    opening: Opening = field(repr=False)
    commitment: Commitment
    shared: tuple[int, ...]
    places: hiding.Places = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.places = hiding.Places(self.commitment.root, self.shared[1], remedy=AGAIN)

    def take(self, queries: int) -> None:
        """Takes the rows of one proof. Raises ModelError when they are used up."""
        if not self.places.take(queries):
            raise ModelError(
                f"The commitment {self.commitment} has served all the proofs that it can hide its tensor in: commit to the tensor "
                "again (commit= in the proof that computes it)."
            )

    def integers_as(self, signature: Signature, shared: tuple[int, ...]) -> np.ndarray:
        """The integers as an input of a circuit. Raises InputError where they mean something else there."""
        try:
            require_alike(signature, self.opening.dtype, self.opening.exponent, self.opening.shape)
            self.opening.cells(signature)
        except InvalidReceipt as error:
            raise InputError(f"{error} Compile the model with links={{{signature.name!r}: (key, output)}}.") from None
        if shared != self.shared:
            raise InputError(
                f"The model given {signature.name!r} has other limbs than the one that committed to it: compile it with "
                f"links={{{signature.name!r}: (key, output)}}."
            )
        return self.opening.integers

    def to_bytes(self) -> bytes:
        manifest = {**self.opening.manifest(), "kind": KIND, "shared": list(self.shared)}
        commitment = {"root.bin": self.commitment.root, "seal.bin": self.commitment.seal}
        return storage.pack(manifest, {**self.opening.parts(), **commitment})

    def save(self, path: str | os.PathLike[str]) -> None:
        """Mode 0600, atomically; a file beside it counts its proofs, so a copy of it proves nothing. Raises ModelError."""
        file = storage.File(Path(path), self.to_bytes(), 0o600)
        self.places.move(Path(os.path.realpath(path)), lambda: storage.write(file))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Committed:
        """Raises ModelError when the file is missing or is no committed tensor."""
        manifest, parts = storage.unpack(path, FORMAT, WHAT, AGAIN)
        try:
            opening, commitment = Opening.of(manifest, parts, KIND), Commitment(parts["root.bin"], parts["seal.bin"])
            committed = cls(opening, commitment, tuple(int(number) for number in manifest["shared"]))
        except (KeyError, TypeError, ValueError, ModelError):
            raise ModelError(f"{path} is not a {WHAT}; {AGAIN}.") from None
        committed.places.file = Path(os.path.realpath(path))
        return committed


@dataclass(frozen=True)
class Naming:
    """The tensors of one proof that get commitments of their own: {name: Committed} of those given, {name: seed} of new ones."""

    given: Mapping[str, Committed]
    fresh: Mapping[str, bytes]

    @classmethod
    def of(cls, given: Any, commit: Iterable[str], signatures: tuple[Signature, ...]) -> Naming:
        """Raises InputError for names that there are not, and for tensors without elements."""
        held = given if isinstance(given, Mapping) else {}
        taken = {str(name): value for name, value in held.items() if isinstance(value, Committed)}
        names = [commit] if isinstance(commit, str) else list(commit)
        for name in (*taken, *names):
            _, signature = find(signatures, name)
            if 0 in signature.shape:
                raise InputError(f"{name!r} has no elements: there is nothing to commit to.")
            if name in taken and signature.is_output:
                raise InputError(f"{name!r} is an output: a committed tensor can be given for an input.")
        return cls(taken, {name: secrets.token_bytes(32) for name in names if name not in taken})

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.given, *self.fresh)

    def seeds(self) -> dict[str, bytes]:
        return {**{name: committed.opening.seed for name, committed in self.given.items()}, **self.fresh}

    def integers(self, signatures: tuple[Signature, ...], parameters: Parameters) -> dict[str, np.ndarray]:
        """Those of the tensors that are given. Raises InputError where they mean something else in this circuit."""
        shared = limbs(parameters)
        return {name: given.integers_as(find(signatures, name)[1], shared) for name, given in self.given.items()}

    def take(self, queries: int) -> None:
        """One proof of every tensor that is given. Raises ModelError where one has served all that it can."""
        for committed in self.given.values():
            committed.take(queries)

    def made(self, receipt: Receipt, key: Key, public: bytes, parameters: Parameters) -> dict[str, Committed]:
        """The secrets of a receipt, `public` being the buffer of its bindings; new ones have served one proof."""
        found, integers = dict(self.given), key.public_integers(public) if self.fresh else {}
        for name, seed in self.fresh.items():
            _, signature = find(key.signatures, name)
            opening = Opening(signature.dtype, signature.exponent, integers[name], seed)
            found[name] = Committed(opening, receipt.commitments[name], limbs(parameters))
            found[name].take(parameters.queries[0])
        return found


def arrays(given: Any) -> Any:
    """What was given, with floats in place of committed tensors (whose integers are taken as they are)."""
    if not isinstance(given, Mapping):
        return given
    return {name: _floats(value.opening) if isinstance(value, Committed) else value for name, value in given.items()}


def _floats(opening: Opening) -> np.ndarray:
    if kind_of(opening.dtype) != "f":
        return opening.integers.astype(dtype_of(opening.dtype))
    return np.ldexp(opening.integers.astype(np.float64), -opening.exponent)


def open_commitment(receipt: Receipt, name: str, committed: Committed) -> Opening:
    """What its owner hands over to reveal the tensor that `receipt` hides under `name`: see `tacit.verify_opening`. Raises
    InputError where the receipt's commitment is another one."""
    if receipt.commitments.get(name) != committed.commitment:
        raise InputError(f"The receipt's commitment of {name!r} is not this one.")
    return committed.opening
