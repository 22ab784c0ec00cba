"""receipt, key, context -> nothing, or InvalidReceipt. Imports neither the compiler nor ONNX."""

from __future__ import annotations

import os
from typing import TypeVar

from tacit import _core
from tacit.errors import InputError, InvalidReceipt
from tacit.key import Key
from tacit.receipt import Receipt

Held = TypeVar("Held", Key, Receipt)


def context_bytes(context: bytes | str) -> bytes:
    """The context as bytes; text is UTF-8."""
    if isinstance(context, str):
        try:
            return context.encode()
        except UnicodeEncodeError:
            raise InputError("The context is not valid text; give bytes instead.") from None
    if isinstance(context, (bytes, bytearray, memoryview)):
        return bytes(context)
    raise InputError(f"The context must be bytes or text, not {type(context).__name__}.")


def verify(
    receipt: Receipt | bytes | str | os.PathLike[str], key: Key | bytes | str | os.PathLike[str], context: bytes | str = b""
) -> None:
    """Returns None when the receipt is valid for this key and context; raises InvalidReceipt otherwise.

    `receipt` and `key` are objects, bytes or paths. The context must equal the one given to `prove`. Raises ModelError
    for an unusable key, InputError for a missing receipt file and for other kinds of arguments.
    """
    bound = context_bytes(context)
    bound_key = held(key, Key)
    receipt = held(receipt, Receipt)
    try:
        bound_key.core.verify(receipt.core, bound)
    except _core.Refused as error:
        raise InvalidReceipt(f"The receipt is not valid for this key: {error}.") from None
    receipt.bind(bound_key.signatures)


def held(given: Held | bytes | str | os.PathLike[str], kind: type[Held]) -> Held:
    if isinstance(given, kind):
        return given
    if isinstance(given, (bytes, bytearray, memoryview)):
        return kind.from_bytes(bytes(given))
    if isinstance(given, (str, os.PathLike)):
        return kind.load(given)
    raise InputError(f"A {kind.__name__.lower()} is an object of tacit, bytes or a path, not {type(given).__name__}.")
