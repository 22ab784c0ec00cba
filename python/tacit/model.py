"""Model: what `compile` returns and what proves. Its file is private: it holds the weights."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tacit import _core, encoded, hiding, inputs, progress, storage
from tacit.circuit import Parameters
from tacit.circuit.encode import decode
from tacit.commitments import Committed, Naming, arrays, limbs
from tacit.errors import ModelError
from tacit.execute import Executions
from tacit.following import Following
from tacit.forecast import Forecast, forecast, require_memory
from tacit.frontends.words import Words
from tacit.generate import Written, generate
from tacit.images import ImageScale
from tacit.inputs import Declared
from tacit.key import Key, Signature
from tacit.primitives.program import Program
from tacit.prover import prove
from tacit.quantize import Scales
from tacit.receipt import Receipt
from tacit.report import Report
from tacit.weights import Columns, by_constant, difference, split_weights

FORMAT, APART = 6, 7
"""Of model files, and of those whose weights are a file of their own beside them."""
PRIVATE, PUBLIC = 0o600, 0o644
WEIGHTS = "weights.bin"
"""The weights' part in a model file, and their file in the folder of a conversation."""
log = logging.getLogger("tacit")


@dataclass(eq=False)
class Model:
    """A compiled model: program and weights (private), circuit and key (public), the report of `compile`.

    `weights` holds the weight columns one after another, as docs/circuit.md (Buffers) says. `image` is how pixels become
    inputs. `classes`: where the model named its classes by texts, the names; an output's number is a place in this list.
    `words`: the tokenizer of a model that writes; `following`: what computes its tokens one by one.
    `opened`: a transparent proof was made, or more proofs than can hide, so that nothing is claimed about the secrecy of these
    weights. `seed`: the secret that hides them, if the model can hide; `places`: what counts the proofs that do. `digests`: what
    makes the commitment to large weights again (`_core.Prover.digests`); empty where that is quick. `saturated`: of the last proof
    that this object made, how many values left the range that they are held in, by node; nothing of it is in the receipt.
    `stages`: of that proof, seconds of each stage: execute, then those of the core.
    """

    program: Program
    circuit: bytes
    weights: bytes
    key: Key
    declared: tuple[Declared, ...]
    scales: Scales
    image: ImageScale | None = None
    classes: tuple[str, ...] = ()
    words: Words | None = None
    following: Following | None = None
    opened: bool = False
    seed: bytes | None = field(default=None, repr=False)
    digests: bytes = field(default=b"", repr=False)
    report: Report = field(default_factory=Report)
    saturated: dict[str, int] = field(default_factory=dict, repr=False)
    stages: dict[str, float] = field(default_factory=dict, repr=False)
    _prover: _core.Prover | None = field(default=None, repr=False)
    _tensors: dict[str, np.ndarray] | None = field(default=None, repr=False)
    _forecast: Forecast | None = field(default=None, repr=False)
    _executions: Executions = field(default_factory=Executions, repr=False)
    _reads_file: bool = field(default=False, init=False, repr=False)
    places: hiding.Places = field(init=False, repr=False)

    def __post_init__(self) -> None:
        openings = self.parameters.openings if self.seed is not None else 0
        self.places = hiding.Places(self.key.model_commitment, openings)

    def prepare(self) -> None:
        """Commits to the weights unless this object did, or its file tells the outcome. `prove` calls it; calling it first keeps
        it out of timings. Raises ModelError where this machine has too little memory for a proof."""
        require_memory(self.forecast)
        if self._prover is None:
            prover = commit(self.circuit, self.weights, self.seed, self.digests)
            if self.digests and prover.key() != self.key.to_bytes():  # of other weights: no reason to refuse these
                prover = commit(self.circuit, self.weights, self.seed)
            if prover.key() != self.key.to_bytes():
                raise ModelError("The model file is damaged: its weights do not give the commitment in its key.")
            self._prover = prover
            if self.places.file is not None:
                self._reads_file = encoded.take(prover, encoded.path_of(self.places.file, self.key))

    @property
    def encoded_file(self) -> Path | None:
        """The file of encoded weights that proofs of this object read; None before `prepare`, and where there is none."""
        if self.places.file is None or not self._reads_file or not encoded.beside(self.places.file, self.key):
            return None
        return encoded.path_of(self.places.file, self.key)

    def encode(self) -> Path | None:
        """Writes the encoded weights of a large model into a file beside its own, with mode 0600: 8 bytes a weight over the rate,
        32 as a rule. Every later proof, of any model of that folder with the same commitment, reads there what it shows of them, in
        place of encoding them again. The file may be removed at any time; one that is there and serves is left as it is. Returns
        its path; None where the encoded weights are held in memory anyway. Raises ModelError when the model was not saved yet, or
        the disk has no room."""
        if self.places.file is None:
            raise ModelError("This model has no file that its encoded weights could lie beside: save it first.")
        self.prepare()
        assert self._prover is not None
        if self.encoded_file is None:
            self._reads_file = encoded.write(self._prover, encoded.path_of(self.places.file, self.key))
            self._forecast = None
        return self.encoded_file

    def prove(
        self,
        given: inputs.Given,
        hide: Iterable[str] | None = None,
        context: bytes | str = b"",
        commit: Iterable[str] = (),
    ) -> Receipt:
        """A receipt for one input: an array, {input name: array}, or a path. For a batch, as many samples as `batch` says, given as
        to `compile`.

        `hide`: names of what the receipt shall hide: 'weights', 'inputs', 'outputs', or single tensors; everything inside the model
        is hidden with them. None: weights and inputs, unless the model was compiled with `openings=0`. () or such a model: a
        transparent proof, the first of which says so and marks the model and its file as `opened`. A hidden tensor is None in the
        receipt. `commit`: names of tensors that are hidden in commitments of their own, which stand in the receipt
        (`receipt.commitments`) and whose secrets are in `receipt.secrets`; such a secret (`tacit.Committed`) may be given for an
        input, so that two receipts are about one tensor, or be opened later (`tacit.open_commitment`).
        Values beyond an input's range saturate. Raises InputError for inputs that do not fit and for a `hide` that cannot
        be met, ModelError when the commitment has hidden as many proofs as it can.
        """
        naming = Naming.of(given, commit, self.key.signatures)
        flags = hiding.hide_set(hide, self.key.signatures, self.openings, naming.names)
        sample = inputs.sample(arrays(given), self.declared, self.image, self.batch)
        integers = self.integers(sample) | naming.integers(self.key.signatures, self.parameters)
        self.prepare()
        assert self._prover is not None
        if flags is not None:
            self._take(weights=bool(flags[0]))
        naming.take(self._queries)
        receipt, public, counts, self.stages = prove(
            self.program, self.tensors(), self._prover, self.key, integers, context, flags, naming.seeds(), self._executions
        )
        receipt.secrets = naming.made(receipt, self.key, public, self.parameters)
        self.saturated = {**self._saturated_inputs(sample), **counts}
        if flags is None:
            self._open(
                "nothing is hidden: a transparent proof spends the secrecy of its weights; nothing is claimed about what it and "
                "later proofs, of any model with these weights, leak of them"
            )
        return receipt

    def generate(
        self,
        prompt: str | Sequence[int],
        *,
        seed: bytes | None = None,
        past: Sequence[np.ndarray | Committed] = (),
        hide: Iterable[str] | None = None,
        context: bytes | str = b"",
        commit: Iterable[str] = (),
    ) -> Written:
        """Writes behind a prompt (a text or token numbers) and proves it: see `tacit.generate`."""
        return generate(self, prompt, seed=seed, past=past, hide=hide, context=context, commit=commit)

    @property
    def batch(self) -> int | None:
        """How many samples one proof holds, along the first axis of inputs and outputs; None: one, without such an axis."""
        return self.program.batch

    @property
    def openings(self) -> int:
        """How many proofs can hide the weights behind one commitment; 0 for a model that cannot hide."""
        return self.places.openings

    @property
    def _queries(self) -> int:
        """Rows of every limb of weights that one proof opens."""
        return self.parameters.queries[0]

    def hidden_proofs(self) -> int | None:
        """How many places of the commitment are gone: to proofs that hide, and to models that were compiled like this one. None
        when the file's count is missing or is a copy's."""
        return self.places.used()

    def _take(self, weights: bool) -> None:
        """Counts a proof that hides before it is made; refuses to hide weights whose secrecy is spent."""
        where = "this model" if self.places.file is None else str(self.places.file)
        if weights and self.opened:
            raise ModelError(
                f"{where} is marked as opened: earlier proofs may have told something about its weights, so they cannot be hidden. "
                "Hide the inputs alone, or compile again from retrained weights."
            )
        if self.places.take():
            return
        if weights:
            raise ModelError(
                f"{where} has used the {self.openings:,} proofs that its commitment can hide the weights in. Run tacit recommit "
                "(model.recommit()) for a new commitment and key, or compile with more openings."
            )
        self._open("the weights' commitment has served more proofs than it can hide in: nothing is claimed about their secrecy now")

    def require_places(self, places: int | None) -> None:
        """Raises ModelError when a model compiled like this one could not take so many places; None: one."""
        if self.openings and not self.opened:
            self.places.require(places)

    def share(self, other: Model, places: int | None) -> None:
        """Takes places of another model with the same commitment: they are gone there before this model has them. `places`: half of
        those left where it is None. Raises ModelError when there are not as many."""
        self.opened = other.opened
        taken = 0 if self.opened or not self.openings else other.places.hand_over(places)
        self.places.gone = self.openings - taken * other._queries // self._queries

    def share_weights(self, other: Model) -> None:
        """Holds the weights of another model with the same commitment in place of its own copy, and nothing that `prepare` makes.
        Raises ModelError where the weights differ."""
        self.require_weights_of(other)
        if self.weights != other.weights:
            raise ModelError("Two models of one commitment hold different weights: one of their files is damaged.")
        self.weights, self._tensors = other.weights, None
        if self is not other:
            self.release()

    def has_weights(self, circuit: bytes, weights: bytes) -> bool:
        """Whether another circuit's weights are those of this model, in columns of the same shapes in limbs of the same length, so
        that one seed gives one commitment."""
        mine, theirs = decode(self.circuit), decode(circuit)
        places = [[c.shape for c in given.columns if c.home == "weights"] for given in (mine, theirs)]
        return places[0] == places[1] and limbs(mine.parameters) == limbs(theirs.parameters) and self.weights == weights

    def release(self) -> None:
        """Gives back what `prepare` and proofs hold for the next proof, which makes it anew."""
        self._prover, self._reads_file = None, False
        self._executions.clear()

    def recommit(self, seed: bytes | None = None) -> Model:
        """The same model with a new secret, hence a new commitment and key, and none of its hiding proofs used."""
        if self.seed is None:
            raise ModelError("This model was compiled with openings=0 and cannot hide: compile it again without.")
        fresh = hiding.fresh_seed(seed)
        prover = commit(self.circuit, self.weights, fresh)
        key = Key.from_bytes(prover.key())
        return replace(self, key=key, seed=fresh, digests=prover.digests(), _prover=prover, _forecast=None)

    def _open(self, reason: str) -> None:
        """Says once why nothing is claimed about the weights any more, and marks the file that the model came from or went to; no
        place is left there. Raises ModelError where a model that can hide has a file that cannot be marked."""
        if self.opened:
            return
        with suppress(ModelError):  # a copy has no place
            self.places.change(lambda gone: max(gone, self.openings))
        if self.places.file is not None and self.places.file.is_file():
            try:
                mark_opened(self.places.file, self.key)
            except ModelError as error:
                if self.openings:
                    raise ModelError(f"No proof was returned, as its model file could not be marked as opened: {error}") from None
                log.warning("the model file could not be marked as opened: %s", error)
        self.opened = True
        log.warning("%s", reason)

    def integers(self, sample: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The integer tensors of a checked sample, as the receipt will carry them; among them outputs that are given because the
        model reads them."""
        given = {s.name: s for s in (*self.key.outputs, *self.key.inputs) if s.name in sample}
        return {name: inputs.integers(sample[name], s.exponent, s.lowest, s.highest) for name, s in given.items()}

    def _saturated_inputs(self, sample: Mapping[str, np.ndarray]) -> dict[str, int]:
        counts = {s.name: inputs.saturated(sample[s.name], s.exponent, s.lowest, s.highest) for s in self.key.inputs}
        return {name: count for name, count in counts.items() if count}

    def tensors(self) -> dict[str, np.ndarray]:
        """The weight columns by name, read-only, in the bytes of their columns."""
        if self._tensors is None:
            self._tensors = split_weights(self.circuit, self.weights)
        return self._tensors

    @property
    def forecast(self) -> Forecast:
        """Memory and time of one proof."""
        if self._forecast is None:
            self._forecast = forecast(decode(self.circuit), encoded.beside(self.places.file, self.key))
        return self._forecast

    @cached_property
    def parameters(self) -> Parameters:
        """Of the opening; the commitment to the weights depends on the length of the limbs and on what is reserved in them."""
        return decode(self.circuit).parameters

    def columns(self) -> Columns:
        """Constant's name -> exponent and integers of each weight column made of it, in the constant's shape."""
        return by_constant(self.program, self.tensors())

    def require_weights_of(self, other: Model) -> None:
        """Raises ModelError, naming a column that differs, unless both models have one commitment to the weights."""
        if self.key.same_weights(other.key):
            return
        what = difference(self.columns(), other.columns())
        raise ModelError(
            f"This model cannot share its weights with the one given as like=: {what}; compile the longest shapes first, and the "
            "others like them."
        )

    @property
    def signatures(self) -> tuple[Signature, ...]:
        return self.key.signatures

    def to_bytes(self, beside: storage.Beside | None = None) -> bytes:
        """The model file: an uncompressed zip; equal models give equal bytes. `beside`: where its weights are, if not in it."""
        manifest = {
            "format": FORMAT if beside is None else APART,
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
        }
        if beside is None:
            parts[WEIGHTS] = self.weights
        else:
            manifest["weights"] = list(beside)
        if self.words is not None:
            parts["words.json"] = json.dumps(self.words.to_json()).encode()
        if self.following is not None:
            parts["following.json"] = json.dumps(self.following.to_json()).encode()
        if self.seed is not None:
            parts["seed.bin"] = self.seed
        if self.digests:
            parts["digests.bin"] = self.digests
        return storage.pack(manifest, parts)

    def save(self, path: str | os.PathLike[str], key: str | os.PathLike[str] | None = None) -> None:
        """Writes the model file with mode 0600, atomically; with `key`, the key file in the same step. A model that can hide gets a
        file beside it, which counts its proofs; a file that it was saved to before hides no more. Raises ModelError."""
        files = [storage.File(Path(path), self.to_bytes(), PRIVATE)]
        if key is not None:
            files.append(storage.File(Path(key), self.key.to_bytes(), PUBLIC))
        self.places.move(Path(os.path.realpath(path)), lambda: storage.write(*files))

    @classmethod
    def load(cls, path: str | os.PathLike[str], held: dict[storage.Beside, bytes] | None = None) -> Model:
        """`held`: weights that several files of one folder share, as they were read; what this file shares is added. Raises
        ModelError when the file is missing, is not a model file, is damaged, has another format, or misses its weights."""
        manifest, parts = storage.unpack(path, (FORMAT, APART))
        if manifest["format"] == APART:
            parts[WEIGHTS] = weights_beside(path, manifest, {} if held is None else held)
        try:
            image = manifest["image"]
            model = cls(
                program=Program.from_json(json.loads(parts["program.json"])),
                circuit=parts["circuit.bin"],
                weights=parts[WEIGHTS],
                key=Key.from_bytes(parts["key.bin"]),
                report=Report.from_json(json.loads(parts["report.json"])),
                scales=Scales.from_json(json.loads(parts["scales.json"])),
                declared=tuple(Declared(n, tuple(s), d, b) for n, s, d, b in manifest["declared"]),
                image=None if image is None else ImageScale.from_json(image),
                classes=tuple(str(name) for name in manifest.get("classes", ())),
                words=Words.from_json(json.loads(parts["words.json"])) if "words.json" in parts else None,
                following=Following.from_json(json.loads(parts["following.json"])) if "following.json" in parts else None,
                opened=bool(manifest["opened"]),
                seed=parts.get("seed.bin"),
                digests=parts.get("digests.bin", b""),
            )
        except ModelError as error:
            raise ModelError(f"The model file {path} is damaged ({error}): run tacit compile again.") from None
        except Exception as error:  # a foreign file may hold anything
            raise ModelError(f"The model file {path} is damaged ({type(error).__name__}): run tacit compile again.") from None
        model.places.file = Path(os.path.realpath(path))
        return model


def weights_beside(
    path: str | os.PathLike[str], manifest: Mapping[str, Any], held: dict[storage.Beside, bytes]
) -> bytes:
    """The weights of a model file that shares them. Raises ModelError when they are not there."""
    try:
        beside = storage.Beside.from_json(manifest["weights"])
    except (KeyError, TypeError, ValueError):
        raise ModelError(f"The model file {path} is damaged (it names no weights): run tacit compile again.") from None
    if beside not in held:
        held[beside] = beside.read(path)
    return held[beside]


def mark_opened(path: Path, key: Key) -> None:
    """Rewrites the flag in a model file, if it still is the file of this key; its count goes on. Raises ModelError when it cannot
    be written."""
    manifest, parts = storage.unpack(path, (FORMAT, APART))
    if parts.get("key.bin") == key.to_bytes() and not manifest.get("opened"):
        used = hiding.Places(key.model_commitment, 0, file=path).used()
        storage.write(storage.File(path, storage.pack({**manifest, "opened": True}, parts), PRIVATE))
        if used is not None:
            hiding.start_count(path, key.model_commitment, used)


def committed(circuit: bytes, weights: bytes, seed: bytes | None, like: Model | None) -> tuple[_core.Prover, bytes]:
    """The prover of a circuit, and its weights. Where a model that it is `like` has the same in the same places, they are that
    model's own, and nothing is encoded again: the commitment depends on the seed, on the weights, and on where they lie."""
    if like is None or not like.has_weights(circuit, weights):
        return commit(circuit, weights, seed), weights
    prover = commit(circuit, like.weights, seed, like.digests)
    if like.digests and not Key.from_bytes(prover.key()).same_weights(like.key):
        prover = commit(circuit, like.weights, seed)  # a damaged file's
    return prover, like.weights


def commit(circuit: bytes, weights: bytes, seed: bytes | None = None, digests: bytes = b"") -> _core.Prover:
    """The core's prover of a circuit: commits to the weights, hiding with a seed; or takes `digests` of earlier on trust."""
    try:
        return progress.run("committing to the weights", lambda p: _core.Prover(circuit, weights, p, seed, digests or None))
    except _core.Malformed as error:
        raise ModelError(f"The circuit of this model cannot be used: {error}.") from None
