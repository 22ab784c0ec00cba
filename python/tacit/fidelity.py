"""The integer model against float32: its outputs on rows of inputs, what saturates there, and which node the error comes from.

Nothing here is committed or proved: assignments of widths are compared by what they compute and by what a proof would cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tacit import inputs, progress
from tacit.execute import executed
from tacit.graph import Graph
from tacit.graph.evaluate import Evaluator
from tacit.lower import Lowered
from tacit.numbers.dtypes import dtype_of, kind_of
from tacit.observe import run_float
from tacit.passes.masks import LARGEST
from tacit.primitives.cost import Cost
from tacit.primitives.evaluate import Evaluate
from tacit.primitives.program import run
from tacit.primitives.tensor import Tensor
from tacit.quantize import Scales
from tacit.report import Noise, Report, compare

Row = Mapping[str, np.ndarray]
NOISIEST = 8
"""So many nodes are reported."""


@dataclass
class Reference:
    """The float model that fidelity is measured against, and its outputs on rows; each row runs once."""

    graph: Graph
    rows: Sequence[Row]
    held: Sequence[Row] = ()
    _outputs: list[dict[str, np.ndarray]] = field(default_factory=list, repr=False)

    @property
    def outputs(self) -> list[dict[str, np.ndarray]]:
        """Of the rows, then of the held-out ones."""
        if not self._outputs:
            self._outputs = [run_float(self.graph, row) for row in [*self.rows, *self.held]]
        return self._outputs


def measure(lowered: Lowered, scales: Scales, reference: Reference, graph: Graph) -> Report:
    """Fidelity on both kinds of rows, saturated values, the nodes that add most error on the first row, and costs; without bits of
    security. `graph`: the float model whose values have the names of the lowered ones."""
    names = reference.graph.outputs
    found: dict[str, list[np.ndarray]] = {name: [] for name in names}
    saturated: dict[str, int] = {}
    noisiest: tuple[Noise, ...] = ()
    rows = [*reference.rows, *reference.held]
    for row in progress.each("measuring samples", rows):
        given, counts = integers_of(scales, row)
        builder = executed(lowered.program, lowered.weights, given, alone=True)
        computed = outputs_of(builder)
        for name in names:
            found[name].append(computed[name] if name in computed else scores_of(builder, lowered.values[name]))
        for name, count in (*counts.items(), *builder.saturated.items()):
            saturated[name] = saturated.get(name, 0) + count
        if row is rows[0]:
            noisiest = noise(lowered, builder, graph, row)
    count = len(reference.rows)
    expected = {name: [outputs[name] for outputs in reference.outputs] for name in names}
    return replace(
        cost_of(lowered),
        samples=count,
        fidelity=tuple(compare(name, expected[name][:count], found[name][:count]) for name in names),
        held_samples=len(reference.held),
        held=tuple(compare(name, expected[name][count:], found[name][count:]) for name in names) if reference.held else (),
        noisiest=noisiest,
        saturated=tuple(saturated.items()),
    )


def cost_of(lowered: Lowered) -> Report:
    """A report of what a proof costs, and of nothing else. Steps count for the value that they are named after ('value',
    'value/argument', ..)."""
    cost = Cost(lowered.program.batch)
    run(lowered.program, cost)
    values = {name for node in lowered.graph.nodes for name in node.outputs if name}
    nodes: dict[str, tuple[int, int]] = {}
    for step, spent in cost.steps.items():
        name = step
        while name and name not in values:
            name = name.rpartition("/")[0]
        cells, lookups = nodes.get(name or step, (0, 0))
        nodes[name or step] = cells + spent.cells, lookups + spent.lookups
    return Report(
        parameters=sum(array.size for array in lowered.weights.values()),
        nodes=tuple((name, *spent) for name, spent in nodes.items()),
        cells=cost.cells,
        lookups=cost.lookups,
        table_rows=cost.table_rows,
    )


def integers_of(scales: Scales, row: Row) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """A row as the integers that are proved, and how many values of each input saturate."""
    given, counts = {}, {}
    for name, scale in scales.inputs.items():
        given[name] = inputs.integers(row[name], scale.exponent, scale.low, scale.high)
        count = inputs.saturated(row[name], scale.exponent, scale.low, scale.high)
        if count:
            counts[name] = count
    return given, counts


def outputs_of(builder: Evaluate) -> dict[str, np.ndarray]:
    """The outputs in the dtypes that the model declares."""
    exponents = {public.name: (public.exponent, dtype_of(public.dtype)) for public in builder.publics if public.is_output}
    values = {}
    for name, integers in builder.outputs().items():
        exponent, dtype = exponents[name]
        exact = np.ldexp(integers.astype(np.float64), -exponent) if kind_of(dtype) == "f" else integers
        values[name] = exact.astype(dtype)
    return values


def scores_of(builder: Evaluate, scores: Tensor) -> np.ndarray:
    """An output that a choice is made from, which is not shown, as floats."""
    return np.ldexp(builder.value(scores).astype(np.float64), -scores.exponent).astype(np.float32)


def noise(lowered: Lowered, builder: Evaluate, graph: Graph, row: Row) -> tuple[Noise, ...]:
    """The nodes that add most error on a row, the worst first; `builder` holds the columns of that row."""
    names = [name for name in lowered.values if name in graph.producers]
    floats = Evaluator(graph, names).run(row) if names else {}
    errors: dict[str, float] = {}
    for name, tensor in lowered.values.items():
        if name in floats and kind_of(floats[name].dtype) == "f" and floats[name].size:
            exact, held = floats[name], np.ldexp(builder.value(tensor).astype(np.float64), -tensor.exponent)
            seen = ~is_hidden(graph, name, exact)
            errors[name] = relative_noise(exact[seen], held[seen]) if held.shape == exact.shape else 0.0
    found = []
    for node in lowered.graph.nodes:
        before = max((error_before(graph, errors, name) for name in node.inputs), default=0.0)
        worst = max((errors[name] for name in node.outputs if name in errors), default=0.0)
        if worst > before:
            found.append(Noise(node.name or node.outputs[0], worst, before))
    return tuple(sorted(found, key=lambda n: (-n.added, n.node))[:NOISIEST])


def error_before(graph: Graph, errors: Mapping[str, float], name: str) -> float:
    """The error of a value; of one that is no tensor, as inside a fused function, the largest of what it is computed of."""
    pending, seen, found = [name], {name}, 0.0
    while pending:
        name = pending.pop()
        if name in errors:
            found = max(found, errors[name])
        elif name in graph.producers:
            further = set(graph.producers[name].inputs) - seen
            seen |= further
            pending.extend(further)
    return found


def is_hidden(graph: Graph, name: str, exact: np.ndarray) -> np.ndarray:
    """Which scores a mask hides from a softmax: how far below the others they are means nothing."""
    readers = graph.consumers.get(name, ())
    masked = bool(readers) and all(reader.kind == "Softmax" for reader in readers)
    return exact <= -LARGEST / 2 if masked else np.zeros(exact.shape, dtype=bool)


def relative_noise(exact: np.ndarray, found: np.ndarray) -> float:
    """Root mean square of the error, relative to that of the values; of zeros the error itself."""
    wanted = exact.astype(np.float64)
    finite = np.isfinite(wanted)
    if not finite.any() or wanted.shape != found.shape:
        return 0.0
    error = float(np.sqrt(np.mean(np.square(wanted - found)[finite])))
    size = float(np.sqrt(np.mean(np.square(wanted[finite]))))
    return error / size if size else error


LARGEST_ERROR = 2.0**-8
"""Of a float output, relative to the largest, of an estimator without labels."""
LARGEST_SCORE_ERROR = 2.0**-7
"""Of scores or probabilities beside a label, and of the outputs of other models."""
MOST_BETWEEN = 32
CHOOSING = {"com.microsoft.CDist", "TopK"}
"""Nearest neighbours: a small error of a distance is another neighbour, on few rows, but with all its weight."""


def is_faithful(
    report: Report, lowered: Lowered, scales: Scales, against: Reference, graph: Graph, limit: float = LARGEST_ERROR
) -> bool:
    """Whether labels are the float model's and numbers are within `limit`, on the samples and between them, for samples that models
    were fitted on say little of others; and whether argmaxes are on the samples. Never of nearest neighbours."""
    kinds = {node.kind for node in against.graph.nodes}
    if not is_close(report, graph, limit) or kinds >= CHOOSING or any(f.argmax_agreement < 1 for f in report.fidelity):
        return False
    rows = list(against.rows)[: MOST_BETWEEN + 1]
    return is_close(measure(lowered, scales, Reference(against.graph, between(rows)), graph), graph, limit)


def is_close(report: Report, graph: Graph, limit: float) -> bool:
    """Labels equal, numbers within LARGEST_SCORE_ERROR of the largest; without labels within `limit`."""
    labels = [f for f in report.fidelity if not graph.values[f.name].is_float]
    limit = LARGEST_SCORE_ERROR if labels else limit
    return all(f.max_abs_error <= (0 if f in labels else limit * f.largest) for f in report.fidelity)


def between(rows: Sequence[Mapping[str, np.ndarray]]) -> list[dict[str, np.ndarray]]:
    """The means of floats of each two rows that follow one another; whole numbers are those of the first."""
    pairs = list(zip(rows, rows[1:])) or [(row, row) for row in rows]
    return [{n: (a[n] + b[n]) / 2 if a[n].dtype.kind == "f" else a[n] for n in a} for a, b in pairs]
