"""Program: what lowering leaves of a model. Gadget calls that any builder can replay; plain data, no weights."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from functools import cache
from typing import Any

import numpy as np

from tacit.circuit import Affine, Positions
from tacit.errors import ModelError
from tacit.numbers.functions import Function
from tacit.primitives.builder import GADGETS, Builder
from tacit.primitives.gadgets.grids import Grid
from tacit.primitives.tensor import Axis, Column, Factor, Map, Tensor, Term

FORMAT = 6


@dataclass(frozen=True, slots=True)
class Step:
    """A call of a gadget, or of the builder itself for `weight`, `input`, `claim`, `output` and `contract`."""

    gadget: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Program:
    """`batch`: how many samples the steps, which speak of one, are run for; None: of one, without an axis of its own. `computed`:
    about how many values the steps compute, `ranges`: the widths of digits, `grids`: what lies beyond tables; see `Builder`."""

    steps: tuple[Step, ...]
    batch: int | None = None
    computed: int = 0
    ranges: tuple[int, ...] = ()
    grids: tuple[Grid, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON-able data; `from_json` gives back a program that replays to the same circuit."""
        encoder = Encoder()
        steps = [
            [step.gadget, step.name, {key: encoder.argument(value) for key, value in step.arguments.items()}]
            for step in self.steps
        ]
        batch = {} if self.batch is None else {"batch": self.batch}
        chosen = {"ranges": list(self.ranges), "grids": list(map(astuple, self.grids))}
        head = {"format": FORMAT, **batch, "computed": self.computed, **chosen}
        return {**head, "axes": encoder.sizes, "columns": encoder.columns, "steps": steps}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Program:
        """Raises ModelError when the data is not a program of this format."""
        try:
            if data["format"] != FORMAT:
                found = data["format"]
                raise ModelError(f"The program has format {found}, this version reads {FORMAT}: compile again.")
            decoder = Decoder(data["axes"], data["columns"])
            batch, computed = int(data["batch"]) if "batch" in data else None, int(data["computed"])
            ranges = tuple(map(int, data["ranges"]))
            grids = tuple(Grid(str(key), *map(int, numbers)) for key, *numbers in data["grids"])
            steps = tuple(
                Step(str(gadget), str(name), {str(key): decoder.argument(value) for key, value in arguments.items()})
                for gadget, name, arguments in data["steps"]
            )
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise ModelError(f"The program is damaged ({type(error).__name__}): compile the model again.") from None
        return cls(steps, batch, computed, ranges, grids)


class ProgramBuilder(Builder):
    """Records steps while a model is lowered; `weights` collects the weight arrays by column name."""

    def __init__(self, batch: int | None = None) -> None:
        super().__init__(batch)
        self.steps: list[Step] = []
        self.weights: dict[str, np.ndarray] = {}

    def program(self) -> Program:
        return Program(tuple(self.steps), self.batch, self.computed, self.ranges, self.grids)

    def record(self, gadget: str, name: str, **arguments: Any) -> None:
        if self.depth == 0:
            self.steps.append(Step(gadget, name, arguments))

    @contextmanager
    def step(self, gadget: str, name: str, arguments: dict[str, Any]) -> Iterator[None]:
        self.record(gadget, name, **arguments)
        with super().step(gadget, name, arguments):
            yield

    def weight(self, name: str, array: np.ndarray, exponent: int) -> Tensor:
        if self.depth:
            raise ModelError(f"{name}: a gadget cannot declare weights")
        tensor = super().weight(name, array, exponent)
        self.record("weight", name, shape=list(array.shape), low=tensor.low, high=tensor.high, exponent=exponent)
        column = tensor.column
        assert column is not None and column.known is not None
        self.weights[column.name] = column.known
        return tensor

    def input(self, name: str, shape: Any, low: int, high: int, exponent: int, dtype: str = "float32") -> Tensor:
        self.record(
            "input", name, shape=[int(size) for size in shape], low=low, high=high, exponent=exponent, dtype=dtype
        )
        return super().input(name, shape, low, high, exponent, dtype)

    def claim(self, name: str, shape: Any, low: int, high: int, dtype: str = "int64") -> Tensor:
        self.record("claim", name, shape=[int(size) for size in shape], low=low, high=high, dtype=dtype)
        return super().claim(name, shape, low, high, dtype)

    def output(self, name: str, tensor: Tensor, dtype: str = "float32", shape: Any = None) -> None:
        declared = [int(size) for size in (tensor.shape if shape is None else shape)]
        self.record("output", name, tensor=tensor, dtype=dtype, shape=declared)
        self.depth += 1
        try:
            super().output(name, tensor, dtype, declared)
        finally:
            self.depth -= 1

    def contract(self, name: str, tensor: Tensor) -> None:
        self.record("contract", name, tensor=tensor)
        super().contract(name, tensor)

    def commit(self, name: str, *arguments: Any, **named: Any) -> Tensor:
        if self.depth == 0:
            raise ModelError(f"{name}: only gadgets commit columns")
        return super().commit(name, *arguments, **named)

    def lookup(self, name: str, table: Any, components: Any) -> None:
        if self.depth == 0:
            raise ModelError(f"{name}: only gadgets demand lookups")
        super().lookup(name, table, components)


