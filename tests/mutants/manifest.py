"""All mutants."""

from __future__ import annotations

from gadgets import GADGETS
from hiding_mode import HIDING
from masks import MASKS
from protocol import PROTOCOL

MUTANTS = PROTOCOL + HIDING + MASKS + GADGETS
