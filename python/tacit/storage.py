"""Files: written whole or not at all; the model file's container, an uncompressed zip with a digest of every part; parts that
several containers share."""

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


class Beside(NamedTuple):
    """A part that several containers share: a file of its own in their folder, by its name there and its SHA-256 in hex."""

    file: str
    digest: str

    @classmethod
    def of(cls, file: str, data: bytes) -> Beside:
        return cls(file, hashlib.sha256(data).hexdigest())

    @classmethod
    def from_json(cls, data: Any) -> Beside:
        """Raises ValueError unless it is a name of a file in the folder and a text."""
        file, digest = data
        if not isinstance(file, str) or not isinstance(digest, str) or Path(file).name != file or not file:
            raise ValueError("no file of the folder")
        return cls(file, digest)

    def read(self, container: str | os.PathLike[str]) -> bytes:
        """The part of a container. Raises ModelError when its file is missing or holds anything else."""
        path = Path(os.path.realpath(container)).with_name(self.file)
        again = f"put the file back that {container} was saved with, or run tacit compile again."
        try:
            data = path.read_bytes()
        except OSError as error:
            lost = f"{path}, which holds the weights of {container}, cannot be read ({error.strerror}): {again}"
            raise ModelError(lost) from None
        if hashlib.sha256(data).hexdigest() != self.digest:
            raise ModelError(f"{path} is damaged, or holds other weights than those of {container}: {again}")
        return data


def unpack(
    source: str | os.PathLike[str] | BytesIO,
    formats: int | tuple[int, ...],
    kind: str = "model file written by tacit compile",
    again: str = "run tacit compile again",
    called: str | None = None,
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Manifest and parts of a container. Raises ModelError when it is missing, foreign, damaged or of another format: it is no
    `kind`, and `again` is the way out. `called`: what bytes are called that are no file."""
    name, read = called or str(source), formats if isinstance(formats, tuple) else (formats,)
    foreign = f"{name} is not a {kind}, or it is damaged; {again}."
    short = kind.split(" written")[0]
    if not isinstance(source, BytesIO):
        try:
            with Path(source).open("rb") as file:
                file.read(1)  # a folder opens, and cannot be read
        except OSError as error:
            raise ModelError(f"The {short} {name} cannot be read ({error.strerror}).") from None
    try:
        with zipfile.ZipFile(source) as archive:
            manifest = json.loads(_stored(archive, MANIFEST))
            found, digests = manifest["format"], manifest["digests"]
            if found not in read:
                number = found if isinstance(found, int) else "unknown"
                raise ModelError(f"{name} has format {number}, this version reads {' and '.join(map(str, read))}: {again}.")
            parts = {part: _stored(archive, part) for part in digests}
    except ModelError:
        raise
    except Exception:  # zipfile raises a dozen kinds on damaged bytes
        raise ModelError(foreign) from None
    for title, part in parts.items():
        if hashlib.sha256(part).hexdigest() != digests[title]:
            raise ModelError(f"The {short} {name} is damaged (its part {title!r} has changed); {again}.")
    del manifest["digests"]
    return manifest, parts


def _stored(archive: zipfile.ZipFile, name: str) -> bytes:
    """A part that is not compressed: reading never takes more memory than the file."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        raise ValueError("a compressed part")
    return archive.read(info)
