"""What the receipts of a conversation say together: one sequence of tokens, read chunk by chunk, of which the model chose the end.
Imports neither the compiler nor ONNX."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tacit.errors import InputError, InvalidReceipt, ModelError
from tacit.generated import Generated
from tacit.key import Key
from tacit.links import find, require_alike
from tacit.numbers.drawing import CACHE, FIRST, GENERATED, LENGTH, NEXT, PROMPT, UNIFORM, uniforms
from tacit.receipt import Commitment, Receipt
from tacit.verify import held, verify

AXIS = 3
"""Of the places in a cache, [layers, 2, heads, places, size]."""


@dataclass(frozen=True)
class Form:
    """What a chunk's key fixes: how many places it reads, how many tokens it chooses, and, for each earlier chunk that it goes on
    from, how many that had; whether tokens are drawn."""

    places: int
    rows: int
    earlier: tuple[int, ...]
    drawn: bool


Token = int | Commitment | None
"""What a receipt says of one token: its number, a commitment to it, or nothing."""


@dataclass(frozen=True)
class Part:
    """What one chunk's receipt says: how many of its places hold given tokens, these tokens, and those that the model chose behind
    the last of them and behind every place from there on; None where they are hidden. `first`: the token at its first place;
    `last`: the one that was chosen behind the last place, which no place of this chunk holds."""

    places: int
    length: int
    given: list[int] | None
    chosen: list[int] | None
    first: Token
    last: Token

    def is_known_to(self, other: Part) -> bool:
        """Whether both tell the token that the other chunk would go on with, in one way."""
        return self.last is not None and type(self.last) is type(other.first)

    def goes_on_in(self, other: Part) -> bool:
        """Whether the other chunk reads what this one chose last, and nothing else that it did not choose itself."""
        return other.length == 1 and self.is_known_to(other) and self.last == other.first


def form_of(key: Key) -> Form | None:
    """None for keys of other models than chunks of a conversation."""
    inputs, outputs = ({s.name: s.shape for s in signatures} for signatures in (key.inputs, key.outputs))
    count = sum(name.startswith(f"{CACHE}_") for name in inputs)
    caches = [f"{CACHE}_{i}" for i in range(count)]
    drawn = UNIFORM in inputs
    expected = {PROMPT, LENGTH, *caches, *([UNIFORM] if drawn else []), *([FIRST] if caches else [])}
    if set(inputs) != expected or set(outputs) != {GENERATED, NEXT, CACHE}:
        return None
    if any((s.shape, s.dtype, s.exponent) != ((1,), "int64", 0) for s in key.signatures if s.name in (FIRST, NEXT)):
        return None
    if any(len(shape) != 2 for shape in (inputs[PROMPT], outputs[GENERATED])):
        return None
    if any(len(shape) != AXIS + 2 for shape in (outputs[CACHE], *(inputs[name] for name in caches))):
        return None
    return Form(outputs[CACHE][AXIS], outputs[GENERATED][1], tuple(inputs[name][AXIS] for name in caches), drawn)


def is_conversation(keys: Sequence[Key]) -> bool:
    """Whether these are keys of a conversation's chunks, rather than of other models that make a chain."""
    return bool(keys) and all(form_of(key) is not None for key in keys)


