"""Models that write: chunks of a longer sequence, scaled by the whole of it; and what computes their tokens one by one."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tacit import progress
from tacit.errors import InputError, ModelError
from tacit.execute import executed
from tacit.fidelity import Reference, cost_of, scores_of
from tacit.following import Following
from tacit.frontends.generation import Chunk, Generation, Next
from tacit.frontends.models import load
from tacit.graph import Graph
from tacit.lower import Lowered, lower
from tacit.model import Model
from tacit.numbers.drawing import CACHE, GENERATED, UNIFORM
from tacit.observe import observe
from tacit.operators import EXPANSIONS, SUPPORTED
from tacit.passes import expand, join_softmax, simplify
from tacit.primitives.program import Program, chosen_of
from tacit.quantize import Scales, quantize
from tacit.report import Report, compare
from tacit.weights import by_constant

Row = Mapping[str, np.ndarray]


def prepared(task: Generation) -> Graph:
    """The simplified graph of a model that writes."""
    return simplify(expand(join_softmax(load(task, shapes={}, supported=SUPPORTED)), EXPANSIONS))


def following(task: Generation, circuit: Lowered, like: Model | None = None) -> Following | None:
    """Of the model whose circuit was lowered, or of one that it is like and that computes the same tokens; None where a sequence
    has one place. Raises ModelError where the two would not have the same weights."""
    if task.places < 2:
        return None
    assert circuit.graph.state is not None
    columns = [circuit.values[name].column for name in circuit.graph.state.kept]
    kept = tuple(column.name for column in columns if column is not None) if None not in columns else ()
    known = None if like is None else like.following
    alike = known is not None and known.shape[3] == task.places
    if like is not None and known is not None and alike and chosen_by(like.program) == chosen_by(circuit.program):
        return replace(known, kept=kept)
    graph = prepared(Next(task.model, 1, 1, task.sampling, task.tokenizer, behind=task.places - 1))
    step = lower(graph, quantize(graph, {}).as_in(circuit.scales), by_constant(circuit.program, circuit.weights))
    assert graph.state is not None
    named = dict(zip(step.weights, (given.name for given in step.program.steps if given.gadget == "weight"), strict=True))
    masks = {column: int(step.weights[column].min()) for column, name in named.items() if name == graph.state.mask}
    for column, array in step.weights.items():
        if column not in masks and not np.array_equal(array, circuit.weights.get(column, ())):
            raise ModelError(f"One token of this model has other weights than a sequence: {column!r} differs.")
    heads, _, size = graph.values[graph.state.kept[0]].shape
    return Following(
        step.program,
        tuple(column for column, name in named.items() if name in graph.blocks),
        masks,
        kept,
        (len(columns) // 2, 2, heads, task.places, size),
    )


def chosen_by(program: Program) -> tuple[str, dict[str, Any]]:
    """The gadget that chooses tokens, and its settings."""
    step = next(step for step in program.steps if step.name == chosen_of(GENERATED))
    return step.gadget, {key: value for key, value in step.arguments.items() if isinstance(value, int)}


def lowered_chunk(
    task: Chunk, rows: Sequence[Row], held: Sequence[Row], widths: str, like: Model | None, hideable: bool
) -> tuple[Lowered, Report]:
    """A chunk's circuit, and what the chunks of the whole sequence were measured at, on sequences as `task.whole` takes them; of a
    chunk that is compiled like another, its cost alone, for it computes what the whole does."""
    graph = prepared(task)
    own = quantize(graph, {})
    if like is not None:
        if not like.scales.kept:
            raise InputError("A chunk is compiled like another chunk of the same model.")
        lowered = lower(graph, own.as_in(like.scales), like.columns(), hideable)
        return lowered, cost_of(lowered)
    if task.earlier:
        raise InputError("Compile the first chunk of a sequence first, without earlier=, and the others like it.")
    whole = prepared(task.whole)
    scales = quantize(whole, observe(whole, progress.each("observing samples", rows)), widths)
    lowered = lower(graph, replace(scales, inputs=own.inputs), None, hideable)
    return lowered, measured(task, lowered, Reference(whole, rows, held))


def measured(task: Chunk, first: Lowered, reference: Reference) -> Report:
    """The integer scores of all chunks, one behind the other, against those of the model in floats at every place that a sample
    reaches."""
    rows = [*reference.rows, *reference.held]
    scores: list[list[np.ndarray]] = [[] for _ in rows]
    saturated: dict[str, int] = {}
    most = max(map(reached, rows))
    for i, own, counts in in_chunks(task, first, rows, most):
        scores[i].append(own)
        for step, count in counts.items():
            saturated[step] = saturated.get(step, 0) + count
    count, (output,) = len(reference.rows), reference.graph.outputs
    expected = [outputs[output][:most] for outputs in reference.outputs]
    found = [np.concatenate(parts)[:most] for parts in scores]
    return replace(
        cost_of(first),
        samples=count,
        fidelity=(compare(output, expected[:count], found[:count]),),
        held_samples=len(reference.held),
        held=(compare(output, expected[count:], found[count:]),) if reference.held else (),
        saturated=tuple(saturated.items()),
    )


def in_chunks(
    task: Chunk, first: Lowered, rows: Sequence[Row], most: int
) -> Iterator[tuple[int, np.ndarray, Mapping[str, int]]]:
    """Computes sequences, as `task.whole` takes them, chunk by chunk up to so many places at least: (which of the rows, the chunk's
    scores, what saturated)."""
    caches: list[list[np.ndarray]] = [[] for _ in rows]
    shared = by_constant(first.program, first.weights)
    for start in range(0, most, task.tokens):
        gc.collect()  # the chunk before: its floats and what was computed, in cycles of objects
        part = continued(task, start)
        lowered = first if part == task else like_first(part, first.scales, shared)
        for i, row in enumerate(progress.each(f"measuring places from {start}", rows)):
            given = chunk_row(part, row, start) | {f"{CACHE}_{j}": cache for j, cache in enumerate(caches[i])}
            own, cache, counts = computed(lowered, given)
            caches[i].append(cache)
            yield i, own, counts
        del lowered


def reached(row: Row) -> int:
    """How many places a sample of `task.whole` has, without the padding behind it; two at least."""
    return max(int(np.flatnonzero(row[GENERATED][0]).max(initial=0)) + 1, 2)


def computed(lowered: Lowered, given: Row) -> tuple[np.ndarray, np.ndarray, Mapping[str, int]]:
    """A chunk's scores, its keys and values, and what saturated."""
    assert lowered.graph.choice is not None
    builder = executed(lowered.program, lowered.weights, given)
    return scores_of(builder, lowered.values[lowered.graph.choice.scores]), builder.outputs()[CACHE], builder.saturated


