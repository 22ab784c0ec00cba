"""Files: written whole or not at all; the model file's container, an uncompressed zip with a digest of every part."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from tacit.errors import ModelError

MANIFEST = "manifest.json"
DATE = (1980, 1, 1, 0, 0, 0)


class File(NamedTuple):
    """What shall stand at a path; `mode` is subject to the umask."""

    path: Path
    data: bytes
    mode: int


def require_target(path: str | os.PathLike[str]) -> Path:
    """The path, links followed. Raises ModelError unless a regular file can stand there: folder present, no device, no folder."""
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise ModelError(f"The folder {Path(path).parent} does not exist.")
    if target.is_dir():
        raise ModelError(f"{path} is a folder; name a file in it.")
    if target.exists() and not target.is_file():
        raise ModelError(f"{path} is not a regular file; name another one.")
    return target


def write(*files: File) -> None:
    """Writes every file beside its target, then renames them: no reader sees half a file, and a failure while writing
    leaves all old files as they were. Raises ModelError when a file cannot be written."""
    ready: list[tuple[Path, Path]] = []
    path = Path()
    try:
        for path, data, mode in files:
            target = require_target(path)
            temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
            ready.append((temporary, target))
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(descriptor)
        for temporary, target in ready:
            os.replace(temporary, target)
    except OSError as error:
        raise ModelError(f"{path} cannot be written ({error.strerror}).") from None
    finally:
        for temporary, _ in ready:
            temporary.unlink(missing_ok=True)


def pack(manifest: Mapping[str, Any], parts: Mapping[str, bytes]) -> bytes:
    """The container's bytes; equal parts give equal bytes."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}
    head = json.dumps({**manifest, "digests": digests}).encode()
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in {MANIFEST: head, **parts}.items():
            archive.writestr(zipfile.ZipInfo(name, DATE), data)
    return buffer.getvalue()


def unpack(path: str | os.PathLike[str], format_number: int) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Manifest and parts of a model file. Raises ModelError when it is missing, foreign, damaged or of another format."""
    foreign = f"{path} is not a model file written by tacit compile, or it is damaged; run tacit compile again."
    try:
        with Path(path).open("rb") as file:
            file.read(1)  # a folder opens, and cannot be read
    except OSError as error:
        raise ModelError(f"The model file {path} cannot be read ({error.strerror}).") from None
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(_stored(archive, MANIFEST))
            found, digests = manifest["format"], manifest["digests"]
            if found != format_number:
                number = found if isinstance(found, int) else "unknown"
                raise ModelError(f"{path} has format {number}, this version reads {format_number}: run tacit compile again.")
            parts = {name: _stored(archive, name) for name in digests}
    except ModelError:
        raise
    except Exception:  # zipfile raises a dozen kinds on damaged bytes
        raise ModelError(foreign) from None
    for name, part in parts.items():
        if hashlib.sha256(part).hexdigest() != digests[name]:
            raise ModelError(f"The model file {path} is damaged (its part {name!r} has changed); run tacit compile again.")
    del manifest["digests"]
    return manifest, parts


def _stored(archive: zipfile.ZipFile, name: str) -> bytes:
    """A part that is not compressed: reading never takes more memory than the file."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        raise ValueError("a compressed part")
    return archive.read(info)
