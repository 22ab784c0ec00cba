"""One power-of-two scale for every value of a graph.

A value is held as integers with value = integer * 2^-exponent. A *narrow* tensor has `bits` signed bits and feeds
products and tables. Exponents come from the largest magnitude observed, with one headroom bit: nothing that was
observed is ever clipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil, log2
from typing import Any, Protocol

import numpy as np

from tacit.errors import InputError, ModelError
from tacit.graph import Graph
from tacit.numbers.dtypes import bits_of, kind_of, limits_of
from tacit.numbers.fixed import FLOAT_BITS, exponent_for, signed_range
from tacit.quantize.compared import DECIDED, compared_bits, decided
from tacit.quantize.finest import finest

TOY_VALUES = 1 << 15
"""Below so many values the function tables cost more than the values: 12 bits instead of 16."""
FINEST = 12
"""A value that is almost zero everywhere gets at most so many fraction bits beyond the width of a narrow tensor."""
KEEPING = {"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}
"""Operators that keep an integer what it is, up to its dtype."""
QUANTISATIONS = {"QuantizeLinear", "DynamicQuantizeLinear"}
"""Inputs that only they read have FLOAT_BITS bits."""
OUTLYING = 64
"""So many times the typical magnitude, the largest one leaves a narrow tensor too few bits for the rest to enter a product."""
FAR, FARTHEST = 4, 22
"""Where some feature is 2^FAR smaller than others, all get so many bits more, at most FARTHEST: differences of them still enter
products unrounded (`operators.context.FEATURE_SLACK`)."""


class ObservedRange(Protocol):
    """What observing gives for a value: its extreme values and the largest magnitude, over all samples and elements; `typical`:
    what all but a thousandth of the magnitudes stay below; of an input the least of the largest magnitudes at the places of its
    last axis (0: not known)."""

    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def absolute(self) -> float: ...
    @property
    def least(self) -> float: ...
    @property
    def typical(self) -> float: ...


@dataclass(frozen=True)
class Width:
    """`bits` of a narrow tensor; the smallest right shift after a product with weights; `precision`: log2 of the wanted
    root mean square of weights, in integer steps."""

    bits: int
    shift: int
    precision: float


LEANEST = Width(bits=10, shift=10, precision=5.0)
TOY = Width(bits=12, shift=12, precision=6.5)
MIDDLE = Width(bits=14, shift=14, precision=7.5)
STANDARD = Width(bits=16, shift=16, precision=10.0)
FAITHFUL = Width(bits=16, shift=16, precision=12.0)


@dataclass(frozen=True)
class InputScale:
    """A graph input as integers: value = integer * 2^-exponent, low <= integer <= high; values outside saturate."""

    exponent: int
    low: int
    high: int


@dataclass(frozen=True)
class Scales:
    """Everything that lowering needs to know of numbers.

    `exponents`: the exponent of the narrow form of every float value that was observed. `largest`: its largest
    magnitude. `own`: bits of the narrow form of values that have others than `width` says. `outliers`: values
    whose largest magnitude is OUTLYING times what nearly all of their elements reach. `weighed`: the exponents that a lowering gave
    weights; `kept`: exponent, least and greatest integer of the values that a sequence keeps for its later chunks. Both are empty
    before a lowering, and bind one that has them.
    """

    width: Width
    exponents: Mapping[str, int]
    largest: Mapping[str, float]
    inputs: Mapping[str, InputScale]
    own: Mapping[str, int] = field(default_factory=dict)
    outliers: frozenset[str] = frozenset()
    weighed: Mapping[str, int] = field(default_factory=dict)
    kept: tuple[tuple[int, int, int], ...] = ()

    @property
    def bits(self) -> int:
        return self.width.bits

    def bits_of(self, name: str) -> int:
        """Bits of the narrow form of a value."""
        return self.own.get(name, self.width.bits)

    def with_bits(self, bits: Mapping[str, int]) -> Scales:
        """These scales, but narrow forms of so many bits for some values; bits that `width` gives anyway are not kept."""
        own = {name: count for name, count in {**self.own, **bits}.items() if count != self.width.bits}
        exponents = dict(self.exponents)
        for name in bits.keys() & self.largest.keys():
            exponents[name] = narrow_exponent(self.largest[name], bits[name])
        return replace(self, exponents=exponents, own=own)

    def as_in(self, other: Scales) -> Scales:
        """These scales, and those of another model for what both have; integers keep their own intervals."""
        return Scales(
            other.width,
            {**self.exponents, **other.exponents},
            {**self.largest, **other.largest},
            {name: other.inputs.get(name, own) if name in other.exponents else own for name, own in self.inputs.items()},
            dict(other.own),
            other.outliers,
            dict(other.weighed),
            other.kept,
        )

    def with_inputs(self, pinned: Mapping[str, InputScale]) -> Scales:
        """These scales, with given integers for some inputs. Raises InputError for inputs that there are not."""
        for name in pinned:
            if name not in self.inputs:
                raise InputError(f"There is no input {name!r} to link; there are {', '.join(map(repr, self.inputs))}.")
        return replace(self, inputs={**self.inputs, **pinned})

    def to_json(self) -> dict[str, Any]:
        return {
            "width": [self.width.bits, self.width.shift, self.width.precision],
            "exponents": dict(self.exponents),
            "largest": dict(self.largest),
            "inputs": {name: [scale.exponent, scale.low, scale.high] for name, scale in self.inputs.items()},
            "own": dict(self.own),
            "outliers": sorted(self.outliers),
            "weighed": dict(self.weighed),
            "kept": [list(form) for form in self.kept],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Scales:
        inputs = {name: InputScale(*numbers) for name, numbers in data["inputs"].items()}
        return cls(
            Width(*data["width"]),
            data["exponents"],
            data["largest"],
            inputs,
            data["own"],
            frozenset(data["outliers"]),
            data["weighed"],
            tuple((e, low, high) for e, low, high in data["kept"]),
        )


def quantize(graph: Graph, ranges: Mapping[str, ObservedRange], widths: str | Width = "standard") -> Scales:
    """Scales of a simplified graph. `widths`: 'lean' (12 bits), 'standard' (12 or 16 by size), 'faithful' (16), or a width.

    Raises ModelError for unknown widths, for an input that was not observed and for values that are not finite.
    """
    width = choose_width(graph, widths) if isinstance(widths, str) else widths
    exponents, largest, outliers = {}, {}, set()
    for name, seen in ranges.items():
        if name in graph.values and not is_float(graph.values[name].dtype):
            continue
        if not np.isfinite(seen.absolute):
            raise ModelError(
                f"The value {name!r} is infinite or not a number on the samples: give samples that the model takes."
            )
        exponents[name] = narrow_exponent(float(seen.absolute), width.bits)
        largest[name] = float(seen.absolute)
        if 0 < OUTLYING * seen.typical < seen.absolute:
            outliers.add(name)
    own = dict.fromkeys(sorted(finest(graph) & largest.keys()), FLOAT_BITS)
    exponents |= {name: exponent_for(largest[name], FLOAT_BITS, headroom=1) for name in own}
    inputs, past = {}, set() if graph.state is None else {name for names in graph.state.past for name in names}
    for name in graph.inputs:
        if name in past:  # held in the forms that an earlier chunk gave them
            continue
        if not graph.values[name].size:
            inputs[name] = InputScale(0, 0, 0)
            continue
        if name in graph.intervals:
            inputs[name] = InputScale(0, *graph.intervals[name])
            continue
        if name not in ranges:
            raise ModelError(f"The input {name!r} was not observed: give at least one sample of it.")
        seen, places = ranges[name], places_of(graph, name)
        if places is None:
            bits = width.bits + finer_bits(graph, name, seen, width.bits)
            inputs[name] = input_scale(graph.values[name].dtype, seen, bits)
        else:
            inputs[name] = InputScale(0, 0 if seen.low >= 0 else -places, places - 1)
    scales = Scales(width, exponents, largest, inputs, own, frozenset(outliers))
    return scales.with_bits(dict.fromkeys(sorted(decided(graph)), DECIDED))


def choose_width(graph: Graph, widths: str) -> Width:
    """The widths of a model by name; 'standard' is 12 bits for toys, where tables dominate, else 16."""
    named = {"lean": TOY, "standard": STANDARD, "faithful": FAITHFUL}
    if widths not in named:
        raise ModelError(f"widths={widths!r} is unknown; use one of {', '.join(named)}.")
    if widths != "standard":
        return named[widths]
    values = sum(int(np.prod(graph.values[o].shape)) for node in graph.nodes for o in node.outputs if o in graph.values)
    return TOY if values < TOY_VALUES else STANDARD


def finer_bits(graph: Graph, name: str, seen: ObservedRange, bits: int) -> int:
    """How many bits more than `bits` an input gets: a row of features has one exponent, but each its own magnitude."""
    value = graph.values[name]
    if value.is_float and only_quantised(graph, name):
        return max(FLOAT_BITS - bits, 0)
    if not value.is_float or not value.shape or value.size != value.shape[-1]:
        return 0
    if compared := compared_bits(graph, name):
        return compared - bits
    spread = ceil(log2(seen.absolute / seen.least)) if seen.least > 0 else 0
    return min(spread, FARTHEST) if spread > FAR else 0


def only_quantised(graph: Graph, name: str) -> bool:
    """Whether a value is read, and by quantisations alone."""
    readers = graph.consumers.get(name, ())
    return bool(readers) and name not in graph.outputs and all(node.operator in QUANTISATIONS for node in readers)


def narrow_exponent(absolute: float, bits: int) -> int:
    """The exponent of a narrow tensor with one headroom bit above the largest magnitude seen."""
    return min(exponent_for(absolute, bits, headroom=1), bits + FINEST)


def input_scale(dtype: str, seen: ObservedRange, bits: int) -> InputScale:
    """Integers have exponent 0 and the interval of their type, if it has 8 bits or fewer, else the observed one with
    headroom. Floats get a narrow exponent; where the smallest sample is exactly zero (pixels, counts) negative
    values saturate at zero."""
    if dtype == "bool":
        return InputScale(0, 0, 1)
    if not is_float(dtype):
        least, most = limits_of(dtype)
        if bits_of(dtype) <= 8:
            return InputScale(0, least, most)
        reach = 1 << max(int(seen.absolute), 1).bit_length()
        low = 0 if seen.low >= 0 else -2 * reach
        return InputScale(0, max(low, least), min(2 * reach, most))
    exponent = narrow_exponent(float(seen.absolute), bits)
    low, high = signed_range(bits)
    return InputScale(exponent, 0 if seen.low == 0 else low, high)


def places_of(graph: Graph, name: str) -> int | None:
    """The length of the axis on which every reader of an integer value takes it for a place: samples need not show all the
    words of a vocabulary. None where one of them reads it otherwise."""
    lengths: list[int | None] = []
    for node in graph.consumers.get(name, ()):
        if node.kind in KEEPING and node.inputs[0] == name and not is_float(graph.values[node.outputs[0]].dtype):
            lengths.append(places_of(graph, node.outputs[0]))
        elif node.kind == "Gather" and node.inputs[0] != name:
            lengths.append(graph.values[node.inputs[0]].shape[int(node.attributes.get("axis", 0))])
        else:
            lengths.append(None)
    known = [length for length in lengths if length is not None]
    return max(known) if known and len(known) == len(lengths) and name not in graph.outputs else None


def is_float(dtype: str) -> bool:
    return kind_of(dtype) == "f"
