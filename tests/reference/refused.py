"""Why a receipt or a key is not accepted."""

from __future__ import annotations

BYTES = ("kind", "format", "truncated", "trailing", "noncanonical")
KINDS = (*BYTES, "key", "circuit", "weights", "context", "public", "hide", "named", "check")
"""BYTES: how something is written. key: the key itself. circuit, weights, context: the receipt is for something else. public: a
tensor's size or interval. hide: the key's commitments cannot hide. named: a tensor cannot have a commitment of its own. check: an
equation or a hash of the proof fails."""


class Refused(Exception):
    """`kind` is one of KINDS; the text names the check, never a value."""

    def __init__(self, kind: str, reason: str) -> None:
        assert kind in KINDS
        super().__init__(reason)
        self.kind = kind
