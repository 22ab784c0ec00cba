"""All mutants."""

from __future__ import annotations

from gadgets import GADGETS
from hiding_mode import HIDING
from masks import MASKS
from named import KEYS, NAMED
from protocol import PROTOCOL

MUTANTS = PROTOCOL + HIDING + KEYS + NAMED + MASKS + GADGETS
