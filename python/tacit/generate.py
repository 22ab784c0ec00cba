"""Writing with a compiled model: tokens that it chooses itself, found one by one and proved all at once.

The circuit demands generated = chosen(prompt, generated) (docs/generation.md), and row i of what is chosen depends on the generated
tokens before i alone. The first comes from the circuit, computed once for the prompt; each of the others costs one token's work
(`tacit.following`), with the same integers. The proof computes the circuit a second time, now with all tokens.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tacit.commitments import Committed
from tacit.errors import InputError, ModelError
from tacit.execute import claims_missed, executed
from tacit.following import Following
from tacit.frontends.generation import Chunk, Generation
from tacit.frontends.words import Words
from tacit.hiding import INPUTS, WEIGHTS
from tacit.key import Key
from tacit.numbers.drawing import CACHE, FIRST, GENERATED, LENGTH, NEXT, PROMPT, UNIFORM, Sampling, uniforms
from tacit.primitives.evaluate import Evaluate
from tacit.primitives.program import Program, chosen_of
from tacit.receipt import Receipt

log = logging.getLogger("tacit")

Tokens = list[int]
Cache = np.ndarray | Committed
Next = Callable[[Tokens], Tokens]
"""What a model chooses in every row, given all generated tokens."""
COPIES = {PROMPT: FIRST, GENERATED: NEXT}
"""What a chunk's receipt shows of these tensors by another name: who hides them hides both."""
PREFILL = 2
"""A prompt of less than so large a part of the places is read token by token, too."""


class Writer(Protocol):
    """What is asked of a compiled model."""

    program: Program
    key: Key
    words: Words | None
    following: Following | None

    @property
    def openings(self) -> int: ...
    def tensors(self) -> dict[str, np.ndarray]: ...
    def integers(self, sample: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]: ...
    def prove(
        self, given: Any, hide: Iterable[str] | None = None, context: bytes | str = b"", commit: Iterable[str] = ()
    ) -> Receipt: ...


@dataclass(frozen=True)
class Written:
    """What a model wrote, and the receipt for it. `text`: of the generated tokens, up to the one that ends it; None without a
    tokenizer that can be used here. `steps`: how often the integer model computed all rows before it was proved. `cache`: keys and
    values of a chunk, as `generate` takes them for later ones: an array, or what was committed to."""

    receipt: Receipt
    prompt: Tokens
    tokens: Tokens
    text: str | None
    steps: int
    cache: Cache | None = None


def generate(
    model: Writer,
    prompt: str | Sequence[int],
    *,
    seed: bytes | None = None,
    past: Sequence[Cache] = (),
    hide: Iterable[str] | None = None,
    context: bytes | str = b"",
    commit: Iterable[str] = (),
) -> Written:
    """Writes as many tokens as the model was compiled for, and proves all of them in one receipt. `past`: of a chunk of a longer
    sequence, the `cache` of every earlier one. `hide` as in `prove`, but a seed's uniform numbers are hidden by their own name
    alone, and a chunk's `cache` with the inputs. `commit` as in `prove`: with 'cache' in it the chunk's keys and values are hidden
    in a commitment of their own, and `past` of a later chunk says that it read these. A chunk draws the token behind place t of the
    whole sequence with number t of the seed.

    Raises ModelError for a model that does not write, InputError for a prompt or a past that does not fit, for a missing seed and
    for one that means nothing, and as `prove` does.
    """
    task = task_of(model)
    if (task.sampling is not None) != (seed is not None):
        wanted = "draws its tokens: give a seed" if task.sampling is not None else "takes the likeliest tokens: leave the seed out"
        raise InputError(f"This model {wanted}.")
    given = tokens_of(model, prompt)
    place = task.start + len(given) - 1 if isinstance(task, Chunk) else 0
    drawn = [] if seed is None else uniforms(seed, place + task.new_tokens)[place:].tolist()
    text = Text(model, task, given, drawn, past)
    tokens, steps = found(text)
    names = [commit] if isinstance(commit, str) else list(commit)
    receipt = model.prove(text.given(tokens), hide=hidden(model, task, hide), context=context, commit=names)
    words = text_of(model.words, text.chosen(tokens))
    cache: Cache | None = receipt.secrets.get(CACHE)
    if cache is None and isinstance(task, Chunk):
        cache = receipt.outputs[-1] if receipt.outputs[-1] is not None else text.cache(tokens)
    return Written(receipt, text.prompt, tokens, words, steps, cache)


@dataclass
class Text:
    """What is written: the prompt, the uniform numbers, and the caches of earlier chunks."""

    model: Writer
    task: Generation
    prompt: Tokens
    drawn: Tokens
    past: Sequence[Cache]

    def __post_init__(self) -> None:
        self.task.row(self.prompt)
        if len(self.past) != len(self.task.past):
            raise InputError(
                f"This model continues {len(self.task.past)} chunks; past= has the caches of {len(self.past)}: give that of each, "
                "or the folder of the whole conversation in place of one chunk's file."
            )

    def given(self, tokens: Tokens) -> dict[str, Any]:
        """The circuit's inputs, as `prove` takes them."""
        return self.task.row(self.prompt, tokens, self.drawn) | {f"{CACHE}_{j}": cache for j, cache in enumerate(self.past)}

    def computed(self, tokens: Tokens) -> tuple[Tokens, Evaluate]:
        """What the integer model chooses in every row, and all it computes."""
        given = self.given(tokens) | {f"{CACHE}_{j}": integers_of(cache) for j, cache in enumerate(self.past)}
        builder = executed(self.model.program, self.model.tensors(), self.model.integers(given))
        missed = claims_missed(self.model.program, builder)[GENERATED]
        return [int(token) for token in (given[GENERATED] + missed).reshape(-1)], builder

    def cache(self, tokens: Tokens) -> np.ndarray:
        """The output of that name, which a receipt may hide."""
        return self.computed(tokens)[1].outputs()[CACHE]

    @property
    def rows(self) -> int:
        """How many of the tokens are chosen behind different places: in a chunk, those behind its last place are all alike."""
        return min(self.task.new_tokens, self.task.tokens - len(self.prompt) + 1)

    def chosen(self, tokens: Tokens) -> Tokens:
        """The tokens behind different places."""
        return tokens[: self.rows]


