"""What a proof hides, and how many proofs one commitment to the weights can hide in."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tacit import storage
from tacit.errors import InputError, ModelError
from tacit.key import Signature

OPENINGS = 100
"""Proofs that a commitment hides the weights in, where nothing else is asked for."""
WEIGHTS, INPUTS, OUTPUTS = "weights", "inputs", "outputs"
SEED = 32
"""Bytes of the secret that the weights' uniform rows and salts follow from."""
LARGEST = 200
"""Bytes of a count's file, always: it is rewritten in place."""
COUNTING = threading.RLock()
"""Held while a count in memory changes, or goes to a file."""


def hide_set(
    hide: Iterable[str] | None, signatures: tuple[Signature, ...], openings: int, committed: tuple[str, ...] = ()
) -> bytes | None:
    """One byte (0 or 1) for the weights and one per binding; None for a transparent proof.

    `hide`: None for everything that is hidden by default (weights and inputs, if the model can hide), else names: 'weights',
    'inputs', 'outputs', or of single tensors. `committed`: tensors that are hidden besides, as they have commitments of their own.
    Raises InputError for other names, and when the model cannot hide.
    """
    names = [WEIGHTS, INPUTS] if hide is None and openings else _names(hide)
    if not names and committed:
        raise InputError(
            f"{', '.join(map(repr, committed))} is committed to, and so hidden: a proof that hides nothing has no such tensors, "
            "and a model compiled with openings=0 neither."
        )
    if not names:
        return None
    names += [name for name in committed if name not in names]
    if not openings:
        raise InputError(
            f"This model cannot hide {', '.join(map(repr, names))}: it was compiled with openings=0 (--openings 0), so compile it "
            "again without; or pass hide=None or hide=() (--hide none)."
        )
    known = {WEIGHTS, INPUTS, OUTPUTS, *(s.name for s in signatures)}
    for name in names:
        if name not in known:
            raise InputError(f"There is no {name!r} to hide; there are {', '.join(map(repr, sorted(known)))}.")
    hidden = [s.name in names or (OUTPUTS if s.is_output else INPUTS) in names for s in signatures]
    return bytes([WEIGHTS in names, *hidden])


def _names(hide: Iterable[str] | None) -> list[str]:
    if hide is None:
        return []
    names = [hide] if isinstance(hide, str) else list(hide) if isinstance(hide, Iterable) else [hide]
    if not all(isinstance(name, str) for name in names):
        raise InputError(f"hide= takes names, not {', '.join(map(repr, names))}.")
    return names


def fresh_seed(seed: bytes | None) -> bytes:
    """The seed itself, or one from the operating system. Raises InputError unless it has 32 bytes."""
    if seed is None:
        return secrets.token_bytes(SEED)
    if not isinstance(seed, bytes) or len(seed) != SEED:
        raise InputError(f"seed= must be {SEED} secret bytes.")
    return seed


@dataclass
class Places:
    """The places of a commitment to weights: every proof that hides takes one before it is made, and whatever becomes of the proof,
    it is gone. They are counted in memory, for the process that made the commitment, until the model has a file; then beside that.

    `openings`: how many there are; 0 where nothing can hide. `gone`: those that are gone, while there is no file.
    """

    commitment: bytes
    openings: int
    gone: int = 0
    file: Path | None = None
    process: int = field(default_factory=os.getpid)
    remedy: str = "run tacit recommit (model.recommit())"

    def used(self) -> int | None:
        """How many are gone, at most `openings` + 1; None when the file's count is missing or is another file's."""
        if self.file is None:
            return self.gone
        try:
            return _used(count_file(self.file).read_bytes(), self.file, self.commitment)
        except OSError:
            return None

    def change(self, step: Callable[[int], int]) -> tuple[int, int]:
        """Replaces the number of those that are gone, n, by `step(n)`, lastingly, while nobody else can; both numbers. What `step`
        raises leaves it as it was.

        Raises ModelError when the count is not that of this very file, or is another process's: a copy would use the same random
        rows again.
        """
        if self.file is not None:
            return _change(self.file, self.commitment, step, self.remedy)
        if self.process != os.getpid():
            raise ModelError(
                "This was made by another process, which counts its proofs in memory: save it first, so that all processes count "
                f"in its file, or {self.remedy}."
            )
        with COUNTING:
            before, after = self.gone, step(self.gone)
            self.gone = after
        return before, after

    def take(self, count: int = 1) -> bool:
        """Takes so many places; whether they were left."""
        return self.change(lambda gone: min(gone + count, self.openings + 1))[1] <= self.openings

    def require(self, places: int | None) -> None:
        """Raises ModelError when `hand_over` would; takes none."""
        self.change(lambda gone: min(gone, self._without(gone, places)))

    def hand_over(self, places: int | None) -> int:
        """Takes so many places at once, half of those left (one at least) where it is None, for a model with this commitment; how
        many. Raises ModelError when there are fewer."""
        before, after = self.change(lambda gone: self._without(gone, places))
        return after - before

    def _without(self, gone: int, places: int | None) -> int:
        left = max(self.openings - gone, 0)
        wanted = max(left // 2, 1) if places is None else places
        if wanted > left:
            raise ModelError(
                f"The model given as like= has {left:,} of its {self.openings:,} openings left, not {wanted:,}: ask for fewer, or "
                "compile like a new commitment to its weights (tacit recommit, model.recommit())."
            )
        return gone + wanted

    def move(self, file: Path, write: Callable[[], None]) -> None:
        """The count goes to a model file that `write` makes; a file of before has no place left, and gets its count back where
        writing fails. Whenever this is cut off, at most one file has a count."""
        with COUNTING:
            if self.openings:
                gone, _ = self.change(lambda gone: gone if self.file is None else self.openings)
            try:
                write()
            except BaseException:
                if self.openings:
                    with suppress(ModelError):  # an old file that is gone counts nothing
                        self.change(lambda _: gone)
                raise
            if self.openings:
                start_count(file, self.commitment, gone)
            self.file = file


def count_file(model: Path) -> Path:
    """Where the proofs that were made from a model file are counted."""
    return model.with_name(f"{model.name}.uses")


def start_count(model: Path, commitment: bytes, used: int) -> None:
    """Binds a count to a model file that has just been written; its other counts end. Raises ModelError."""
    storage.write(storage.File(count_file(model), _record(model, commitment, used), 0o600))


def _change(model: Path, commitment: bytes, step: Callable[[int], int], remedy: str) -> tuple[int, int]:
    path = count_file(model)
    lost = ModelError(
        f"{path} does not count the proofs of {model}: the file was copied, moved or restored, and proofs made from it would not "
        f"be hidden together with those of the other copy; {remedy} for a commitment of its own."
    )
    try:
        with path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            before = _used(file.read(), model, commitment)
            if before is None:
                raise lost
            after = step(before)
            file.seek(0)
            file.write(_record(model, commitment, after))
            file.flush()
            os.fsync(file.fileno())
            return before, after
    except OSError:
        raise lost from None


def _record(model: Path, commitment: bytes, used: int) -> bytes:
    found = model.stat()
    record = {"used": used, "commitment": commitment.hex(), "device": found.st_dev, "inode": found.st_ino}
    return json.dumps(record).encode().ljust(LARGEST)


def _used(data: bytes, model: Path, commitment: bytes) -> int | None:
    try:
        record = json.loads(data)
        found = model.stat()
        same = (record["commitment"], record["device"], record["inode"]) == (commitment.hex(), found.st_dev, found.st_ino)
        return int(record["used"]) if same and int(record["used"]) >= 0 else None
    except (ValueError, KeyError, TypeError, OSError):
        return None