def continued(task: Chunk, start: int) -> Chunk:
    """The chunk at a place, all before it as long as this one, that chooses behind each of its places; the last is shorter."""
    length = min(task.tokens, task.places - start)
    if length < 2 and start:
        raise InputError(f"longest={task.places} leaves a chunk of one place behind others of {task.tokens}; add or leave out one.")
    earlier = (task.tokens,) * (start // task.tokens)
    if not start and task.new_tokens == length:
        return task
    return replace(task, prompt_tokens=min(task.prompt_tokens, length), new_tokens=length, earlier=earlier)


def like_first(task: Chunk, scales: Scales, shared: Mapping[str, Sequence[tuple[int, np.ndarray]]]) -> Lowered:
    graph = prepared(task)
    return lower(graph, quantize(graph, {}).as_in(scales), shared)


def chunk_row(task: Chunk, row: Row, start: int) -> dict[str, np.ndarray]:
    """What a chunk reads of a sequence that `task.whole` takes."""
    sequence = np.concatenate([row["prompt"][0], row[GENERATED][0]])
    uniform = row[UNIFORM][0, start : start + task.tokens].tolist() if UNIFORM in row else []
    return task.row(sequence[start : start + 1].tolist(), sequence[start + 1 : start + 1 + task.tokens].tolist(), uniform)
