"""All mutants."""

from __future__ import annotations

from gadgets import GADGETS
from hiding_mode import HIDING
from protocol import PROTOCOL

MUTANTS = PROTOCOL + HIDING + GADGETS
