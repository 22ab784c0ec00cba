"""What a lowering sees: the graph's values as integer tensors, rounded only when a consumer demands it.

A value is held exactly: as a column, a view, or an *accumulator* (a sum of products that nobody committed to).
Consumers ask for the form they need: `tensor` (exact), `factor` (fit for a product), `narrow` (fit for tables and
maxima), `wide` (rounded once, as wide as its proved interval). Functions of one variable are deferred, so that a chain
of them becomes one table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tacit.errors import UnsupportedOperator
from tacit.graph import MOVES, Graph, Node
from tacit.numbers.dtypes import limits_of, plain
from tacit.numbers.fixed import FLOAT_BITS, exponent_for, quantise
from tacit.numbers.functions import IDENTITY, RELU, Function
from tacit.operators import applying, domains, forms, lines, wrapping
from tacit.operators.forms import FEW, WIDE_BITS, WIDEST_SATURATED, signed_bits
from tacit.operators.magnitude import magnitude_bits, require_finite
from tacit.operators.registry import LOWERINGS
from tacit.operators.ties import Tie, ties
from tacit.primitives import gadgets, movement
from tacit.primitives.builder import Builder, narrowed
from tacit.primitives.tensor import Column, Tensor, constant

OUTPUT_BITS = 17
"""Graph outputs are rounded to about 2^-16 of the largest output seen."""
FINEST_OUTPUT = 30
"""No output has more fraction bits."""
WHOLE = frozenset({"Add", "Conv", "Gemm", "MatMul", "MaxPool", "Sub"})
"""Operators that make whole numbers of whole numbers, besides those that move them."""
PUBLIC_BITS = 32
LARGEST_SHIFT = 28
WEIGHT_BITS = 31
"""Weights have at most so many bits."""
CONSTANT_BITS = 24
"""Constants that are added have so many bits."""
SMALL_BONUS = 2.5
"""A node of at most FEW results, whose remainders cost next to nothing, gets so many more bits of precision of
weights."""
TOLERANCE = 1.5
"""Weights may fall short of the wanted precision by so many bits before a shift of their own is worth it."""
BEYOND = 1.5
"""With a shift of their own they get so many bits more than wanted: its second digit costs the same whatever its width."""
EXACT_BITS, FEWEST_EXACT = 30, 256
"""Matrices of at least so many weights that are integers of so many bits, times a power of two, are kept exactly: small integers
under scales of 16 bits, as files of quantised models have them, and most tensors of 16-bit floats. Fewer are such by chance."""
FACTOR_SLACK = 16
"""An exact sum of narrow tensors may be so many bits wider than `bits` and still enter a product unrounded."""
FEATURE_SLACK = 24
"""So may a view of graph inputs, whose features have one exponent but each its own magnitude."""
LARGEST_COMMON_SHIFT = 16
"""One range table has at most 2^16 rows: a larger shift is checked by two digits."""
WIDEST_PRODUCT = 60
"""Weights have at most so many bits together with such a factor."""


Columns = Mapping[str, Sequence[tuple[int, np.ndarray]]]
"""Constant's name -> exponent and integers of each weight column that another model made of it."""


class Width(Protocol):
    @property
    def bits(self) -> int: ...
    @property
    def shift(self) -> int: ...
    @property
    def precision(self) -> float: ...


class Scales(Protocol):
    """What lowering reads of `tacit.quantize.Scales`."""

    @property
    def width(self) -> Width: ...
    @property
    def bits(self) -> int: ...
    def bits_of(self, name: str) -> int: ...
    @property
    def exponents(self) -> Mapping[str, int]: ...
    @property
    def largest(self) -> Mapping[str, float]: ...
    @property
    def outliers(self) -> frozenset[str]: ...
    @property
    def weighed(self) -> Mapping[str, int]: ...
    @property
    def kept(self) -> Sequence[tuple[int, int, int]]: ...


@dataclass(frozen=True)
class Deferred:
    """function(root), not yet applied."""

    root: str
    function: Function