def verify_conversation(
    receipts: Sequence[Receipt | bytes | str | os.PathLike[str]],
    keys: Sequence[Key | bytes | str | os.PathLike[str]],
    *,
    seed: bytes | None = None,
    contexts: Sequence[bytes | str] | bytes | str = b"",
) -> Generated:
    """What one committed model wrote behind a prompt, in as many chunks as there are receipts. `keys`: of the chunks, in order;
    there may be more than receipts, for a conversation can go on. `contexts`: one for all, or one a receipt. The prompt is None
    where a receipt hides a part of it, and so are the tokens. A token that the model chose itself counts as
    chosen, though it may have been given.

    Raises InvalidReceipt unless all receipts are valid, each reads the keys and values that every earlier one computed, in their
    order (both show the same integers, or both have one commitment), and the tokens that the model chose go on from one to the
    next, known to do so: both receipts show the token, or have one commitment to it. So a receipt that was exchanged, moved, left
    out, doubled or taken from another conversation is refused. Raises ModelError for keys that are not those of
    a conversation's chunks in order, InputError for too few keys, for contexts of another number, and as `verify_generation` does.
    """
    read = [held(receipt, Receipt) for receipt in receipts]
    if not read:
        raise InputError("A conversation has at least one receipt.")
    if len(keys) < len(read):
        raise InputError(f"There are {len(read)} receipts and {len(keys)} keys: give the key of every chunk, in order.")
    opened = [held(key, Key) for key in keys][: len(read)]
    forms = _forms(opened)
    if forms[0].drawn != (seed is not None):
        wanted = "draws its tokens: give the seed" if forms[0].drawn else "takes the likeliest tokens: leave the seed out"
        raise InputError(f"This model {wanted}.")
    bound = [contexts] * len(read) if isinstance(contexts, (bytes, str)) else list(contexts)
    if len(bound) != len(read):
        raise InputError(f"There are {len(read)} receipts and {len(bound)} contexts: give one of each, or one for all.")
    for k, (receipt, key, context) in enumerate(zip(read, opened, bound)):
        try:
            verify(receipt, key, context)
        except InvalidReceipt as error:
            raise InvalidReceipt(f"Receipt {k + 1} of {len(read)}: {error}") from None
        for i in range(k):
            _require_linked((k, receipt, key), (i, read[i], opened[i]))
    shown = [_shown(key, receipt) for key, receipt in zip(opened, read)]
    parts = [_part(k, form, receipt, tensors) for k, (form, receipt, tensors) in enumerate(zip(forms, read, shown))]
    first = _beginning(parts)
    if seed is not None:
        for k, (form, tensors, part) in enumerate(zip(forms, shown, parts)):
            if k >= first:
                _require_drawn(k, tensors[UNIFORM], seed, sum(form.earlier) + part.length - 1)
    prompt, tokens = [part.given for part in parts[: first + 1]], [part.chosen for part in parts[first:]]
    return Generated(_joined(prompt), _joined(tokens))


def verify_drawn(
    receipt: Receipt | bytes | str | os.PathLike[str],
    key: Key | bytes | str | os.PathLike[str],
    *,
    seed: bytes,
    context: bytes | str = b"",
) -> None:
    """That one chunk's tokens were drawn with the seed, the one behind place t of the whole sequence with its number t; of which
    earlier keys and values, only `verify_conversation` says. Raises as that does."""
    key, receipt = held(key, Key), held(receipt, Receipt)
    form = form_of(key)
    if form is None or not form.drawn:
        raise InputError("This key is not that of a conversation's chunk that draws its tokens: leave the seed out.")
    verify(receipt, key, context)
    tensors = _shown(key, receipt)
    part = _part(0, form, receipt, tensors)
    _require_drawn(0, tensors[UNIFORM], seed, sum(form.earlier) + part.length - 1)


def _forms(keys: Sequence[Key]) -> list[Form]:
    """Raises ModelError unless the keys are those of chunks in order, of one model."""
    found: list[Form] = []
    for k, key in enumerate(keys):
        form = form_of(key)
        if form is None:
            raise ModelError(f"Key {k + 1} is not that of a conversation's chunk: use tacit.verify_chain.")
        places = tuple(other.places for other in found)
        if form.earlier != places:
            raise ModelError(
                f"Key {k + 1} is that of a chunk behind {len(form.earlier)} others, of {_listed(form.earlier)} places, and stands "
                f"behind {k}, of {_listed(places)}: give the keys in the order of the chunks."
            )
        if not key.same_weights(keys[0]) or form.drawn != (found or [form])[0].drawn:
            raise ModelError(f"Key {k + 1} is of another model than the first one.")
        found.append(form)
    return found


