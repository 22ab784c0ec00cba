"""If, Loop and Scan, applied to symbolic tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper

from tacit.errors import ModelError
from tacit.frontends.onnx_values import Item, Items, Maybe, Site, Tensor

if TYPE_CHECKING:
    from tacit.frontends.onnx_unroll import Unroller

Rule = Callable[["Unroller", Site], Sequence[Item]]
OLDEST_WHERE = 9
"""Where came with opset 9."""
MOST_TURNS = 1 << 12
"""A larger trip count stands for "until the condition says so"."""
FIRST_WITHOUT_BATCH = 9
"""Scan had a batch axis of its own before this opset."""


def branch(unroller: Unroller, site: Site) -> Sequence[Item]:
    """If: the branch that a constant condition takes; else both, and every output selected."""
    condition = site.tensor(0)
    if condition.array is not None:
        taken = "then_branch" if truth(site, condition.array) else "else_branch"
        return unroller.apply(site, taken, [])
    left, right = (unroller.apply(site, name, []) for name in ("then_branch", "else_branch"))
    if len(left) != len(right):
        raise ModelError(f"Node {site} has branches with {len(left)} and {len(right)} outputs.")
    return [select(unroller, site, condition, a, b) for a, b in zip(left, right)]


def select(unroller: Unroller, site: Site, condition: Tensor, a: Item, b: Item) -> Item:
    """a where the condition, which the input decides, holds, else b: tensors of one shape, sequences of one length."""
    if isinstance(a, Maybe) and isinstance(b, Maybe) and (a.item is None) == (b.item is None):
        if a.item is None or b.item is None:
            return a
        return Maybe(select(unroller, site, condition, a.item, b.item))
    if isinstance(a, Items) and isinstance(b, Items) and len(a.items) == len(b.items):
        return Items(tuple(select(unroller, site, condition, *pair) for pair in zip(a.items, b.items)))
    if not isinstance(a, Tensor) or not isinstance(b, Tensor):
        raise site.refusal(
            "the input decides between sequences of different lengths, or whether an optional holds a value; make both sides alike"
        )
    if a.name == b.name:
        return a
    if a.shape is None or a.shape != b.shape or a.element != b.element:
        raise site.refusal(
            f"the input decides between {described(a)} and {described(b)}; both sides need one fixed shape and one type"
        )
    if unroller.opsets.get("", 1) < OLDEST_WHERE:
        raise site.refusal(f"the input decides its condition; export the model with opset {OLDEST_WHERE} or later")
    condition = unroller.reshape(site, condition, ())
    if a.element != TensorProto.BOOL:
        return unroller.op(site, "Where", condition, a, b)
    both, other = unroller.op(site, "And", condition, a), unroller.op(site, "Not", condition)
    return unroller.op(site, "Or", both, unroller.op(site, "And", other, b))


def described(tensor: Tensor) -> str:
    dtype = helper.tensor_dtype_to_np_dtype(tensor.element).name if tensor.element else "a tensor of unknown type "
    return f"{dtype}{'of unknown shape' if tensor.shape is None else list(tensor.shape)}"


def truth(site: Site, array: np.ndarray) -> bool:
    if array.size != 1:
        raise ModelError(f"Node {site} has a condition of {array.size} elements instead of one.")
    return bool(array.reshape(-1)[0])


def loop(unroller: Unroller, site: Site) -> Sequence[Item]:
    """Loop: one application of the body a turn. While the input has no say, the loop ends where its count or condition
    says; from the turn on where it has, a flag tells whether the loop still runs, and the state is selected by it."""
    count, running = site.optional(0), site.optional(1)
    state = [require(site, item) for item in site.inputs[2:]]
    limit = None if count is None or count.array is None else site.integer(0, "trip count")
    collected: list[list[Tensor]] = [[] for _ in range(len(unroller.body(site, "body").outputs) - 1 - len(state))]
    turn = 0
    while limit is None or turn < limit:
        if running is not None and running.array is not None:
            if not truth(site, running.array):
                break
            running = None
        going = running
        if count is not None and limit is None:
            going = both(unroller, site, running, still_counting(unroller, site, turn, count))
        if going is not None and turn == unroller.trips:
            break
        if going is not None and unroller.trips is None and (limit is None or limit > MOST_TURNS):
            raise site.refusal("the input decides how often it turns, without a bound; compile with trips=, the most turns")
        if going is not None and collected:
            raise site.refusal(
                "it collects a value each turn, and the input decides how often it turns; give it a fixed trip count"
            )
        number = unroller.constant(np.array(turn, dtype=np.int64), f"{site.home}/turn")
        true = unroller.constant(np.array(True), f"{site.home}/true")
        after, *results = unroller.apply(site, "body", [number, true, *state], str(turn))
        if not isinstance(after, Tensor):
            raise ModelError(f"Node {site}: its condition is no tensor.")
        fresh = results[: len(state)]
        state = fresh if going is None else [select(unroller, site, going, a, b) for a, b in zip(fresh, state)]
        for values, result in zip(collected, results[len(state) :]):
            values.append(require_tensor(site, result))
        running = both(unroller, site, running, after)
        turn += 1
    outputs = unroller.body(site, "body").outputs[1 + len(state) :]
    return [*state, *(stacked(unroller, site, values, 0, value) for values, value in zip(collected, outputs))]


def still_counting(unroller: Unroller, site: Site, turn: int, count: Tensor) -> Tensor:
    number = unroller.constant(np.array(turn, dtype=np.int64), f"{site.home}/turn")
    return unroller.op(site, "Less", number, unroller.reshape(site, count, ()))


def both(unroller: Unroller, site: Site, a: Tensor | None, b: Tensor) -> Tensor:
    """Whether two flags hold; None is true."""
    b = unroller.reshape(site, b, ())
    if a is None or (a.array is not None and a.array.all()):
        return b
    if b.array is not None:
        return unroller.reshape(site, a, ()) if b.array.all() else b
    return unroller.op(site, "And", unroller.reshape(site, a, ()), b)


def require(site: Site, item: Item | None) -> Item:
    if item is None:
        raise ModelError(f"Node {site} lacks an initial value of its state; export the model again.")
    return item


def require_tensor(site: Site, item: Item | None) -> Tensor:
    if not isinstance(item, Tensor):
        raise ModelError(f"Node {site}: a value that it collects is no tensor; export the model again.")
    return item


def stacked(
    unroller: Unroller, site: Site, values: Sequence[Tensor], axis: int, declared: onnx.ValueInfoProto | None = None
) -> Tensor:
    """Tensors of one shape along a new axis. None of them: an empty tensor of the shape that the body declares."""
    if not values:
        return nothing(unroller, site, axis, declared)
    parts = []
    for value in values:
        if value.shape is None or value.shape != values[0].shape:
            raise site.refusal(f"it collects tensors of different shapes ({described(values[0])}, {described(value)})")
        place = axis % (len(value.shape) + 1)
        parts.append(unroller.reshape(site, value, (*value.shape[:place], 1, *value.shape[place:])))
    return parts[0] if len(parts) == 1 else unroller.op(site, "Concat", *parts, axis=axis)


def nothing(unroller: Unroller, site: Site, axis: int, declared: onnx.ValueInfoProto | None) -> Tensor:
    tensor = onnx.TypeProto().tensor_type if declared is None else declared.type.tensor_type
    dims = [dim.dim_value for dim in tensor.shape.dim if dim.HasField("dim_value")]
    if not tensor.elem_type or not tensor.HasField("shape") or len(dims) < len(tensor.shape.dim):
        raise site.refusal("it makes no turn, so that the shape of what it collects is unknown; remove it")
    dims.insert(axis % (len(dims) + 1), 0)
    return unroller.constant(np.zeros(dims, helper.tensor_dtype_to_np_dtype(tensor.elem_type)), f"{site.home}/nothing")


def scan(unroller: Unroller, site: Site) -> Sequence[Item]:
    """Scan: the body for every place along the scanned axes."""
    if unroller.opsets.get("", 1) < FIRST_WITHOUT_BATCH:
        return batched_scan(unroller, site)
    width = site.number("num_scan_inputs", 0)
    states = len(site.inputs) - width
    if width < 1 or states < 0:
        raise ModelError(f"Node {site} scans {width} of its {len(site.inputs)} inputs.")
    scanned = [require_tensor(site, item) for item in site.inputs[states:]]
    state = [require(site, item) for item in site.inputs[:states]]
    axes = site.numbers("scan_input_axes", width)
    outputs = len(unroller.body(site, "body").outputs) - states
    return scan_over(
        unroller,
        site,
        state,
        [slices(unroller, site, *entry) for entry in zip(scanned, axes, site.numbers("scan_input_directions", width))],
        site.numbers("scan_output_axes", outputs),
        site.numbers("scan_output_directions", outputs),
        "",
    )


def scan_over(
    unroller: Unroller,
    site: Site,
    state: list[Item],
    parts: Sequence[Sequence[Tensor]],
    axes: Sequence[int],
    backwards: Sequence[int],
    turn: str,
) -> list[Item]:
    """The final state, then what the turns give, stacked along `axes`, last turn first where `backwards`."""
    if len({len(each) for each in parts}) > 1:
        raise ModelError(f"Node {site} scans axes of different lengths.")
    collected: list[list[Tensor]] = [[] for _ in axes]
    for position, current in enumerate(zip(*parts)):
        results = unroller.apply(site, "body", [*state, *current], f"{turn}{position}")
        for values, result in zip(collected, results[len(state) :]):
            values.append(require_tensor(site, result))
        state = results[: len(state)]
    declared = unroller.body(site, "body").outputs[len(state) :]
    ordered = [values[::-1] if reverse else values for values, reverse in zip(collected, backwards)]
    return [*state, *(stacked(unroller, site, *entry) for entry in zip(ordered, axes, declared))]


def slices(unroller: Unroller, site: Site, tensor: Tensor, axis: int, backwards: int) -> list[Tensor]:
    """The places of a tensor along an axis, which goes; the last one first where `backwards`."""
    if tensor.shape is None or not -len(tensor.shape) <= axis < len(tensor.shape):
        raise site.refusal(f"it takes apart {described(tensor)} along axis {axis}; the length of that axis must be fixed")
    places = range(tensor.shape[axis])
    return [pick(unroller, site, tensor, axis, place) for place in (reversed(places) if backwards else places)]


def pick(unroller: Unroller, site: Site, tensor: Tensor, axis: int, place: int) -> Tensor:
    index = unroller.constant(np.array(place, dtype=np.int64), f"{site.home}/place")
    return unroller.op(site, "Gather", tensor, index, axis=axis)


def batched_scan(unroller: Unroller, site: Site) -> Sequence[Item]:
    """Scan of opset 8: every tensor has a batch axis first, scanned ones the scanned axis after it."""
    if site.item(0) is not None:
        raise site.refusal("its sequences have lengths of their own; export the model with opset 9 or later")
    width = site.number("num_scan_inputs", 0)
    given = [require_tensor(site, item) for item in site.inputs[1:]]
    states = len(given) - width
    if width < 1 or states < 0:
        raise ModelError(f"Node {site} scans {width} of its {len(given)} inputs.")
    rows = [slices(unroller, site, tensor, 0, 0) for tensor in given]
    if len({len(row) for row in rows}) != 1:
        raise ModelError(f"Node {site} has inputs with different numbers of sequences.")
    directions = site.numbers("directions", width)
    outputs = len(unroller.body(site, "body").outputs) - states
    results = []
    for number, row in enumerate(zip(*rows)):
        parts = [slices(unroller, site, *entry) for entry in zip(row[states:], [0] * width, directions)]
        results.append(scan_over(unroller, site, list(row[:states]), parts, [0] * outputs, [0] * outputs, f"{number}_"))
    return [stacked(unroller, site, [require_tensor(site, item) for item in column], 0) for column in zip(*results)]


BRANCHING: dict[str, Rule] = {"If": branch, "Loop": loop, "Scan": scan}
