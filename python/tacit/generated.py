"""What a receipt of a model that writes says: prompt, tokens, and that they were drawn with the numbers of a seed. Imports neither
the compiler nor ONNX."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from tacit.errors import InputError, InvalidReceipt, ModelError
from tacit.key import Key
from tacit.numbers.drawing import GENERATED, LENGTH, PROMPT, UNIFORM, uniforms
from tacit.receipt import Receipt
from tacit.verify import held, verify


@dataclass(frozen=True)
class Generated:
    """Token numbers that a valid receipt shows; None where it hides them."""

    prompt: list[int] | None
    tokens: list[int] | None


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
    if (UNIFORM in names) != (seed is not None):
        wanted = "draws its tokens: give the seed" if UNIFORM in names else "takes the likeliest tokens: leave the seed out"
        raise InputError(f"This model {wanted}.")
    verify(receipt, key, context)
    shown = dict(zip(names, receipt.inputs))
    if seed is not None:
        _require_drawn(shown[UNIFORM], seed)
    prompt, length, tokens = shown[PROMPT], shown[LENGTH], receipt.outputs[0]
    return Generated(
        None if prompt is None or length is None else [int(token) for token in prompt[0, : int(length[0])]],
        None if tokens is None else [int(token) for token in tokens[0]],
    )


def _require_drawn(found: np.ndarray | None, seed: bytes) -> None:
    if found is None:
        raise InputError("The receipt hides the uniform numbers: nobody can hold them against a seed, so use tacit.verify.")
    if not np.array_equal(found[0], uniforms(seed, found.shape[1])):
        raise InvalidReceipt("The receipt's tokens were drawn with other numbers than those of this seed.")
