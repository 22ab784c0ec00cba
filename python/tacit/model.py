"""Model: what `compile` returns and what proves. Its file is private: it holds the weights."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tacit import _core, inputs, progress, storage
from tacit.circuit.encode import decode
from tacit.errors import InputError, ModelError
from tacit.images import ImageScale
from tacit.inputs import Declared
from tacit.key import Key, Signature
from tacit.primitives.program import Program
from tacit.prover import prove
from tacit.quantize import Scales
from tacit.receipt import Receipt
from tacit.report import Report

FORMAT = 3
PRIVATE, PUBLIC = 0o600, 0o644
log = logging.getLogger("tacit")


@dataclass(eq=False)
class Model:
    """A compiled model: program and weights (private), circuit and key (public), the report of `compile`.

    `weights` holds the weight columns one after another, as docs/circuit.md (Buffers) says. `image` is how pixels become
    inputs. `classes`: where the model named its classes by texts, the names; an output's number is a place in this list.
    `opened`: a transparent proof was made, so that nothing is claimed about the secrecy of these weights. `saturated`: of the last
    proof that this object made, how many values left the range that they are held in, by node; nothing of it is in the receipt.
    """

    program: Program
    circuit: bytes
    weights: bytes
    key: Key
    declared: tuple[Declared, ...]
    scales: Scales
    image: ImageScale | None = None
    classes: tuple[str, ...] = ()
    opened: bool = False
    report: Report = field(default_factory=Report)
    saturated: dict[str, int] = field(default_factory=dict, repr=False)
    _prover: _core.Prover | None = field(default=None, repr=False)
    _tensors: dict[str, np.ndarray] | None = field(default=None, repr=False)
    _file: Path | None = field(default=None, repr=False)

    def prepare(self) -> None:
        """Commits to the weights unless this object did. `prove` calls it; calling it first keeps it out of timings."""
        if self._prover is None:
            prover = commit(self.circuit, self.weights)
            if prover.key() != self.key.to_bytes():
                raise ModelError("The model file is damaged: its weights do not give the commitment in its key.")
            self._prover = prover

    def prove(self, given: inputs.Given, hide: Iterable[str] | None = None, context: bytes | str = b"") -> Receipt:
        """A receipt for one input: an array, {input name: array}, or a path.

        `hide=None` means everything that this version can hide, which is nothing: its proofs are transparent, and the
        first one marks the model and its file as `opened`. Values beyond an input's range saturate. Raises InputError
        for inputs that do not fit and for a `hide` that cannot be met.
        """
        require_nothing_hidden(hide)
        sample = inputs.one(given, self.declared, self.image)
        self.prepare()
        assert self._prover is not None
        receipt, counts = prove(self.program, self.tensors(), self._prover, self.key, self.integers(sample), context)
        self.saturated = {**self._saturated_inputs(sample), **counts}
        self._open()
        return receipt

    def _open(self) -> None:
        """Says once a model that transparent proofs hide nothing, and marks the file that it came from or went to."""
        if self.opened:
            return
        self.opened = True
        log.warning(
            "nothing is hidden: this version's proofs are transparent, and claim nothing about what they leak of the weights"
        )
        if self._file is not None and self._file.is_file():
            try:
                mark_opened(self._file, self.key)
            except ModelError as error:
                log.warning("the model file could not be marked as opened: %s", error)

    def integers(self, sample: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The integer tensors of a checked sample, as the receipt will carry them."""
        return {s.name: inputs.integers(sample[s.name], s.exponent, s.lowest, s.highest) for s in self.key.inputs}

    def _saturated_inputs(self, sample: Mapping[str, np.ndarray]) -> dict[str, int]:
        counts = {s.name: inputs.saturated(sample[s.name], s.exponent, s.lowest, s.highest) for s in self.key.inputs}
        return {name: count for name, count in counts.items() if count}

    def tensors(self) -> dict[str, np.ndarray]:
        """The weight columns by name, read-only, in the bytes of their columns."""
        if self._tensors is None:
            self._tensors = weight_tensors(self.circuit, self.weights)
        return self._tensors

    @property
    def log_rows(self) -> int:
        """log2 of the rows of a limb, which the commitment to the weights depends on."""
        return decode(self.circuit).parameters.log_rows

    def columns(self) -> dict[str, list[tuple[int, np.ndarray]]]:
        """Constant's name -> exponent and integers of each weight column made of it, in the constant's shape."""
        steps = [step for step in self.program.steps if step.gadget == "weight"]
        found: dict[str, list[tuple[int, np.ndarray]]] = {}
        for step, array in zip(steps, self.tensors().values(), strict=True):
            entry = (int(step.arguments["exponent"]), array.reshape(step.arguments["shape"]))
            found.setdefault(step.name, []).append(entry)
        return found

    def require_weights_of(self, other: Model) -> None:
        """Raises ModelError, naming a column that differs, unless both models have one commitment to the weights."""
        if self.key.model_commitment == other.key.model_commitment:
            return
        mine, theirs = self.columns(), other.columns()
        names = [*mine, *(name for name in theirs if name not in mine)]
        name = next((name for name in names if not same_columns(mine.get(name), theirs.get(name))), None)
        what = "the order of its weights differs" if name is None else f"the constant {name!r} differs with the shapes"
        raise ModelError(
            f"This model cannot share its weights with the one given as like=: {what}; compile the longest shapes first, and the "
            "others like them."
        )

    @property
    def signatures(self) -> tuple[Signature, ...]:
        return self.key.signatures

    def to_bytes(self) -> bytes:
        """The model file: an uncompressed zip; equal models give equal bytes."""
        manifest = {
            "format": FORMAT,
            "opened": self.opened,
            "declared": [[d.name, list(d.shape), d.dtype, d.batched] for d in self.declared],
            "image": None if self.image is None else self.image.to_json(),
            "classes": list(self.classes),
        }
        parts = {
            "program.json": json.dumps(self.program.to_json()).encode(),
            "circuit.bin": self.circuit,
            "key.bin": self.key.to_bytes(),
            "scales.json": json.dumps(self.scales.to_json()).encode(),
            "report.json": json.dumps(self.report.to_json()).encode(),
            "weights.bin": self.weights,
        }
        return storage.pack(manifest, parts)

    def save(self, path: str | os.PathLike[str], key: str | os.PathLike[str] | None = None) -> None:
        """Writes the model file with mode 0600, atomically; with `key`, the key file in the same step. Raises ModelError."""
        files = [storage.File(Path(path), self.to_bytes(), PRIVATE)]
        if key is not None:
            files.append(storage.File(Path(key), self.key.to_bytes(), PUBLIC))
        storage.write(*files)
        self._file = Path(os.path.realpath(path))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Model:
        """Raises ModelError when the file is missing, is not a model file, is damaged, or has another format."""
        manifest, parts = storage.unpack(path, FORMAT)
        try:
            image = manifest["image"]
            return cls(
                program=Program.from_json(json.loads(parts["program.json"])),
                circuit=parts["circuit.bin"],
                weights=parts["weights.bin"],
                key=Key.from_bytes(parts["key.bin"]),
                report=Report.from_json(json.loads(parts["report.json"])),
                scales=Scales.from_json(json.loads(parts["scales.json"])),
                declared=tuple(Declared(n, tuple(s), d, b) for n, s, d, b in manifest["declared"]),
                image=None if image is None else ImageScale.from_json(image),
                classes=tuple(str(name) for name in manifest.get("classes", ())),
                opened=bool(manifest["opened"]),
                _file=Path(os.path.realpath(path)),
            )
        except ModelError as error:
            raise ModelError(f"The model file {path} is damaged ({error}): run tacit compile again.") from None
        except Exception as error:  # a foreign file may hold anything
            raise ModelError(f"The model file {path} is damaged ({type(error).__name__}): run tacit compile again.") from None


