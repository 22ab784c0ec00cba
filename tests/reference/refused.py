"""Why a receipt or a key is not accepted."""

from __future__ import annotations

KINDS = ("kind", "format", "truncated", "trailing", "noncanonical", "key", "circuit", "weights", "context", "public", "check")
"""kind, format, truncated, trailing, noncanonical: the bytes. key: the key itself. circuit, weights, context: the receipt is for
something else. public: a tensor's size or interval. check: an equation or a hash of the proof fails."""


class Refused(Exception):
    """`kind` is one of KINDS; the text names the check, never a value."""

    def __init__(self, kind: str, reason: str) -> None:
        assert kind in KINDS
        super().__init__(reason)
        self.kind = kind
