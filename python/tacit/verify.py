"""receipt, key, context -> nothing, or InvalidReceipt. Imports neither the compiler nor ONNX."""

from __future__ import annotations

import os

from tacit import _core
from tacit.errors import InputError, InvalidReceipt
from tacit.key import Key
from tacit.receipt import Receipt


def context_bytes(context: bytes | str) -> bytes:
    """The context as bytes; text is UTF-8."""
    if isinstance(context, str):
        return context.encode()
    if isinstance(context, (bytes, bytearray, memoryview)):
        return bytes(context)
    raise InputError(f"The context must be bytes or text, not {type(context).__name__}.")


def verify(
    receipt: Receipt | bytes | str | os.PathLike[str], key: Key | bytes | str | os.PathLike[str], context: bytes | str = b""
) -> None:
    """Returns None when the receipt is valid for this key and context; raises InvalidReceipt otherwise.

    `receipt` and `key` are objects, bytes or paths. The context must equal the one given to `prove`.
    """
    held = key if isinstance(key, Key) else Key.from_bytes(key) if isinstance(key, bytes) else Key.load(key)
    if not isinstance(receipt, Receipt):
        receipt = Receipt.from_bytes(receipt) if isinstance(receipt, bytes) else Receipt.load(receipt)
    try:
        held.core.verify(receipt.core, context_bytes(context))
    except _core.Refused as error:
        raise InvalidReceipt(f"The receipt is not valid for this key: {error}.") from None
    receipt.bind(held.signatures)
