"""What a receipt of a model that writes says: prompt, tokens, and that they were drawn with the numbers of a seed. Imports neither
the compiler nor ONNX."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tacit.errors import InputError, InvalidReceipt, ModelError
from tacit.key import Key
from tacit.links import find, require_alike
from tacit.numbers.drawing import CACHE, GENERATED, LENGTH, PROMPT, UNIFORM, uniforms
from tacit.receipt import Receipt
from tacit.verify import held, verify


@dataclass(frozen=True)
class Generated:
    """Token numbers that a valid receipt shows; None where it hides them. `follows`, of a chunk behind another one: whether the
    first token of the prompt is the one that the model chose behind the chunk before; None where a receipt hides one of the two."""

    prompt: list[int] | None
    tokens: list[int] | None
    follows: bool | None = None


def verify_generation(
    receipt: Receipt | bytes | str | os.PathLike[str],
    key: Key | bytes | str | os.PathLike[str],
    *,
    seed: bytes | None = None,
    context: bytes | str = b"",
) -> Generated:
    """What the committed model wrote. Raises InvalidReceipt unless the receipt is valid and, of a model that samples, its uniform
    numbers are those of `seed` (`numbers.drawing.uniforms`).

    Whoever could choose the seed after seeing what it gives has chosen the text: let it be fixed before, or join yours. Raises
    ModelError for a key of another kind of model; InputError where a seed is missing, or means nothing: the model takes the
    likeliest token, or the receipt hides the numbers, so that nobody can hold them against a seed.
    """
    key, receipt = held(key, Key), held(receipt, Receipt)
    names = [s.name for s in key.inputs]
    if names not in ([PROMPT, LENGTH], [PROMPT, LENGTH, UNIFORM]) or [s.name for s in key.outputs] != [GENERATED]:
        raise ModelError("This key is of a model that writes nothing; use tacit.verify.")
    if any(len(s.shape) > 2 for s in key.signatures):
        raise ModelError("This key is of a batch: use tacit.verify.")
    _require_seed(names, seed)
    verify(receipt, key, context)
    shown = dict(zip(names, receipt.inputs))
    if seed is not None:
        _require_drawn(shown[UNIFORM], seed)
    return _texts(receipt, key)


def verify_conversation(
    receipts: Sequence[Receipt | bytes | str | os.PathLike[str]],
    keys: Sequence[Key | bytes | str | os.PathLike[str]],
    *,
    seeds: Sequence[bytes] | None = None,
    contexts: Sequence[bytes | str] | bytes | str = b"",
) -> list[Generated]:
    """What the committed model wrote, chunk after chunk of one sequence: every chunk read the keys and values that those before it
    computed. `keys`: of the chunks, in order; of a model that samples `seeds`, one a chunk; `contexts`: one a chunk, or one for
    all.

    Raises InvalidReceipt unless every receipt is valid for its key, and each `cache_j` is the `cache` of the j-th receipt: both
    show the same integers, or both have one commitment; as `verify_generation` does for seeds; ModelError for keys that are not
    those of the chunks of one sequence, InputError for another number of receipts, seeds or contexts.
    """
    bound = [contexts] * len(receipts) if isinstance(contexts, (bytes, str)) else list(contexts)
    given = [None] * len(receipts) if seeds is None else list(seeds)
    if not receipts or {len(keys), len(bound), len(given)} != {len(receipts)}:
        raise InputError("A conversation has as many receipts as keys, seeds and contexts, and at least one.")
    opened = [held(key, Key) for key in keys]
    _require_chunks(opened)
    found: list[Generated] = []
    read = [held(receipt, Receipt) for receipt in receipts]
    for k, (receipt, key, seed, context) in enumerate(zip(read, opened, given, bound)):
        names = [s.name for s in key.inputs]
        _require_seed(names, seed)
        try:
            verify(receipt, key, context)
            for j in range(k):
                _require_linked(receipt, key, read[j], opened[j], f"{CACHE}_{j}")
        except InvalidReceipt as error:
            raise InvalidReceipt(f"Chunk {k + 1} of {len(receipts)}: {error}") from None
        if seed is not None:
            _require_drawn(receipt.inputs[names.index(UNIFORM)], seed)
        found.append(_texts(receipt, key, found[-1] if found else None))
    return found


def _texts(receipt: Receipt, key: Key, before: Generated | None = None) -> Generated:
    """The tokens that a valid receipt shows; of a chunk those behind different places."""
    shown = dict(zip((s.name for s in key.inputs), receipt.inputs))
    prompt, length, tokens = shown[PROMPT], shown[LENGTH], receipt.outputs[0]
    if tokens is not None and length is not None and CACHE in (s.name for s in key.outputs):
        tokens = tokens[:, : _places(key) - int(length[0]) + 1]
    first, last = None if prompt is None else int(prompt[0, 0]), before.tokens[-1] if before is not None and before.tokens else None
    return Generated(
        None if prompt is None or length is None else [int(token) for token in prompt[0, : int(length[0])]],
        None if tokens is None else [int(token) for token in tokens[0]],
        None if first is None or last is None or length is None else first == last,
    )


def _places(key: Key) -> int:
    return find(key.outputs, CACHE)[1].shape[3]


def _require_chunks(keys: Sequence[Key]) -> None:
    """Raises ModelError unless the keys are those of consecutive chunks, the first one's first, with one commitment to weights."""
    for k, key in enumerate(keys):
        inputs, outputs = [s.name for s in key.inputs], [s.name for s in key.outputs]
        caches = [f"{CACHE}_{j}" for j in range(k)]
        if outputs != [GENERATED, CACHE] or inputs not in ([PROMPT, LENGTH, *caches], [PROMPT, LENGTH, UNIFORM, *caches]):
            raise ModelError(f"Key {k + 1} is not of chunk {k + 1} of a sequence: give the keys of all chunks in order.")
        if key.model_commitment != keys[0].model_commitment:
            raise ModelError(f"Key {k + 1} is of other weights than the first: compile the chunks like one another.")


def _require_linked(receipt: Receipt, key: Key, source: Receipt, of: Key, name: str) -> None:
    """Raises InvalidReceipt unless an input is the `cache` of another receipt."""
    place, signature = find(key.inputs, name)
    output_place, output = find(of.outputs, CACHE)
    require_alike(signature, output.dtype, output.exponent, output.shape)
    mine, theirs = receipt.inputs[place], source.outputs[output_place]
    if mine is not None and theirs is not None:
        same = np.array_equal(mine, theirs)
    else:
        commitment = receipt.commitments.get(name)
        if commitment is None or CACHE not in source.commitments:
            raise InvalidReceipt(f"{name!r} is hidden without a commitment of its own, so nothing says where it comes from.")
        same = commitment == source.commitments[CACHE]
    if not same:
        raise InvalidReceipt(f"{name!r} is not what that chunk computed.")


def _require_seed(names: Sequence[str], seed: bytes | None) -> None:
    if (UNIFORM in names) != (seed is not None):
        wanted = "draws its tokens: give the seed" if UNIFORM in names else "takes the likeliest tokens: leave the seed out"
        raise InputError(f"This model {wanted}.")


def _require_drawn(found: np.ndarray | None, seed: bytes) -> None:
    if found is None:
        raise InputError("The receipt hides the uniform numbers: nobody can hold them against a seed, so use tacit.verify.")
    if not np.array_equal(found[0], uniforms(seed, found.shape[1])):
        raise InvalidReceipt("The receipt's tokens were drawn with other numbers than those of this seed.")
