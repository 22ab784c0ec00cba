"""All mutants."""

from __future__ import annotations

from gadgets import GADGETS
from protocol import PROTOCOL

MUTANTS = PROTOCOL + GADGETS
