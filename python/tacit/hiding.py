"""What a proof hides, and how many proofs one commitment to the weights can hide in."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from tacit import storage
from tacit.errors import InputError, ModelError
from tacit.key import Signature

WEIGHTS, INPUTS, OUTPUTS = "weights", "inputs", "outputs"
SEED = 32
"""Bytes of the secret that the weights' uniform rows and salts follow from."""
LARGEST = 200
"""Bytes of a count's file, always: it is rewritten in place."""


def hide_set(hide: Iterable[str] | None, signatures: tuple[Signature, ...], openings: int) -> bytes | None:
    """One byte (0 or 1) for the weights and one per binding; None for a transparent proof.

    `hide`: None for everything that is hidden by default (weights and inputs, if the model can hide), else names: 'weights',
    'inputs', 'outputs', or of single tensors. Raises InputError for other names, and when the model cannot hide.
    """
    names = [WEIGHTS, INPUTS] if hide is None and openings else _names(hide)
    if not names:
        return None
    if not openings:
        raise InputError(
            f"This model cannot hide {', '.join(map(repr, names))}: compile it with openings=N (--openings N), the number of "
            "proofs that shall hide; or pass hide=None or hide=() (--hide none)."
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


def count_file(model: Path) -> Path:
    """Where the proofs that were made from a model file are counted."""
    return model.with_name(f"{model.name}.uses")


def start_count(model: Path, commitment: bytes, used: int) -> None:
    """Binds a count to a model file that has just been written; its other counts end. Raises ModelError."""
    storage.write(storage.File(count_file(model), _record(model, commitment, used), 0o600))


def take(model: Path, commitment: bytes, openings: int) -> int:
    """Counts one more proof of a model file before it is made, and returns how many there are now, at most `openings` + 1.

    Whatever happens to the proof, its place is taken. Raises ModelError when the count is not of this very file: a copy would
    use the same random rows again.
    """
    path = count_file(model)
    lost = ModelError(
        f"{path} does not count the proofs of {model}: the model file was copied, moved or restored, and proofs made from it "
        "would not be hidden together with those of the other copy. Run tacit recommit to make a commitment of its own."
    )
    try:
        with path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            used = _used(file.read(), model, commitment)
            if used is None:
                raise lost
            used = min(used, openings) + 1
            file.seek(0)
            file.write(_record(model, commitment, used))
            file.flush()
            os.fsync(file.fileno())
            return used
    except OSError:
        raise lost from None


def used(model: Path, commitment: bytes) -> int | None:
    """How many proofs were counted; None when the count is missing or is another file's."""
    try:
        return _used(count_file(model).read_bytes(), model, commitment)
    except OSError:
        return None


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
