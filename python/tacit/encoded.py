"""Encoded weights in a file: what a proof shows of a large commitment is read there, in place of being computed again.

The file lies beside the model file and is named after the commitment, so that all models of a folder that share one share it. It
serves speed alone: rows of another codeword are noticed by their digests, and computed.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
from pathlib import Path

from tacit import _core, progress
from tacit.errors import ModelError
from tacit.key import Key

SUFFIX = ".encoded"
PRIVATE = 0o600
log = logging.getLogger("tacit")


def path_of(model: Path, key: Key) -> Path:
    """Where the encoded weights of a model file are, if they are anywhere."""
    return model.with_name(key.model_commitment.hex()[:16] + SUFFIX)


def beside(model: Path | None, key: Key) -> bool:
    """Whether a file of that name lies beside a model file; None: the model has no file."""
    return model is not None and path_of(model, key).exists()


def write(prover: _core.Prover, path: Path) -> bool:
    """Writes them with mode 0600, whole or not at all, 8 bytes a cell over the rate; the prover reads them there from now on. False
    where they are held in memory anyway. Raises ModelError when the disk has no room, or the file cannot be written."""
    size = prover.encoded_bytes()
    if size is None:
        return False
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        free = shutil.disk_usage(path.parent).free
        if size > free:
            raise ModelError(
                f"The encoded weights take {size / 1e9:.1f} GB, and {path.parent} has {free / 1e9:.1f} GB left: make room, or go "
                "without, as they only save time."
            )
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))
        progress.run("encoding the weights", lambda p: prover.encode_weights(temporary, p))
        os.replace(temporary, path)
    except OSError as error:
        raise ModelError(f"{path} cannot be written ({error.strerror or error}).") from None
    finally:
        temporary.unlink(missing_ok=True)
    return True


def take(prover: _core.Prover, path: Path) -> bool:
    """Has the prover read from a file of `write`, if there is one and memory does not hold what it has; says so where it is no such
    file."""
    if not path.exists() or prover.encoded_bytes() is None:
        return False
    try:
        taken, why = prover.take_encoded(path), "it holds something else"
    except OSError as error:
        taken, why = False, str(error.strerror or error)
    if not taken:
        log.warning("the encoded weights in %s are not used (%s): remove it, or run tacit encode again", path, why)
    return taken