def claim_of(name: str) -> str:
    """The step with the relation that forces a claimed output: what it has to be minus what it is."""
    return f"{name}/claim"


def chosen_of(name: str) -> str:
    """The step of the gadget that a claimed output is the choice of, if it is one."""
    return f"{name}/chosen"


def run(program: Program, builder: Builder) -> None:
    """Replays the steps against a builder of the same batch, which prices depend on. ModelError when a step's gadget does not
    exist."""
    import tacit.primitives.gadgets  # noqa: F401  (registers every gadget)

    if builder.batch != program.batch:
        raise ValueError(f"a program of batch {program.batch} under a builder of batch {builder.batch}")
    builder.computed, builder.ranges, builder.grids = program.computed, program.ranges, program.grids
    for step in program.steps:
        arguments = dict(step.arguments)
        if step.gadget == "weight":
            builder.declare_weight(step.name, **arguments)
        elif step.gadget in ("input", "claim", "output", "contract"):
            getattr(builder, step.gadget)(step.name, **arguments)
        elif step.gadget in GADGETS:
            function = GADGETS[step.gadget]
            bound = signature_of(step.gadget).bind_partial(builder, step.name)
            bound.arguments.update(arguments)
            function(*bound.args, **bound.kwargs)
        else:
            raise ModelError(f"The program uses the gadget {step.gadget!r}, which this version does not have.")


@cache
def signature_of(gadget: str) -> inspect.Signature:
    return inspect.signature(GADGETS[gadget])


class Encoder:
    """Arguments -> JSON-able data; axes and columns by number."""

    def __init__(self) -> None:
        self.axes: dict[Axis, int] = {}
        self.sizes: list[int] = []
        self.numbers: dict[str, int] = {}
        self.columns: list[Any] = []

    def argument(self, value: Any) -> Any:
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, (int, np.integer)):
            return int(value)
        if isinstance(value, float):
            return {"float": value.hex()}
        if isinstance(value, (list, tuple)):
            return [self.argument(item) for item in value]
        if isinstance(value, Tensor):
            return {"tensor": self.tensor(value)}
        if isinstance(value, Function):
            return {"function": value.to_json()}
        raise TypeError(f"a step cannot hold a {type(value).__name__}")

    def axis(self, axis: Axis) -> int:
        if axis not in self.axes:
            self.axes[axis] = len(self.sizes)
            self.sizes.append(axis.size)
        return self.axes[axis]

    def column(self, column: Column) -> int:
        if column.name not in self.numbers:
            self.numbers[column.name] = len(self.columns)
            self.columns.append([column.name, list(column.shape), column.home, column.low, column.high])
        return self.numbers[column.name]

    def map(self, item: Map) -> list[Any]:
        if isinstance(item, Affine):
            return [item.offset, [[self.axis(axis), stride] for axis, stride in item.terms]]
        return [self.axis(item.axis), list(item.indices), "positions"]

    def factor(self, factor: Factor) -> list[Any]:
        return [self.column(factor.column), [self.map(item) for item in factor.maps]]

    def tensor(self, tensor: Tensor) -> list[Any]:
        dims = [[self.axis(axis) for axis in dim] for dim in tensor.dims]
        terms = [[t.coefficient, t.reach, [self.factor(f) for f in t.factors]] for t in tensor.terms]
        return [dims, terms, tensor.low, tensor.high, tensor.exponent, tensor.denominator]


class Decoder:
    """The inverse of Encoder."""

    def __init__(self, sizes: list[int], columns: list[Any]) -> None:
        self.axes = [Axis(int(size)) for size in sizes]
        self.columns = [
            Column(str(name), tuple(map(int, shape)), str(home), int(low), int(high))
            for name, shape, home, low, high in columns
        ]

    def argument(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.argument(item) for item in value]
        if not isinstance(value, dict):
            return value
        ((kind, data),) = value.items()
        if kind == "float":
            return float.fromhex(data)
        if kind == "tensor":
            return self.tensor(data)
        if kind == "function":
            return Function.from_json(data)
        raise ValueError(f"an unknown kind of argument, {kind}")

    def map(self, data: list[Any]) -> Map:
        if len(data) == 3:
            return Positions(self.axes[data[0]], tuple(map(int, data[1])))
        return Affine(int(data[0]), tuple((self.axes[axis], int(stride)) for axis, stride in data[1]))

    def factor(self, data: list[Any]) -> Factor:
        number, maps = data
        return Factor(self.columns[number], tuple(map(self.map, maps)))

    def tensor(self, data: list[Any]) -> Tensor:
        dims, terms, low, high, exponent, denominator = data
        return Tensor(
            tuple(tuple(self.axes[axis] for axis in dim) for dim in dims),
            tuple(Term(int(c), tuple(map(self.factor, factors)), int(reach)) for c, reach, factors in terms),
            int(low),
            int(high),
            int(exponent),
            int(denominator),
        )
