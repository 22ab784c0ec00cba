"""At which exponents a function of one variable is tabulated.

Bounded functions saturate, so their arguments share one exponent whatever the layer: equal functions then share one
table. The positive side of Relu and its like is the identity: argument and result have the result's exponent, and
negative arguments, all mapped to zero, may saturate.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, log2
from typing import TYPE_CHECKING

import numpy as np

from tacit.numbers.fixed import exponent_for, signed_range
from tacit.numbers.functions import Function, tabulate
from tacit.numbers.interval import Interval
from tacit.operators import forms
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context

ONE_SIDED = {"relu", "clip"}
BOUNDED = {"sigmoid", "tanh", "hard_sigmoid"}
MOST_BELOW = 5
"""A window of 2^bits integers has at most a part in so many below zero: what is above is 1.6 times the largest number seen."""


def exponents(context: Context, function: Function, argument: str, result: str) -> tuple[int, int]:
    """The exponents of the (rounded, saturated) argument and of the result of function(argument)."""
    bits = context.bits(result)
    chain = function.chain
    if chain[-1].name in BOUNDED:
        last = bits - 2
    else:
        last = context.exponent(result)
    if len(chain) == 1 and chain[0].name in ONE_SIDED:
        return last, last
    return argument_exponent(context, chain[0], argument, result if len(chain) == 1 else None, bits), last


def as_fine(context: Context, name: str, x: Tensor, function: Function, first: int, last: int) -> int:
    """The exponent of the argument: the result's, where it is finer than `first`, x is that fine and the function, which then
    saturates earlier, has the same ends. Layers that differ in what they reach share a table then. Not where one table holds the
    whole interval, which would grow."""
    bits, widest = context.bits(name), forms.widest_whole(context, name)
    if first >= last or last > x.exponent or Interval(x.low, x.high).rounded(x.exponent - first).digits <= widest:
        return first
    low, high = signed_range(bits)
    values = tabulate(function, low, high, first, last, low, high)
    below, above = values[: (low >> last - first) - low + 1], values[(high >> last - first) + 1 - low :]
    lowest, highest = (tabulate(function, end, end, last, last, low, high) for end in (low, high))
    return last if (below == lowest).all() and (above == highest).all() else first


@lru_cache(maxsize=256)
def window(function: Function, first: int, last: int, bits: int) -> int | None:
    """The least of 2^bits integers with one fraction bit more than `first` that say as much as signed ones of `bits` bits do,
    because the function, with one fraction bit more than `last`, is flat below: half the range of signed ones would be spent on
    that. The two least have the same value, as in a flat end that saturation may cut. None where there is no such window, and of
    Relu and its like, whose tables layers share whatever they reach, as long as all or none of them have one."""
    if function.name in ONE_SIDED and function.after is None:
        return None
    reach = 1 << bits
    values = tabulate(function, -reach, reach - 1, first + 1, last + 1, *signed_range(bits + 1))
    flat = int(np.argmax(values != values[0]))
    least = flat - 2 - reach
    return least if flat > 1 and -least * MOST_BELOW <= reach else None


def argument_exponent(context: Context, function: Function, argument: str, result: str | None, bits: int) -> int:
    """The exponent of the argument, of so many bits, of the first function of a chain; `result` is its value's name where it has
    one."""
    largest = context.largest(argument)
    if function.name == "sigmoid":
        return bits - 1 - (4 if bits > 12 else 3)
    if function.name == "tanh":
        return bits - 1 - (3 if bits > 12 else 2)
    if function.name == "hard_sigmoid":
        slope, offset = function.parameters
        reach = max(abs(offset), abs(1 - offset)) / abs(slope) if slope else 1.0
        return bits - 1 - ceil(log2(max(reach, 1.0)))
    if function.name == "hard_swish" and result is not None:
        return exponent_for(max(context.largest(result), 3.0), bits, headroom=1)
    if function.name in ("clip", "short_float"):
        bound = max(map(abs, function.parameters[-2:])) if function.name == "clip" else function.parameters[-1]
        if bound < 2 * largest:
            return bits - 1 - ceil(log2(bound)) if bound > 0 else bits - 1
    return exponent_for(largest, bits, headroom=1)
