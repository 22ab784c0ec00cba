"""Everything that Tacit raises on purpose. Each message is one sentence that names the thing, the reason and the way out."""

from __future__ import annotations


class TacitError(Exception):
    """Base class of all errors of this package."""


class InvalidReceipt(TacitError):
    """The bytes are not a valid receipt for this key (exit code 1)."""


class ModelError(TacitError):
    """A model, key or model file cannot be used (exit code 2)."""


class UnsupportedOperator(ModelError):
    """The model has operators, or uses of them, that cannot be proved yet; the message lists every such node (exit code 2)."""


class InputError(TacitError):
    """An input array, file or argument does not fit the model (exit code 2)."""