def _listed(places: tuple[int, ...]) -> str:
    return ", ".join(map(str, places)) or "no"


def _require_linked(reader: tuple[int, Receipt, Key], source: tuple[int, Receipt, Key]) -> None:
    """Raises InvalidReceipt unless a chunk read what an earlier one computed: both valid receipts show the same integers, or both
    have one commitment."""
    (k, receipt, key), (i, made, of) = reader, source
    name = f"{CACHE}_{i}"
    place, signature = find(key.inputs, name)
    output_place, output = find(of.outputs, CACHE)
    require_alike(signature, output.dtype, output.exponent, output.shape)
    mine, theirs = receipt.inputs[place], made.outputs[output_place]
    if mine is not None and theirs is not None:
        same = np.array_equal(mine, theirs)
    else:
        commitment = receipt.commitments.get(name)
        if commitment is None or CACHE not in made.commitments:
            raise InvalidReceipt(
                f"Receipt {k + 1} hides {name!r}, or receipt {i + 1} {CACHE!r}, without a commitment of its own: nothing says that "
                "the two are one."
            )
        same = commitment == made.commitments[CACHE]
    if not same:
        raise InvalidReceipt(f"Receipt {k + 1} did not read what receipt {i + 1} computed: {name!r} is another tensor.")


def _shown(key: Key, receipt: Receipt) -> dict[str, np.ndarray | None]:
    names = [s.name for s in (*key.inputs, *key.outputs)]
    return dict(zip(names, (*receipt.inputs, *receipt.outputs), strict=True))


def _part(place: int, form: Form, receipt: Receipt, shown: dict[str, np.ndarray | None]) -> Part:
    """Raises InvalidReceipt where a receipt hides how many of its tokens were given."""
    length = shown[LENGTH]
    if length is None:
        raise InvalidReceipt(
            f"Receipt {place + 1} hides {LENGTH!r}, without which nobody knows where its text begins: hide {PROMPT!r} alone."
        )
    count = int(length[0])
    given, chosen, named = shown[PROMPT], shown[GENERATED], receipt.commitments
    first, last = shown.get(FIRST), shown[NEXT]
    complete = form.rows > form.places - count  # else nothing was chosen behind the last place
    return Part(
        form.places,
        count,
        None if given is None else [int(token) for token in given[0, :count]],
        None if chosen is None else [int(token) for token in chosen[0, : form.places - count + 1]],
        named.get(FIRST) if first is None else int(first[0]),
        None if not complete else named.get(NEXT) if last is None else int(last[0]),
    )


def _beginning(parts: list[Part]) -> int:
    """The chunk that the model's text begins in, or behind; all before it are full of the prompt. Raises InvalidReceipt where the
    text does not go on, or is not known to."""
    first = len(parts) - 1
    while first and parts[first - 1].goes_on_in(parts[first]):
        first -= 1
    for k, part in enumerate(parts[:first]):
        if part.length == part.places:
            continue
        if not part.is_known_to(parts[k + 1]):
            raise InvalidReceipt(
                f"Receipt {k + 2} is not known to go on where receipt {k + 1} ends: give {FIRST!r} there the commitment of "
                f"{NEXT!r} here, or show both."
            )
        raise InvalidReceipt(f"Receipt {k + 2} does not go on with the token that receipt {k + 1} chose last.")
    return first


def _joined(parts: Sequence[list[int] | None]) -> list[int] | None:
    found: list[int] = []
    for part in parts:
        if part is None:
            return None
        found += part
    return found


def _require_drawn(place: int, found: np.ndarray | None, seed: bytes, first: int) -> None:
    """The token behind place t of the whole sequence is drawn with the seed's number t."""
    if found is None:
        raise InputError(f"Receipt {place + 1} hides the uniform numbers: nobody can hold them against a seed.")
    if not np.array_equal(found[0], uniforms(seed, first + found.shape[1])[first:]):
        raise InvalidReceipt(f"The tokens of receipt {place + 1} were drawn with other numbers than those of this seed.")
