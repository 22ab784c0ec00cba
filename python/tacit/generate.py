"""Writing with a compiled model: tokens that it chooses itself, found by guessing ahead and proved all at once.

The circuit demands generated = chosen(prompt, generated) (docs/generation.md), and row i of what is chosen depends on the generated
tokens before i alone. So the tokens are the one fixed point of a step that computes all rows at once: a guess that agrees in the
first n rows has n + 1 right tokens in what the step gives. Good guesses, those of the model in floats, need few steps.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tacit.errors import InputError, ModelError
from tacit.execute import claims_missed, executed
from tacit.frontends.generation import Generation
from tacit.frontends.words import Words
from tacit.hiding import INPUTS, WEIGHTS
from tacit.key import Key
from tacit.numbers.drawing import FACTOR_BITS, GENERATED, LENGTH, MASS_BITS, PROMPT, UNIFORM, Sampling, uniforms
from tacit.primitives.gadgets.drawing import place_of, threshold_of
from tacit.primitives.gadgets.softmax import Exponentials
from tacit.primitives.program import Program, Step, chosen_of
from tacit.receipt import Receipt

Tokens = list[int]
Arrays = dict[str, np.ndarray]
Next = Callable[[Tokens], Tokens]
"""What a model chooses in every row, given all generated tokens."""
SCORE_BITS = 16
"""Fraction bits of float scores that tokens are drawn from."""


class Writer(Protocol):
    """What is asked of a compiled model."""

    program: Program
    key: Key
    words: Words | None

    @property
    def openings(self) -> int: ...
    def tensors(self) -> dict[str, np.ndarray]: ...
    def integers(self, sample: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]: ...
    def prove(self, given: Any, hide: Iterable[str] | None = None, context: bytes | str = b"") -> Receipt: ...


@dataclass(frozen=True)
class Written:
    """What a model wrote, and the receipt for it. `text`: of the generated tokens, up to the one that ends it; None without a
    tokenizer. `steps`: how often the integer model computed all rows before it was proved."""

    receipt: Receipt
    prompt: Tokens
    tokens: Tokens
    text: str | None
    steps: int


def generate(
    model: Writer,
    prompt: str | Sequence[int],
    *,
    seed: bytes | None = None,
    draft: str | os.PathLike[str] | None = None,
    hide: Iterable[str] | None = None,
    context: bytes | str = b"",
) -> Written:
    """Writes as many tokens as the model was compiled for, and proves all of them in one receipt. `draft`: the file or folder that
    the model was compiled from, to guess with; without it there are up to as many steps as tokens. `hide` as in `prove`, but a
    seed's uniform numbers are hidden by their own name alone.

    Raises ModelError for a model that does not write, InputError for a prompt that does not fit, for a missing seed and for one
    that means nothing, and as `prove` does.
    """
    lengths = {s.name: s.shape[-1] for s in model.key.signatures}
    if GENERATED not in lengths or PROMPT not in lengths:
        raise ModelError("This model writes nothing: compile a tacit.Generation of it.")
    if model.program.batch is not None:
        raise ModelError("A batch does not write: compile the model without batch=.")
    if (UNIFORM in lengths) != (seed is not None):
        wanted = "draws its tokens: give a seed" if UNIFORM in lengths else "takes the likeliest tokens: leave the seed out"
        raise InputError(f"This model {wanted}.")
    start = tokens_of(model, prompt)
    count = lengths[GENERATED]
    choice = next(step for step in model.program.steps if step.name == chosen_of(GENERATED))
    task = Generation(draft or "", lengths[PROMPT], count, sampling_of(choice))
    drawn = [] if seed is None else uniforms(seed, count).tolist()

    def row(tokens: Tokens) -> Arrays:
        return task.row(start, tokens, drawn)

    guess = None if draft is None else float_step(task, choice, row)
    tokens, steps = settled(lambda given: integer_step(model, row(given)), guess, count)
    del guess
    gc.collect()
    receipt = model.prove(row(tokens), hide=hide if seed is None else with_numbers(model, hide), context=context)
    return Written(receipt, start, tokens, None if model.words is None else model.words.decode(tokens), steps)


def with_numbers(model: Writer, hide: Iterable[str] | None) -> Iterable[str] | None:
    """`hide`, but 'inputs', which are hidden by default, without the uniform numbers: they are no secret, and nobody could hold
    hidden ones against a seed. By their own name they are hidden all the same."""
    if hide is None:
        return [WEIGHTS, PROMPT, LENGTH] if model.openings else None
    names = [hide] if isinstance(hide, str) else list(hide)
    return [name for given in names for name in ((PROMPT, LENGTH) if given == INPUTS else (given,))]


def settled(step: Next, guess: Next | None, count: int) -> tuple[Tokens, int]:
    """The tokens that a step gives back, and how many steps that took. `guess`: a cheaper step that mostly gives the same."""
    tokens, right = [0] * count, 0
    for steps in range(1, count + 2):
        if guess is not None:
            tokens = continued(guess, tokens, right)
        found = step(tokens)
        agreed = next((i for i in range(count) if found[i] != tokens[i]), count)
        if agreed == count:
            return tokens, steps
        if agreed < right:
            break
        tokens, right = found, agreed + 1
    raise RuntimeError("a token depends on later ones: the model is not causal")


def continued(step: Next, tokens: Tokens, right: int) -> Tokens:
    """The first `right` tokens, and what a step gives back behind them."""
    fixed = tokens[:right]
    for _ in tokens[right:]:
        found = fixed + step(tokens)[right:]
        if found == tokens:
            break
        tokens = found
    return tokens


def integer_step(model: Writer, given: Arrays) -> Tokens:
    """What the integer model chooses in every row."""
    missed = claims_missed(model.program, executed(model.program, model.tensors(), model.integers(given)))[GENERATED]
    return [int(token) for token in (given[GENERATED] + missed).reshape(-1)]


def float_step(task: Generation, choice: Step, row: Callable[[Tokens], Arrays]) -> Next:
    """The same of the model in floats."""
    from tacit.frontends.models import load  # only a draft needs ONNX
    from tacit.observe import run_float

    graph = load(task, shapes={}, supported=frozenset())
    settings = {key: choice.arguments[key] for key in ("step", "factor", "most", "mass") if key in choice.arguments}

    def step(tokens: Tokens) -> Tokens:
        given = row(tokens)
        scores = run_float(graph, given)[graph.outputs[0]]
        if task.sampling is None:
            return [int(token) for token in scores.argmax(axis=-1)]
        integers = np.rint(np.ldexp(scores.astype(np.float64), SCORE_BITS)).astype(np.int64)
        return [int(token) for token in sampled(integers, SCORE_BITS, given[UNIFORM][0], **settings)]

    return step


def sampled(x: np.ndarray, exponent: int, uniform: np.ndarray, step: int, factor: int, most: int, mass: int) -> np.ndarray:
    """What the gadget `sample` finds for integer scores x [.., n] of an exponent and uniform [..]: int64 [..]."""
    shift = exponent + FACTOR_BITS - step
    q = (x * factor + (1 << shift >> 1)) >> shift
    weights = Exponentials(step).at(q.max(axis=-1, keepdims=True) - q)
    if 0 < most < x.shape[-1]:
        weights = np.where(weights >= threshold_of(weights, most, False), weights, 0)
    if 0 < mass < 1 << MASS_BITS:
        weights = np.where(weights >= threshold_of(weights, mass, True), weights, 0)
    return place_of(weights, uniform[..., None])[..., 0]


def sampling_of(choice: Step) -> Sampling | None:
    """Whether tokens are drawn; how exactly, the step says itself."""
    return Sampling() if choice.gadget == "sample" else None


def tokens_of(model: Writer, prompt: str | Sequence[int]) -> Tokens:
    """A prompt as tokens. Raises InputError for tokens that the model does not have."""
    if isinstance(prompt, str):
        if model.words is None:
            raise InputError("This model has no tokenizer that can be read: give token numbers, or compile with tokenizer=.")
        return model.words.encode(prompt)
    (words,) = (s for s in model.key.inputs if s.name == PROMPT)
    tokens = [int(token) for token in prompt]
    if tokens and not words.lowest <= min(tokens) <= max(tokens) <= words.highest:
        raise InputError(f"Tokens of this model are {words.lowest} to {words.highest}.")
    return tokens
