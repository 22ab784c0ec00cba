"""Operators on sequences and optionals, applied to symbolic tensors: what they hold is known, so nothing is left of them
but the operators on tensors that they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tacit.errors import ModelError
from tacit.frontends.onnx_control import Rule, described, pick, require, require_tensor, stacked
from tacit.frontends.onnx_values import Item, Items, Maybe, Site, Tensor

if TYPE_CHECKING:
    from tacit.frontends.onnx_unroll import Unroller


def construct(unroller: Unroller, site: Site) -> Sequence[Item]:
    return [Items(tuple(require(site, item) for item in site.inputs))]


def empty(unroller: Unroller, site: Site) -> Sequence[Item]:
    return [Items(())]


def place(site: Site, position: int, count: int) -> int | None:
    """A constant position among `count`, counted from the front; None when it is absent."""
    found = site.integer(position, "position")
    if found is not None and not -count <= found < count:
        raise ModelError(f"Node {site} wants position {found} of a sequence with room for {count}.")
    return found if found is None else found % count


def insert(unroller: Unroller, site: Site) -> Sequence[Item]:
    items, item = site.sequence(0).items, require(site, site.item(1))
    found = site.integer(2, "position")
    if found is not None and not -len(items) <= found <= len(items):
        raise ModelError(f"Node {site} inserts at position {found} of a sequence of {len(items)}.")
    at = len(items) if found is None else found if found >= 0 else found + len(items)
    return [Items((*items[:at], item, *items[at:]))]


def erase(unroller: Unroller, site: Site) -> Sequence[Item]:
    items = site.sequence(0).items
    at = place(site, 1, len(items)) if site.item(1) is not None else len(items) - 1
    if at is None or at < 0:
        raise ModelError(f"Node {site} erases an element of an empty sequence.")
    return [Items((*items[:at], *items[at + 1 :]))]


def at(unroller: Unroller, site: Site) -> Sequence[Item]:
    items = site.sequence(0).items
    found = place(site, 1, len(items))
    if found is None:
        raise ModelError(f"Node {site} names no position.")
    return [items[found]]


def length(unroller: Unroller, site: Site) -> Sequence[Item]:
    return [unroller.constant(np.array(len(site.sequence(0).items), dtype=np.int64), f"{site.home}/length")]


def split(unroller: Unroller, site: Site) -> Sequence[Item]:
    """SplitToSequence: parts of one length (the last may be shorter), of given lengths, or of length 1 without the axis."""
    tensor, axis = site.tensor(0), site.number("axis", 0)
    if tensor.shape is None or not -len(tensor.shape) <= axis < len(tensor.shape):
        raise site.refusal(f"it takes apart {described(tensor)} along axis {axis}; the length of that axis must be fixed")
    total = tensor.shape[axis]
    if site.item(1) is None:
        if not site.number("keepdims", 1):
            return [Items(tuple(pick(unroller, site, tensor, axis, i) for i in range(total)))]
        lengths = [1] * total
    else:
        given = site.tensor(1).array
        if given is None:
            raise site.refusal("the lengths of its parts are computed from the input; make them constant")
        each = int(given) if given.ndim == 0 else 0
        lengths = [int(i) for i in given] if given.ndim else [min(each, total - i) for i in range(0, total, max(each, 1))]
    if sum(lengths) != total or min(lengths, default=0) < 0:
        raise ModelError(f"Node {site} splits an axis of {total} into parts of {lengths}.")
    return [Items(tuple(part(unroller, site, tensor, axis, *ends) for ends in zip(np.cumsum([0, *lengths]), np.cumsum(lengths))))]


def part(unroller: Unroller, site: Site, tensor: Tensor, axis: int, start: int, end: int) -> Tensor:
    bounds = [unroller.constant(np.array([i], dtype=np.int64), f"{site.home}/bound") for i in (start, end, axis)]
    return unroller.op(site, "Slice", tensor, *bounds)


def concatenate(unroller: Unroller, site: Site) -> Sequence[Item]:
    tensors = [require_tensor(site, item) for item in site.sequence(0).items]
    if not tensors:
        raise site.refusal("it joins an empty sequence")
    axis = site.number("axis", 0)
    if site.number("new_axis", 0):
        return [stacked(unroller, site, tensors, axis)]
    return [tensors[0] if len(tensors) == 1 else unroller.op(site, "Concat", *tensors, axis=axis)]


def mapped(unroller: Unroller, site: Site) -> Sequence[Item]:
    """SequenceMap: the body for every element; inputs that are no sequences go to each of them."""
    count = len(site.sequence(0).items)
    turns = []
    for position in range(count):
        given: list[Item] = []
        for item in site.inputs:
            if isinstance(item, Items) and len(item.items) != count:
                raise ModelError(f"Node {site} maps sequences of different lengths.")
            given.append(item.items[position] if isinstance(item, Items) else require(site, item))
        turns.append(unroller.apply(site, "body", given, str(position)))
    return [Items(tuple(turn[i] for turn in turns)) for i in range(len(unroller.body(site, "body").outputs))]


def optional(unroller: Unroller, site: Site) -> Sequence[Item]:
    return [Maybe(site.item(0))]


def get_element(unroller: Unroller, site: Site) -> Sequence[Item]:
    item = require(site, site.item(0))
    if not isinstance(item, Maybe):
        return [item]
    if item.item is None:
        raise ModelError(f"Node {site} takes the value of an empty optional.")
    return [item.item]


def has_element(unroller: Unroller, site: Site) -> Sequence[Item]:
    item = site.item(0)
    held = item is not None and not (isinstance(item, Maybe) and item.item is None)
    return [unroller.constant(np.array(held), f"{site.home}/held")]


COLLECTING: dict[str, Rule] = {
    "SequenceConstruct": construct,
    "SequenceEmpty": empty,
    "SequenceInsert": insert,
    "SequenceErase": erase,
    "SequenceAt": at,
    "SequenceLength": length,
    "SplitToSequence": split,
    "ConcatFromSequence": concatenate,
    "SequenceMap": mapped,
    "Optional": optional,
    "OptionalGetElement": get_element,
    "OptionalHasElement": has_element,
}
