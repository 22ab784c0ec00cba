"""Long texts, proved chunk by chunk: the circuits of all chunks, one commitment to their weights, and what writes and proves.

Every chunk commits to its keys and values, and every later one proves that it read these. While one chunk is proved the next one
is written, token by token in integers: what a proof needs to know of earlier chunks are their tokens, keys and values, and these
are known before their proofs are.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tacit import api, progress, storage
from tacit import model as model_file
from tacit.conversed import is_conversation
from tacit.errors import InputError, ModelError
from tacit.frontends.generation import Chunk
from tacit.generate import COPIES, Text, Tokens, task_of, text_of, tokens_of
from tacit.hiding import INPUTS, OPENINGS, OUTPUTS, WEIGHTS
from tacit.key import Key
from tacit.model import Model
from tacit.numbers.drawing import CACHE, FIRST, GENERATED, NEXT, PROMPT, Sampling, uniforms
from tacit.receipt import Receipt
from tacit.verify import context_bytes


@dataclass(frozen=True)
class Said:
    """What a conversation's model wrote behind a prompt, and the receipts for it, one a chunk, as `tacit.verify_conversation` takes
    them. `text`: of the tokens, up to the one that ends it; None without a tokenizer that can be used here. `proved`: how many
    of the receipts were made for this answer; the first ones were there where an earlier prompt began alike."""

    receipts: list[Receipt]
    prompt: Tokens
    tokens: Tokens
    text: str | None
    proved: int


@dataclass(frozen=True, eq=False)
class Part:
    """What one chunk is to prove: of which text, and what the model chose. `full`: it holds nothing but prompt, and more of it
    follows; `mark`: what such a chunk is known by; `receipt`: the one that there is already. `goes_on`: it holds no prompt; `ends`:
    no chunk goes on from it."""

    chunk: int
    text: Text
    tokens: Tokens
    full: bool
    goes_on: bool
    ends: bool
    mark: Mark
    receipt: Receipt | None

    @property
    def chosen(self) -> Tokens:
        return self.text.chosen(self.tokens)


@dataclass(frozen=True)
class Wish:
    """How an answer is to be given: see `Conversation.answer`."""

    names: frozenset[str]
    context: bytes
    seed: bytes | None


@dataclass
class Ahead:
    """What the thread that writes and the one that proves tell each other: `stop`, that no more is to be written; `share`, how much
    of its chunk is."""

    stop: threading.Event = field(default_factory=threading.Event)
    share: float = 0.0


Mark = tuple[tuple[int, ...], Wish]
"""All tokens up to the end of a chunk, and how they are shown."""


@dataclass(eq=False)
class Conversation:
    """The circuits of a model's chunks, in order: the first one reads a sequence from its beginning, every other goes on from all
    before it. `compile_conversation` makes them. Raises ModelError for models that are no such chunks."""

    models: tuple[Model, ...]
    _read: dict[Mark, tuple[Tokens, Receipt]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not is_conversation(self.keys) or any(len(task.past) != k for k, task in enumerate(self.tasks)):
            raise ModelError("A conversation is made of its chunks' models, in order: use tacit.compile_conversation.")
        for model in self.models[1:]:
            model.share_weights(self.models[0])

    @property
    def keys(self) -> list[Key]:
        """What verifiers need, one key a chunk."""
        return [model.key for model in self.models]

    @property
    def tasks(self) -> list[Chunk]:
        tasks = [task_of(model) for model in self.models]
        return [task for task in tasks if isinstance(task, Chunk)]

    @property
    def places(self) -> int:
        """How many tokens all chunks read."""
        return sum(task.tokens for task in self.tasks)

    def answer(
        self,
        prompt: str | Sequence[int],
        *,
        new_tokens: int | None = None,
        seed: bytes | None = None,
        hide: Iterable[str] | None = None,
        context: bytes | str = b"",
    ) -> Said:
        """Writes behind a prompt (a text, or token numbers: all that was said before, for there is no other memory) until a token
        ends the text, `new_tokens` are there (the chunk is filled all the same), or the last chunk is full; and proves it.

        `hide`: 'weights', 'prompt' (or 'inputs'), 'generated' (or 'outputs'); None: weights and prompt. Keys and values are hidden
        always; where a hidden text goes on in another chunk, the token there has a commitment of its own in both receipts.
        `context`: what all receipts are bound to. Chunks that hold the prompt alone are proved once for all prompts that begin with
        them, under the same `hide` and `context`.

        Raises InputError for a prompt that does not fit, less than one new token, a missing or a needless seed, and what cannot be
        hidden; ModelError as `Model.prove` does.
        """
        first, wish = self.tasks[0], Wish(hidden(hide), context_bytes(context), seed)
        if (first.sampling is not None) != (seed is not None):
            wanted = "draws its tokens: give a seed" if first.sampling is not None else "takes the likeliest tokens: leave it out"
            raise InputError(f"This model {wanted}.")
        given = tokens_of(self.models[0], prompt)
        room = self.places - len(given) + 1
        count = room if new_tokens is None else new_tokens
        if not given:
            raise InputError("The prompt has no tokens: an answer needs something to stand behind.")
        if new_tokens is not None and count < 1:
            raise InputError(f"An answer has at least one new token, not {count}.")
        if room < max(count, 1):
            raise InputError(
                f"The prompt has {len(given)} tokens, and {max(count, 1)} are to follow; this conversation has {self.places} "
                "places: shorten the prompt, ask for fewer tokens, or compile more chunks."
            )
        known, pace = dict(self._read), Ahead()
        parts = self._parts(given, count, wish, known, pace)
        done: list[tuple[Part, Receipt]] = []
        with ThreadPoolExecutor(1) as ahead:
            try:
                writing = ahead.submit(next, parts, None)
                while (part := self._waited(writing, len(done), pace)) is not None:
                    writing = ahead.submit(next, parts, None)
                    with progress.within(self._called(part.chunk)):
                        done.append((part, part.receipt or self._prove(part, [receipt for _, receipt in done], wish)))
            finally:
                pace.stop.set()
        self._read = {part.mark: (part.tokens, receipt) for part, receipt in done if part.full}
        tokens = [token for part, _ in done if not part.full for token in part.chosen]
        text = text_of(self.models[0].words, tokens)
        return Said([receipt for _, receipt in done], given, tokens, text, sum(part.receipt is None for part, _ in done))

    def _called(self, chunk: int) -> str:
        return f"chunk {min(chunk + 1, len(self.models))} of at most {len(self.models)}"

    def _waited(self, writing: Future[Part | None], chunk: int, pace: Ahead) -> Part | None:
        with progress.within(self._called(chunk)):
            return progress.wait("writing", writing, lambda: pace.share)

    def _parts(
        self,
        prompt: Tokens,
        count: int,
        wish: Wish,
        known: Mapping[Mark, tuple[Tokens, Receipt]],
        pace: Ahead,
    ) -> Iterator[Part]:
        """What the chunks are to prove, each as soon as its tokens are known; up to so many chosen ones, or one that ends it."""
        words, following = self.models[0].words, self.models[0].following
        ends = () if words is None else words.ends
        assert following is not None
        kept, past, left, token = following.empty(), list[np.ndarray](), prompt, 0
        for chunk, (model, task) in enumerate(zip(self.models, self.tasks)):
            goes_on, given, left = not left, left[: task.tokens] or [token], left[task.tokens :]
            place = task.start + len(given) - 1
            drawn = [] if wish.seed is None else uniforms(wish.seed, place + task.new_tokens)[place:].tolist()
            text = Text(model, task, given, drawn, list(past))
            mark, own = (tuple(prompt[: place + 1]), wish), kept[:, :, :, task.start : task.start + task.tokens]
            tokens, receipt = known.get(mark, (None, None)) if left else (None, None)
            if receipt is not None:
                own[:] = receipt.secrets[CACHE].opening.integers
            elif (tokens := written(text, kept, pace)) is None:
                return
            assert tokens is not None
            past.append(own)
            chosen = [] if left else text.chosen(tokens)
            count -= len(chosen)
            over = not left and (count <= 0 or chunk + 1 == len(self.models) or any(found in ends for found in chosen))
            yield Part(chunk, text, tokens, bool(left), goes_on, over, mark, receipt)
            if over:
                return
            token = text.chosen(tokens)[-1]

    def _prove(self, part: Part, earlier: Sequence[Receipt], wish: Wish) -> Receipt:
        names, commit = set(wish.names), [CACHE]
        if part.full and PROMPT in names:
            names.add(GENERATED)  # what the model would say within a hidden prompt
        if part.goes_on:  # the prompt is the text's own
            names = names - {PROMPT} | ({PROMPT} if GENERATED in names else set())
        given = replace(part.text, past=[receipt.secrets[CACHE] for receipt in earlier]).given(part.tokens)
        names |= {copy for name, copy in COPIES.items() if name in names and (copy != FIRST or earlier)}
        if GENERATED in wish.names and part.goes_on:
            given[FIRST] = earlier[-1].secrets[NEXT]
        if GENERATED in wish.names and not part.full and not part.ends:
            commit.append(NEXT)  # what the next chunk goes on with
        model = self.models[part.chunk]
        receipt = model.prove(given, names, wish.context, commit)
        model.release()
        return receipt

    def save(self, folder: str | os.PathLike[str]) -> None:
        """`0.tacit`, `0.key`, `1.tacit`, .. in a folder, made if need be, and `weights.bin`, the weights of all chunks; all
        at once, or none where one cannot be written. Raises ModelError."""
        place, first = Path(folder), self.models[0]
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelError(f"The folder {folder} cannot be made ({error.strerror}).") from None
        beside = storage.Beside.of(model_file.WEIGHTS, first.weights)
        files = [storage.File(place / beside.file, first.weights, model_file.PRIVATE)]
        for chunk, model in enumerate(self.models):
            files.append(storage.File(place / f"{chunk}.tacit", model.to_bytes(beside), model_file.PRIVATE))
            files.append(storage.File(place / f"{chunk}.key", model.key.to_bytes(), model_file.PUBLIC))
        write: Callable[[], None] = partial(storage.write, *files)
        for chunk, model in enumerate(self.models):  # each count moves around the writing of all files
            write = partial(model.places.move, Path(os.path.realpath(place / f"{chunk}.tacit")), write)
        write()

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Conversation:
        """Raises ModelError where the folder has no conversation, files are missing, damaged or of another one."""
        paths = chunk_files(Path(folder))
        models: list[Model] = []
        held: dict[storage.Beside, bytes] = {}
        for path in paths:
            models.append(Model.load(path, held))
            if not models[-1].key.same_weights(models[0].key):
                raise ModelError(
                    f"{path} is of another conversation than {paths[0]}: their commitments to the weights differ; put the file "
                    "back that was saved with the others."
                )
            models[-1].share_weights(models[0])
        return cls(tuple(models))


def chunk_files(folder: Path) -> list[Path]:
    """The model files of a folder's chunks, in order. Raises ModelError where there are none, or where one is missing that a later
    one, or its key, shows to have been there."""
    numbered = [path for path in folder.glob("*.*") if path.suffix in (".tacit", ".key") and path.stem.isdecimal()]
    found = {path.name for path in numbered}
    if "0.tacit" not in found:
        raise ModelError(f"There is no conversation in {folder}: it has no 0.tacit.")
    count = max(int(path.stem) for path in numbered) + 1
    missing = next((f"{chunk}.tacit" for chunk in range(count) if f"{chunk}.tacit" not in found), None)
    if missing is not None:
        raise ModelError(f"The conversation in {folder} has lost its {missing}: put it back, or run tacit compile again.")
    return [folder / f"{chunk}.tacit" for chunk in range(count)]


def written(text: Text, kept: np.ndarray, pace: Ahead) -> Tokens | None:
    """The tokens that a chunk's model chooses; None where it is told to stop. `kept` holds the keys and values of all places before
    the chunk, and gets those of its own. A prompt, too, is read token by token: a run of the circuit would need the memory that the
    proof of the chunk before takes meanwhile."""
    task, prompt = text.task, text.prompt
    following = text.model.following
    assert following is not None
    choose = following.chooser(text.model.tensors(), kept)
    numbers: list[int | None] = list(text.drawn) or [None] * task.new_tokens
    tokens: Tokens = []
    for place in range(task.tokens):
        if pace.stop.is_set():
            return None
        pace.share = place / task.tokens
        found = choose(task.start + place, (prompt + tokens)[place], numbers[len(tokens)])
        tokens += [found] if place >= len(prompt) - 1 else []
    last = task.tokens - 1
    while len(tokens) < task.new_tokens and text.drawn:  # behind the last place again, each with a number of its own
        tokens.append(choose(task.start + last, (prompt + tokens)[last], numbers[len(tokens)]))
    return tokens + tokens[-1:] * (task.new_tokens - len(tokens))


def hidden(hide: Iterable[str] | None) -> frozenset[str]:
    """The names of what a conversation's receipts hide, besides keys and values. Raises InputError for others."""
    names = [WEIGHTS, PROMPT] if hide is None else [hide] if isinstance(hide, str) else list(hide)
    known = {WEIGHTS: WEIGHTS, PROMPT: PROMPT, INPUTS: PROMPT, GENERATED: GENERATED, OUTPUTS: GENERATED}
    for name in names:
        if name not in known:
            raise InputError(f"A conversation can hide {WEIGHTS!r}, {PROMPT!r} and {GENERATED!r}, not {name!r} by itself.")
    return frozenset(known[name] for name in names)