def same_columns(a: list[tuple[int, np.ndarray]] | None, b: list[tuple[int, np.ndarray]] | None) -> bool:
    """Whether two models made the same weight columns of a constant."""
    if a is None or b is None or len(a) != len(b):
        return False
    return all(p == q and np.array_equal(x, y) for (p, x), (q, y) in zip(a, b))


def require_nothing_hidden(hide: Iterable[str] | None) -> None:
    """Raises InputError unless `hide` is None or empty."""
    if hide is None:
        return
    names = [hide] if isinstance(hide, str) else list(hide) if isinstance(hide, Iterable) else [hide]
    if names:
        raise InputError(f"This version cannot hide {', '.join(map(repr, names))}: pass hide=None or hide=() (--hide none).")


def mark_opened(path: Path, key: Key) -> None:
    """Rewrites the flag in a model file, if it still is the file of this key. Raises ModelError when it cannot be written."""
    manifest, parts = storage.unpack(path, FORMAT)
    if parts.get("key.bin") == key.to_bytes() and not manifest.get("opened"):
        storage.write(storage.File(path, storage.pack({**manifest, "opened": True}, parts), PRIVATE))


def commit(circuit: bytes, weights: bytes) -> _core.Prover:
    """The core's prover of a circuit: commits to the weights."""
    try:
        return progress.run("committing to the weights", lambda p: _core.Prover(circuit, weights, p))
    except _core.Malformed as error:
        raise ModelError(f"The circuit of this model cannot be used: {error}.") from None


def weight_tensors(circuit: bytes, weights: bytes) -> dict[str, np.ndarray]:
    """Splits a weights buffer into its columns."""
    tensors, offset = {}, 0
    for column in decode(circuit).columns:
        if column.home == "weights":
            count = int(np.prod(column.shape, dtype=np.int64))
            cells = np.frombuffer(weights, dtype=f"<i{column.bytes}", count=count, offset=offset)
            tensors[column.name] = cells.reshape(column.shape)
            offset += count * column.bytes
    return tensors