class Context:
    """The state of one lowering. Lowerings read values by name and write each output once."""

    def __init__(self, graph: Graph, scales: Scales, builder: Builder, shared: Columns | None = None) -> None:
        self.graph = graph
        self.scales = scales
        self.builder = builder
        self.shared = shared or {}
        self.shift = scales.width.shift
        self.hideable = False
        """Whether the circuit, and not its verifier, must hold inputs and outputs in their intervals."""
        self.lines: dict[str, lines.Line] = {}
        self._tensors: dict[str, Tensor] = {}
        self._deferred: dict[str, Deferred] = {}
        self._narrow: dict[str, Tensor] = {}
        self._wide: dict[str, Tensor] = {}
        self._factors: dict[str, Tensor] = {}
        self._whole: dict[str, bool] = {}
        self._rounding: dict[str, int] = {}
        self._columns: dict[tuple[str, int], list[tuple[np.ndarray, Tensor]]] = {}
        self._ties: dict[str, Tie] | None = None
        self._features: set[Column] = set()
        self.weighed: dict[str, int] = {}
        """The exponents that weights got, by node and constant: another model's with these scales shall be the same."""

    # the graph

    def constant(self, name: str) -> np.ndarray | None:
        """The array of a constant value, in a dtype of NumPy's own; None for a computed one."""
        array = self.graph.constants.get(name)
        return None if array is None else plain(array)

    def require_constant(self, node: Node, position: int, what: str) -> np.ndarray:
        """The constant input of a node; UnsupportedOperator when it is computed."""
        array = self.constant(node.input(position))
        if array is None:
            raise self.unsupported(node, f"its {what} is computed by the model; only a constant one can be proved yet")
        return array

    def integers(self, node: Node, position: int, attribute: str) -> list[int] | None:
        """A list of integers given as a constant input or as an attribute; None when neither is there."""
        if node.input(position):
            return [int(i) for i in self.require_constant(node, position, attribute).reshape(-1)]
        given = node.attributes.get(attribute)
        return None if given is None else [int(i) for i in np.asarray(given).reshape(-1)]

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self.graph.values[name].shape)

    def unsupported(self, node: Node, reason: str) -> UnsupportedOperator:
        return UnsupportedOperator(f"Node {node.name!r} ({node.kind}) cannot be proved: {reason}.")

    def is_float(self, name: str) -> bool:
        """Whether the model declares a value as floats; its other values are integers, exact and of exponent 0."""
        return self.graph.values[name].is_float

    def check_outputs(self, node: Node) -> None:
        """Refuses a node whose outputs have another shape than the graph says, and one whose integer outputs would be
        scaled. Integers that could leave their dtype wrap, as the model's do; those of 64 bits stay what they are where
        only their class modulo 2^64 is asked for, and are refused elsewhere."""
        for name in node.outputs:
            tensor = self._tensors.get(name)
            if not name or tensor is None:
                continue
            if tensor.shape != self.shape(name):
                shapes = f"{list(tensor.shape)}, its declared one is {list(self.shape(name))}"
                raise self.unsupported(node, f"the shape of its result {name!r} is {shapes}")
            if self.is_float(name):
                continue
            dtype = self.graph.values[name].dtype
            low, high = limits_of(dtype)
            if tensor.exponent != 0:
                raise self.unsupported(node, f"its {dtype} results would be rounded; cast to floats first")
            if tensor.low >= low and tensor.high <= high:
                continue
            bits = (high - low).bit_length()
            if dtype != "bool" and bits <= wrapping.WIDEST:
                self._tensors[name] = wrapping.wrap(self.builder, name, tensor, low, bits)
            elif bits < 64 or not wrapping.read_as_residue(self.graph, name):
                raise self.unsupported(node, f"its results could leave {dtype}; cast to a wider type first")

    def put(self, name: str, tensor: Tensor) -> None:
        """Sets a node's output."""
        self._tensors[name] = tensor

    def held(self) -> dict[str, Tensor]:
        """Every computed value as its consumers read it, narrow first, exact last; none for functions never applied."""
        found = {**self._tensors, **self._wide, **self._factors, **self._narrow}
        return {name: tensor for name, tensor in found.items() if name in self.graph.producers}

    # widths and exponents

    def bits(self, name: str) -> int:
        """Bits of the narrow form of a value."""
        return self.scales.bits_of(name) - self._fewer(name)

    def exponent(self, name: str) -> int:
        """The exponent of the narrow form of a value."""
        return self.scales.exponents.get(name, 0) - self._fewer(name)

    def _fewer(self, name: str) -> int:
        """By how many bits the narrow form of a value that a table computes is less than FLOAT_BITS: no table has so many."""
        if self.scales.bits_of(name) < FLOAT_BITS:
            return 0
        deferred, node = self._deferred.get(name), self.graph.producers.get(name)
        tabulated = forms.is_tabulated(node) if deferred is None else deferred.function != RELU
        return FLOAT_BITS - self.scales.bits if tabulated else 0

    def largest(self, name: str) -> float:
        """The largest magnitude seen of a value."""
        return self.scales.largest.get(name, 0.0)

    def rounding(self, name: str) -> int:
        """The exponent at which a value will be rounded: what its consumers agree on, else its own narrow exponent."""
        if name not in self._rounding:
            self._rounding[name] = self._agreed(name)
        return self._rounding[name]

    def _agreed(self, name: str) -> int:
        if name in self.graph.outputs:
            return min(exponent_for(self.largest(name), OUTPUT_BITS, headroom=0), FINEST_OUTPUT)
        wanted = set()
        for node in self.graph.consumers.get(name, ()):
            entry = LOWERINGS.get(node.kind)
            if entry is not None and entry.rounds is not None:
                wanted.add(entry.rounds(self, node, name))
            else:
                wanted.add(None)
        if len(wanted) == 1:
            only = wanted.pop()
            if only is not None:
                return only
        return self.exponent(name)

    def weight_exponent(self, output: str, data_exponent: int, array: np.ndarray) -> int:
        """The exponent of weights such that their product with data is rounded with the common shift. Weights that
        would be too coarse get more bits, at the price of a shift of their own; so do those of a node with few
        results."""
        exponent = self.rounding(output) + self.shift - data_exponent
        bonus = SMALL_BONUS if self.graph.values[output].size <= FEW else -TOLERANCE
        wanted = FLOAT_BITS if forms.is_decisive(self, output) else self.scales.width.precision + bonus
        missing = wanted - magnitude_bits(array) - exponent
        if missing > 0:
            beyond = BEYOND - min(bonus, 0) if missing > LARGEST_COMMON_SHIFT - self.shift else 0
            exponent += min(int(np.ceil(missing + beyond)), LARGEST_SHIFT - self.shift)
        return min(exponent, exponent_for(float(np.abs(array).max(initial=0)), WEIGHT_BITS, headroom=0))

    def finer(self, tensor: Tensor) -> int:
        """By how many bits the features that a tensor reads from a graph input, or from a copy of some, are wider than narrow
        ones: weights are chosen as if they were narrow, for the smallest feature may have the largest weight."""
        read = {factor.column for term in tensor.terms for factor in term.factors}
        features = [column for column in read if column.home == "public" or column in self._features]
        widths = [max(~column.low, column.high).bit_length() + 1 for column in features]
        return max(0, *(width - self.scales.bits for width in widths), 0)

    def features(self, tensor: Tensor, name: str) -> Tensor:
        """A copy of features from which some were exchanged for others, as wide as they are."""
        copied = self.builder.copy(tensor, name)
        self._features.update(factor.column for term in copied.terms for factor in term.factors)
        return copied

    # values

    def tensor(self, name: str) -> Tensor:
        """A value, exact; a deferred function is applied first."""
        if name in self._deferred:
            return self.narrow(name)
        if name not in self._tensors and self.constant(name) is not None:
            self._tensors[name] = self.constant_tensor(name)
        if name not in self._tensors and name in self.lines:
            self._tensors[name] = self.lines[name].make()
        return self._tensors[name]

    def constant_tensor(self, name: str, exponent: int | None = None) -> Tensor:
        """A constant of the graph as a column of weights; by default with CONSTANT_BITS bits (integers: exactly)."""
        array = plain(self.graph.constants[name])
        if exponent is None:
            largest = float(np.abs(array).max(initial=0))
            exponent = 0 if array.dtype.kind in "iub" else min(exponent_for(largest, CONSTANT_BITS, 0), 30)
        return self.weight(name, array, exponent)

    def weight(self, name: str, array: np.ndarray, exponent: int, order: Sequence[int] | None = None) -> Tensor:
        """A column of weights round(array * 2^exponent), or its place in a longer one of `shared`; equal ones of one name, or of
        constants that are tied, are stored once. `order`: the array's axes as the column has them, where it is cheaper so."""
        if not array.size:
            raise UnsupportedOperator(f"The tensor {name!r} has no elements, and a node reads numbers of it; remove that node.")
        tie = self.tie(name, array)
        if tie is not None:
            first = self.weight(tie.first, self.graph.constants[tie.first], exponent, None if tie.turned else order)
            return movement.transpose(self.builder, first) if tie.turned else first
        require_finite(name, array)
        limit, block = 1 << 62, self.graph.blocks.get(name)
        integers = quantise(array if block is None else block.stored(array), exponent, -limit, limit)
        integers = integers if order is None else integers.transpose(order)
        whole = narrowed(self._shared_column(name, exponent, integers))
        stored = self._columns.setdefault((name, exponent), [])
        tensor = next((tensor for present, tensor in stored if np.array_equal(present, whole)), None)
        if tensor is None:
            tensor = self.builder.weight(name, whole, exponent)
            stored.append((whole, tensor))
        for axis, size in enumerate(integers.shape):
            tensor = tensor if tensor.shape[axis] == size else movement.slice_(self.builder, tensor, axis, 0, size)
        if order is not None:
            tensor = movement.transpose(self.builder, tensor, [*map(order.index, range(len(order)))])
        return tensor if block is None else self._block(tensor, block.offset, array.shape)

    def _block(self, tensor: Tensor, offset: Sequence[int], shape: Sequence[int]) -> Tensor:
        """The part of this shape at an offset; zeros outside."""
        pads = [(-start, start + size - whole) for start, size, whole in zip(offset, shape, tensor.shape)]
        return movement.pad(self.builder, tensor, pads)

    def tie(self, name: str, array: np.ndarray) -> Tie | None:
        """The earlier constant whose numbers `array` has, if it is the constant `name` itself."""
        if self.graph.constants.get(name) is not array:
            return None
        if self._ties is None:
            self._ties = ties(self.graph.constants)
        return self._ties.get(name)

    def is_tied(self, name: str) -> bool:
        """Whether a constant shares its numbers with another one."""
        return self.tie(name, self.graph.constants[name]) is not None or name in {tie.first for tie in (self._ties or {}).values()}

    def tied_exponents(self, name: str, array: np.ndarray) -> list[int]:
        """Exponents of the columns that a constant could share with another one that it is tied to."""
        tie = self.tie(name, array)
        return [] if tie is None else [exponent for first, exponent in self._columns if first == tie.first]

    def _shared_column(self, name: str, exponent: int, integers: np.ndarray) -> np.ndarray:
        """The column to share that begins with these integers along every axis, if there is one: tables of positions and
        masks of a longer model begin with those of a shorter one."""
        for known, column in self.shared.get(name, ()):
            if known == exponent and column.ndim == integers.ndim:
                corner = column[tuple(map(slice, integers.shape))]
                if np.array_equal(corner, integers):
                    return column
        return integers

    def addend(self, name: str) -> Tensor:
        """A value as a term of a sum: exact, but an accumulator that others read too is rounded once for all of
        them."""
        tensor = self.tensor(name)
        return tensor if tensor.is_affine or lines.readers(self, name) == 1 else self.wide(name)

    def factor(self, name: str) -> Tensor:
        """A value as a factor of a product: a view, or a short sum of views, of about `bits` bits."""
        tensor = self.tensor(name)
        slack = FEATURE_SLACK if self.finer(tensor) else FACTOR_SLACK
        if self.bits(name) >= FLOAT_BITS and not self.is_whole(name):
            slack = 1
        if signed_bits(tensor) <= self.bits(name) + slack:
            if tensor.is_affine and len(tensor.terms) <= 2:
                return tensor
            if self.is_whole(name):
                self._tensors[name] = self.builder.copy(tensor, f"{name}/exact")
                return self._tensors[name]
        if name not in self._narrow and (self.is_gated(name) or self.has_outliers(name)):
            return self.wide(name)
        if name in self._deferred or name in self._narrow or not forms.keeps_interval(self, name, self.tensor(name)):
            return self.narrow(name)
        if name not in self._factors:
            self._factors[name] = forms.rounded(self, name, self.tensor(name))
        return self._factors[name]

    def is_gated(self, name: str) -> bool:
        """Whether a value is a product of two computed floats, perhaps moved. Few elements of a gated layer may be thousands of
        times larger than the others, which a narrow tensor would leave a handful of bits; digits of the proved interval cost no
        more than a table that saturates."""
        node = self.graph.producers.get(name)
        while node is not None and node.kind in MOVES:
            node = self.graph.producers.get(node.inputs[0])
        if node is None or node.kind != "Mul" or not self.is_float(name):
            return False
        return all(self.constant(factor) is None and self.is_float(factor) for factor in node.inputs)

    def has_outliers(self, name: str) -> bool:
        """Whether few elements are far larger than all others, of a float that no function waits to be applied to."""
        return name in self.scales.outliers and name not in self._deferred and self.is_float(name)

    def is_whole(self, name: str) -> bool:
        """Whether a value is an integer of the model, one cast to floats, moved, or a product or sum of such and of whole
        constants."""
        if name not in self._whole:
            self._whole[name] = not self.is_float(name) or self._computes_whole(name)
        return self._whole[name]

    def _computes_whole(self, name: str) -> bool:
        node, array = self.graph.producers.get(name), self.constant(name)
        if array is not None:
            return bool(np.array_equal(array, np.rint(array)))
        if node is None or node.domain:
            return False
        if node.operator not in WHOLE | MOVES or any(float(node.attributes.get(a, 1.0)) != 1.0 for a in ("alpha", "beta")):
            return False
        return all(self.is_whole(i) for i in node.inputs if i) and any(self.constant(i) is None for i in node.inputs if i)

    def exact(self, name: str) -> Tensor:
        """A value as a view or a copy, unrounded: integers of the model are never rounded and never saturate."""
        x = self.tensor(name)
        return x if x.is_affine and len(x.terms) == 1 else self.builder.copy(x, f"{name}/exact")

    def narrow(self, name: str) -> Tensor:
        """A value with `bits` signed bits (a view of one bit more stays as it is), saturating; applies the deferred
        function."""
        if name not in self._narrow:
            self._narrow[name] = self._round(name)
        return self._narrow[name]

    def _round(self, name: str) -> Tensor:
        deferred = self._deferred.get(name)
        if deferred is not None:
            x = self.tensor(deferred.root)
            if self.bits(name) >= FLOAT_BITS:
                return forms.rectify(self, name, forms.finest(self, name, x), 0)
            first, last = domains.exponents(self, deferred.function, deferred.root, name)
            first = domains.as_fine(self, name, x, deferred.function, first, last)
            return self._apply(name, x, deferred.function, first, last)
        x = self.tensor(name)
        if not self.is_float(name):
            return self.exact(name)
        if x.is_affine and len(x.terms) == 1 and signed_bits(x) <= self.bits(name) + 1:
            return x
        if self.bits(name) >= FLOAT_BITS:
            return forms.finest(self, name, x)
        if self.bits(name) > WIDEST_SATURATED:
            return self.wide(name)
        target = self.exponent(name)
        return self._apply(name, x, IDENTITY, target, target)

    def _apply(self, name: str, x: Tensor, function: Function, first: int, last: int) -> Tensor:
        """function(round(x)) where the argument has exponent `first` (or x's own, where that is coarser), the result
        `last`."""
        shift, bits = max(0, x.exponent - first), self.bits(name)
        if function == IDENTITY:
            last = min(last, x.exponent - shift)
        if forms.without_table(self, x, shift, function, last):
            return forms.rectify(self, name, x, shift)
        if function != IDENTITY:
            return applying.apply_function(self, name, x, shift, function, last)
        size = self.builder.elements(x)
        form = forms.saturation_form(x, size, shift, bits, True) if last == x.exponent - shift else None
        return gadgets.round_saturate(self.builder, name, x, shift, bits, IDENTITY, last, form=form)

    def wide(self, name: str) -> Tensor:
        """A value as a column of WIDE_FRACTION fraction bits more than a narrow one, of the width of its proved interval, or a view
        that is so already. An interval of more than `widest` bits, and FORGONE besides, saturates instead, one headroom bit beyond
        the narrow one: sums over many layers would lose their fractions to a range that they never reach."""
        if name not in self._wide:
            x = self.tensor(name)
            if not self.is_float(name):
                x = self.exact(name)
            elif not (x.is_affine and len(x.terms) == 1 and signed_bits(x) <= WIDE_BITS):
                x = forms.rounded_wide(self, name, x)
            self._wide[name] = x
        return self._wide[name]

    def defer(self, output: str, argument: str, function: Function) -> None:
        """output = function(argument), elementwise. Joins the function that `argument` itself waits for, if nobody
        else reads it."""
        waiting = self._deferred.get(argument)
        if waiting is not None and self.graph.uses(argument) == 1 and argument not in self._narrow:
            self._deferred[output] = Deferred(waiting.root, waiting.function.then(function))
        else:
            self._deferred[output] = Deferred(argument, function)

    def is_deferred(self, name: str) -> bool:
        """Whether a value waits for a function that nobody else needs applied."""
        return name in self._deferred and self.graph.uses(name) == 1 and name not in self._narrow

    # outputs

    def publish(self, name: str) -> None:
        """Binds a graph output: integers as they are, a committed float as a copy, an accumulator rounded (one that
        reads weights by at least one bit: a raw one would publish a linear equation in them; where it has fewer bits than an
        output keeps, it gets them first); one without elements as a zero, which stands for it. Of a rounded output the verifier
        checks the interval, unless it may be hidden: then the circuit does, and the output is a copy."""
        value = self.graph.values[name]
        x = self.tensor(name) if value.size else constant((), 0)
        if value.is_float and not is_committed(x):
            least = int("weights" in homes_of(x))
            finer = min(self.rounding(name) + least - x.exponent, PUBLIC_BITS - signed_bits(x))
            x = movement.shifted(x, x.exponent + max(finer, 0))
            shift = max(least, x.exponent - self.rounding(name), signed_bits(x) - PUBLIC_BITS)
            x = gadgets.round_wide(self.builder, f"{name}/output", x, shift, public=not self.hideable)
        self.builder.output(name, x, value.dtype, value.shape)


def is_committed(tensor: Tensor) -> bool:
    """Whether a tensor is a sum of views of witness and public columns: one that reads no weight."""
    return tensor.is_affine and homes_of(tensor) <= {"witness", "public"}


def homes_of(tensor: Tensor) -> set[str]:
    """The homes of the columns that a tensor reads."""
    return {factor.column.home for term in tensor.terms for factor in term.factors}