def text_of(words: Words | None, tokens: Tokens) -> str | None:
    """None without a tokenizer, or with one that cannot be used here: receipts are not lost for want of words."""
    try:
        return None if words is None else words.decode(tokens)
    except ModelError as error:
        log.warning("the tokens have no text here: %s", error)
        return None


def integers_of(cache: Cache) -> np.ndarray:
    return cache.opening.integers if isinstance(cache, Committed) else cache


def found(text: Text) -> tuple[Tokens, int]:
    """The tokens that the model chooses, and how often all rows were computed."""
    following, count = text.model.following, text.task.new_tokens
    if following is None:
        return settled(lambda tokens: text.computed(tokens)[0], count)
    tokens, steps = one_by_one(text, following)
    if len(tokens) < count and text.drawn:  # drawn behind one place, each with another number
        return text.computed(tokens)[0], steps + 1
    return tokens + tokens[-1:] * (count - len(tokens)), steps


def one_by_one(text: Text, following: Following) -> tuple[Tokens, int]:
    """The tokens behind different places: the first from the circuit, or from as many tokens as the prompt has where that is less
    work."""
    kept, start, prompt = following.empty(), text.task.start, text.prompt
    place = 0
    for cache in map(integers_of, text.past):
        kept[:, :, :, place : place + cache.shape[3]] = cache
        place += cache.shape[3]
    tokens: Tokens = []
    steps = 0
    if PREFILL * len(prompt) >= text.task.tokens and following.kept:
        choice, builder = text.computed([])
        steps, tokens = 1, choice[:1]
        kept[:, :, :, start : start + len(prompt)] = following.kept_of(builder)[:, :, :, : len(prompt)]
    numbers: list[int | None] = list(text.drawn) or [None] * text.rows
    chosen = following.chooser(text.model.tensors(), kept)
    for place, token in enumerate(prompt if not tokens else [], start):
        tokens = [chosen(place, token, numbers[0])]
    for place, number in enumerate(numbers[1 : text.rows], start + len(prompt)):
        tokens.append(chosen(place, tokens[-1], number))
    return tokens, steps


def settled(step: Next, count: int) -> tuple[Tokens, int]:
    """The tokens that a step, which computes all rows, gives back, and how many steps that took: a guess that agrees in the first n
    rows has n + 1 right tokens in what the step gives."""
    tokens, right = [0] * count, 0
    for steps in range(1, count + 2):
        found = step(tokens)
        agreed = next((i for i in range(count) if found[i] != tokens[i]), count)
        if agreed == count:
            return tokens, steps
        if agreed < right:
            break
        tokens, right = found, agreed + 1
    raise RuntimeError("a token depends on later ones: the model is not causal")


def hidden(model: Writer, task: Generation, hide: Iterable[str] | None) -> Iterable[str] | None:
    """`hide`, but 'inputs', which are hidden by default, without the uniform numbers: they are no secret, and nobody could hold
    hidden ones against a seed. Nor of a chunk without the prompt's length, which says how many of the tokens stand behind different
    places. By their own name they are hidden all the same. With the inputs a chunk's own keys and values are hidden, from which
    they could be computed; with the prompt its first token, and with the generated ones the last."""
    shown = {UNIFORM, LENGTH} if isinstance(task, Chunk) else {UNIFORM}
    inputs = [s.name for s in model.key.inputs if s.name not in shown] + ([CACHE] if isinstance(task, Chunk) else [])
    if hide is None:
        return [WEIGHTS, *inputs] if model.openings else None
    names = [hide] if isinstance(hide, str) else list(hide)
    if isinstance(task, Chunk):
        names += [copy for name, copy in COPIES.items() if name in names and (copy != FIRST or task.past)]
    return [name for given in names for name in (inputs if given == INPUTS else (given,))]


def task_of(model: Writer) -> Generation:
    """What a model was compiled to write, as its key tells it; where its file was, nobody asks here. Raises ModelError for one that
    does not write."""
    shapes = {s.name: s.shape for s in model.key.signatures}
    if GENERATED not in shapes or PROMPT not in shapes:
        raise ModelError("This model writes nothing: compile a tacit.Generation of it.")
    if model.program.batch is not None:
        raise ModelError("A batch does not write: compile the model without batch=.")
    choice = next(step for step in model.program.steps if step.name == chosen_of(GENERATED))
    lengths = ("", shapes[PROMPT][-1], shapes[GENERATED][-1], sampling_of(choice.gadget))
    if CACHE not in shapes:
        return Generation(*lengths)
    earlier = tuple(shape[3] for name, shape in shapes.items() if name.startswith(f"{CACHE}_"))
    return Chunk(*lengths, earlier=earlier, longest=sum(earlier) + max(lengths[1:3]))


def sampling_of(gadget: str) -> Sampling | None:
    """Whether tokens are drawn; how exactly, the circuit says."""
    return Sampling() if gadget == "sample" else None


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
