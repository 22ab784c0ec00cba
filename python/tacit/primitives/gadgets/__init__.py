"""Gadgets: functions over a `Builder` that commit a result and prove it. Importing this package registers all of them.

Rule U: for every field value of a gadget's inputs at most one output satisfies its relations. Soundness rests on the range
checks in the proof alone; proved intervals serve completeness, the choice of widths and exactness.
"""

from tacit.primitives.gadgets.digits import range_check
from tacit.primitives.gadgets.rescale import divide_constant, round_saturate, round_wide

__all__ = ["divide_constant", "range_check", "round_saturate", "round_wide"]
