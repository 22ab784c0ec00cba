"""Model: what `compile` returns and what proves. Its file is private: it holds the weights."""

from __future__ import annotations

import json
import logging
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from tacit import _core, inputs, progress
from tacit.circuit.encode import decode
from tacit.errors import InputError, ModelError
from tacit.inputs import Declared, ImageScale
from tacit.key import Key, Signature, write_atomically
from tacit.primitives.program import Program
from tacit.prove import prove
from tacit.receipt import Receipt
from tacit.report import Report

FORMAT = 1
log = logging.getLogger("tacit")


@dataclass(eq=False)
class Model:
    """A compiled model: program and weights (private), circuit and key (public), the report of `compile`.

    `weights` holds the weight columns one after another, as docs/circuit.md (Buffers) says.
    """

    program: Program
    circuit: bytes
    weights: bytes | memoryview
    key: Key
    declared: tuple[Declared, ...]
    image: ImageScale | None = None
    _prover: _core.Prover | None = field(default=None, repr=False)
    report: Report = field(default_factory=Report)
    _tensors: dict[str, np.ndarray] | None = field(default=None, repr=False)

    def prepare(self) -> None:
        """Commits to the weights again unless this object already did. `prove` calls it; calling it first keeps it out of timings."""
        if self._prover is None:
            prover = commit(self.circuit, self.weights)
            if prover.key() != self.key.to_bytes():
                raise ModelError("The model file is damaged: its weights do not give the commitment in its key.")
            self._prover = prover

    def prove(self, given: inputs.Given, hide: Any = None, context: bytes | str = b"") -> Receipt:
        """A receipt for one input: an array, {input name: array}, or a path.

        `hide=None` means everything that this version can hide, which is nothing: its proofs are transparent.
        Raises InputError for inputs that do not fit and for a `hide` that cannot be met.
        """
        if hide is not None and tuple(hide) != ():
            raise InputError(f"This version cannot hide {', '.join(map(repr, hide))}: pass hide=None or hide=().")
        sample = inputs.one(given, self.declared, self.image)
        self.prepare()
        assert self._prover is not None
        return prove(self.program, self.tensors(), self._prover, self.key, self.integers(sample), context)

    def integers(self, sample: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The integer tensors of a checked sample, as the receipt will carry them."""
        return {s.name: inputs.integers(sample[s.name], s.exponent, s.lowest, s.highest) for s in self.key.inputs}

    def tensors(self) -> dict[str, np.ndarray]:
        """The weight columns by name, int64."""
        if self._tensors is None:
            self._tensors = weight_tensors(self.circuit, self.weights)
        return self._tensors

    @property
    def signatures(self) -> tuple[Signature, ...]:
        return self.key.signatures

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the model file: an uncompressed zip, mode 0600, atomically."""
        manifest = {
            "format": FORMAT,
            "declared": [[d.name, list(d.shape), d.dtype, d.batched] for d in self.declared],
            "image": None if self.image is None else [self.image.divide, self.image.mean, self.image.deviation, self.image.last],
        }
        parts = {
            "manifest.json": json.dumps(manifest).encode(),
            "program.json": json.dumps(self.program.to_json()).encode(),
            "circuit.bin": self.circuit,
            "key.bin": self.key.to_bytes(),
            "report.json": json.dumps(self.report.to_json()).encode(),
            "weights.bin": bytes(self.weights),
        }
        buffer = BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for name, data in parts.items():
                archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
        write_atomically(Path(path), buffer.getvalue(), mode=0o600)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Model:
        """Raises ModelError when the file is missing, is not a model file, is damaged, or has another format."""
        try:
            with zipfile.ZipFile(path) as archive:
                parts = {name: archive.read(name) for name in archive.namelist()}
        except OSError as error:
            raise ModelError(f"The model file {path} cannot be read ({error.strerror}).") from None
        except (zipfile.BadZipFile, ValueError, RuntimeError, NotImplementedError, EOFError):
            raise ModelError(f"{path} is not a model file written by tacit compile, or it is damaged.") from None
        try:
            manifest = json.loads(parts["manifest.json"])
            found = manifest["format"]
        except (KeyError, ValueError, TypeError):
            raise ModelError(f"{path} is not a model file written by tacit compile, or it is damaged.") from None
        if found != FORMAT:
            raise ModelError(f"{path} has format {found}, this version reads {FORMAT}: run tacit compile again.")
        try:
            image = manifest["image"]
            return cls(
                program=Program.from_json(json.loads(parts["program.json"])),
                circuit=parts["circuit.bin"],
                weights=parts["weights.bin"],
                key=Key.from_bytes(parts["key.bin"]),
                report=Report.from_json(json.loads(parts["report.json"])),
                declared=tuple(Declared(n, tuple(s), d, b) for n, s, d, b in manifest["declared"]),
                image=None if image is None else ImageScale(image[0], tuple(image[1]), tuple(image[2]), image[3]),
            )
        except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
            raise ModelError(f"The model file {path} is damaged ({type(error).__name__}): run tacit compile again.") from None


def commit(circuit: bytes, weights: bytes | memoryview) -> _core.Prover:
    """The core's prover of a circuit: commits to the weights."""
    try:
        return progress.run("committing to the weights", lambda p: _core.Prover(circuit, weights, p))
    except _core.Malformed as error:
        raise ModelError(f"The circuit of this model cannot be used: {error}.") from None


def weight_tensors(circuit: bytes, weights: bytes | memoryview) -> dict[str, np.ndarray]:
    """Splits a weights buffer into its columns."""
    tensors, offset = {}, 0
    for column in decode(circuit).columns:
        if column.home == "weights":
            count = int(np.prod(column.shape, dtype=np.int64))
            cells = np.frombuffer(weights, dtype=f"<i{column.bytes}", count=count, offset=offset)
            tensors[column.name] = cells.astype(np.int64).reshape(column.shape)
            offset += count * column.bytes
    return tensors
