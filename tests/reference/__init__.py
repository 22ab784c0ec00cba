"""A second verifier of receipts, in plain Python, from docs/ and the protocols' README files, with the standard library alone.

`verify(receipt, key, context)` returns None or raises `Refused`. It shares no code with the Rust verifier and favours reading over
speed. `python tests/reference KEY RECEIPT [CONTEXT]` checks files.
"""

from __future__ import annotations

from .refused import Refused
from .verifier import verify

__all__ = ["Refused", "verify"]
