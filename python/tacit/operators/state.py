"""Keys and values that later chunks of a sequence read again: the same integers, whichever circuit computed them.

The tensors `cache` (an output) and `cache_0`, `cache_1`, .. (inputs, one an earlier chunk) hold the integers of all layers,
[layers, 2, heads, tokens, size]. Their exponents are not the tensor's, which is 0: every layer's keys and values have one of their
own, a constant of all circuits of the sequence, as is the interval that they are held in.
"""

from __future__ import annotations

from math import prod

from tacit.errors import ModelError
from tacit.graph import Node, State
from tacit.numbers.drawing import CACHE, FIRST, GENERATED, LENGTH, NEXT, PROMPT
from tacit.operators.context import Context
from tacit.operators.mixtures import MEAN
from tacit.primitives import gadgets, movement
from tacit.primitives.tensor import Tensor

Form = tuple[int, int, int]
"""Exponent, least and greatest integer."""


def read(context: Context, state: State) -> None:
    """The inputs that hold the kept values of earlier chunks, in the forms of `context.scales.kept`; each is held in its interval
    by the circuit where the verifier does not see it, or checks a wider one. What is read in parts is a copy: whoever verifies pays
    for all cells of a public column with every view of it, and every layer has two."""
    forms = context.scales.kept
    if state.past and len(forms) != len(state.kept):
        raise ModelError("A chunk that continues a sequence has the scales of its first one: compile it like that.")
    for j, names in enumerate(state.past):
        low, high = min(form[1] for form in forms), max(form[2] for form in forms)
        shape = (len(names) // 2, 2, *context.shape(names[0]))
        name = f"{CACHE}_{j}"
        whole = context.builder.input(name, shape, low, high, 0, dtype_of(low, high))
        whole = context.builder.copy(whole, f"{name}/read")
        alike = all(form[1:] == (low, high) for form in forms)
        if alike and context.hideable:
            whole = gadgets.range_check(context.builder, f"{name}/range", whole, low, high)
        for i, (own, form) in enumerate(zip(names, forms)):
            part = whole
            for place in (i // 2, i % 2):
                part = movement.squeeze(context.builder, movement.slice_(context.builder, part, 0, place, place + 1), [0])
            if not alike:
                part = gadgets.range_check(context.builder, f"{name}/{i}/range", part.bounded(*form[1:]), *form[1:])
            context.put(own, part.with_exponent(form[0]))


def begin(context: Context) -> None:
    """Demands that `first` is the token at a chunk's first place, so that it can be held against what the chunk before chose."""
    builder, prompt = context.builder, context.tensor(PROMPT)
    token = movement.slice_(builder, movement.reshape(builder, prompt, (prompt.size,)), 0, 0, 1)
    builder.contract(FIRST, movement.plus(builder, token, -context.tensor(FIRST)))


def settle(context: Context, state: State, node: Node) -> None:
    """Rounds what is kept of a node's results, once for all who read it; and gives a sum over all keys the interval that it has
    over those of the longest sequence, on which its own rounding may depend. A mean does not grow with its keys."""
    for name in node.outputs:
        if name in state.kept:
            tensor = context.factor(name)
            context.put(name, tensor)
            form, place = form_of(tensor), state.kept.index(name)
            if context.scales.kept and context.scales.kept[place] != form:
                raise ModelError(
                    f"Node {node}: what is kept of it has the form {form}, and {context.scales.kept[place]} in the circuit that "
                    "this one is like; compile both from the same model."
                )
        if name in state.mixed and node.operator != MEAN:
            tensor, keys = context.tensor(name), keys_of(context, state)
            context.put(name, tensor.bounded(tensor.low * state.places // keys, tensor.high * state.places // keys))


def keys_of(context: Context, state: State) -> int:
    """How many keys a query of this circuit meets."""
    return sum(context.shape(names[0])[-2] for names in (state.kept, *state.past))


def form_of(tensor: Tensor) -> Form:
    return tensor.exponent, tensor.low, tensor.high


def forms(context: Context, state: State) -> tuple[Form, ...]:
    """Of everything that is kept."""
    return tuple(form_of(context.tensor(name)) for name in state.kept)


def show(context: Context, state: State) -> None:
    """The token that was chosen behind the last place, and everything that is kept: outputs whose integers their relations fix."""
    show_next(context, context.shape(state.kept[0])[-2])
    builder, found = context.builder, None
    tensors = [context.tensor(name).with_exponent(0) for name in state.kept]
    shape = (len(tensors) // 2, 2, *tensors[0].shape)
    for i, tensor in enumerate(tensors):
        part = movement.unsqueeze(builder, tensor, [0, 1])
        for axis, (place, length) in enumerate(zip((i // 2, i % 2), shape)):
            part = movement.pad(builder, part, [(0, 0)] * axis + [(place, length - 1 - place)])
        found = part if found is None else movement.plus(builder, found, part)
    assert found is not None and found.size == prod(shape)
    low, high = min(tensor.low for tensor in tensors), max(tensor.high for tensor in tensors)
    builder.output(CACHE, found.bounded(low, high), dtype_of(low, high), shape)


def show_next(context: Context, places: int) -> None:
    """The output `next`: the generated token behind the last of so many places. Where fewer are generated it is the last of them,
    and means nothing."""
    builder, length = context.builder, context.tensor(LENGTH)
    generated = movement.reshape(builder, context.tensor(GENERATED), (context.tensor(GENERATED).size,))
    builder.output(NEXT, gadgets.select(builder, NEXT, generated, places - length), "int64", (1,))


def dtype_of(low: int, high: int) -> str:
    return "int16" if low >= -(1 << 15) and high < 1 << 15 else "int32"
