"""Gadgets: functions over a `Builder` that commit a result and prove it. Importing this package registers all of them.

Rule U: for every field value of a gadget's inputs at most one output satisfies its relations. Soundness rests on the
range checks in the proof alone; proved intervals serve completeness, the choice of widths and exactness.
"""

from tacit.primitives.gadgets.argmax import argmax
from tacit.primitives.gadgets.bits import common_bits
from tacit.primitives.gadgets.choice import choice
from tacit.primitives.gadgets.compaction import compacted
from tacit.primitives.gadgets.comparison import compare, limited, maximum, maximum_along, maximum_of, minimum
from tacit.primitives.gadgets.digits import range_check
from tacit.primitives.gadgets.division import divide
from tacit.primitives.gadgets.drawing import drawn, kept, sample
from tacit.primitives.gadgets.floats import excess_of, float_quotient, float_step
from tacit.primitives.gadgets.nearest import divide_nearest
from tacit.primitives.gadgets.order import ranked, top_k
from tacit.primitives.gadgets.packing import unpacked
from tacit.primitives.gadgets.pieces import by_pieces
from tacit.primitives.gadgets.quotient import divide_signed, long_quotient
from tacit.primitives.gadgets.rescale import divide_constant, round_saturate, round_wide
from tacit.primitives.gadgets.roots import inverse_root, logarithm, normalised, square_root
from tacit.primitives.gadgets.running import carried, running_sum
from tacit.primitives.gadgets.scatter import scatter
from tacit.primitives.gadgets.selection import one_hot, position, select
from tacit.primitives.gadgets.softmax import softmax, softmax_weights
from tacit.primitives.gadgets.steps import stepped
from tacit.primitives.gadgets.survivors import survivors
from tacit.primitives.gadgets.weighted import weighted_mean

__all__ = [
    "argmax",
    "by_pieces",
    "carried",
    "choice",
    "common_bits",
    "compacted",
    "compare",
    "divide",
    "divide_constant",
    "divide_nearest",
    "divide_signed",
    "drawn",
    "excess_of",
    "float_quotient",
    "float_step",
    "inverse_root",
    "kept",
    "limited",
    "logarithm",
    "long_quotient",
    "maximum",
    "maximum_along",
    "maximum_of",
    "minimum",
    "normalised",
    "one_hot",
    "position",
    "range_check",
    "ranked",
    "round_saturate",
    "round_wide",
    "running_sum",
    "sample",
    "scatter",
    "select",
    "softmax",
    "softmax_weights",
    "square_root",
    "stepped",
    "survivors",
    "top_k",
    "unpacked",
    "weighted_mean",
]