def compile_conversation(
    model: str | os.PathLike[str],
    samples: Any = None,
    *,
    chunks: int,
    tokens: int,
    sampling: Sampling | None = None,
    tokenizer: str | os.PathLike[str] | None = None,
    held: Any = None,
    widths: str = "standard",
    openings: int | None = None,
) -> Conversation:
    """The circuits of `chunks` chunks of `tokens` places each, of the language model in a file or folder of weights. `samples`,
    `held`, `widths` as in `compile`; the samples are texts, or sequences of token numbers, of up to all places. `openings`: how
    many proofs of each chunk its commitment hides the weights in; None: as many as 100 give to each.

    Raises as `compile` does, and InputError for less than one chunk, or chunks of less than 2 places.
    """
    if chunks < 1:
        raise InputError(f"A conversation has at least one chunk, not {chunks}.")
    each = max(OPENINGS // chunks, 1) if openings is None else openings
    if each < 1:
        raise InputError("A conversation hides its keys and values: give openings= of at least 1.")
    task = Chunk(model, tokens, tokens, sampling, tokenizer, longest=chunks * tokens)
    models = [api.compile(task, samples, held=held, widths=widths, openings=each * chunks)]
    for chunk in range(1, chunks):
        models.append(api.compile(replace(task, earlier=(tokens,) * chunk), like=models[0], openings=each))
        models[-1].share_weights(models[0])
    return Conversation(tuple(models))
