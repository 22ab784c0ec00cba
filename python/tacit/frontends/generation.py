"""What to compile of a language model so that it writes: how long a prompt may be, how many tokens follow, how they are chosen."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tacit.errors import InputError
from tacit.frontends.words import Words
from tacit.numbers.drawing import FIRST, GENERATED, LENGTH, PROMPT, UNIFORM, Sampling

FLAT = (LENGTH, FIRST)
"""Inputs of one axis; others have one of length 1 before it."""


@dataclass(frozen=True)
class Generation:
    """The language model of a file or folder of weights (docs/interface.md) as one that writes: give it to `tacit.compile`.

    `prompt_tokens`: the most tokens of a prompt; `new_tokens`: how many follow, always. `sampling`: how they are drawn; None: the
    likeliest, of equals the lowest number. `tokenizer`: a `tokenizer.json`, where the model's own cannot be read. Raises InputError
    for numbers below 1.
    """

    model: str | os.PathLike[str]
    prompt_tokens: int
    new_tokens: int
    sampling: Sampling | None = None
    tokenizer: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        if self.prompt_tokens < 1 or self.new_tokens < 1:
            raise InputError("A model that writes needs prompt_tokens and new_tokens of at least 1.")

    @property
    def tokens(self) -> int:
        """Places of the sequence that the model reads: the last token that it writes is read by nobody."""
        return self.prompt_tokens + self.new_tokens - 1

    @property
    def past(self) -> tuple[int, ...]:
        """How many places each chunk had that the sequence was read in before; see `Chunk`."""
        return ()

    @property
    def places(self) -> int:
        """How many the longest sequence has that is read with these weights."""
        return self.tokens

    @property
    def start(self) -> int:
        """The place of the first token that this circuit reads."""
        return sum(self.past)

    @property
    def shortest(self) -> int:
        """The least length of a prompt."""
        return 1

    @property
    def inputs(self) -> dict[str, int]:
        """Names and lengths of the graph's inputs [1, length]; the shape of those in `FLAT` is [length]."""
        found = {PROMPT: self.prompt_tokens, LENGTH: 1, GENERATED: self.new_tokens}
        return found if self.sampling is None else {**found, UNIFORM: self.new_tokens}

    def samples(self, given: Any, words: Words | None) -> Any:
        """Texts, token sequences, or the path of a .txt file (a text a line) as samples; arrays by name and other paths as they
        are. Raises InputError for texts where there is no tokenizer."""
        if isinstance(given, (str, os.PathLike)):
            if Path(given).suffix != ".txt":
                return given
            given = [line for line in read_text(Path(given)).splitlines() if line.strip()]
        if isinstance(given, Mapping):
            return given
        if any(isinstance(text, str) for text in given) and words is None:
            raise InputError("The model has no tokenizer that can be read: give samples as token numbers, or tokenizer=.")
        return self.rows([words.encode(text) if words is not None and isinstance(text, str) else list(text) for text in given])

    def rows(self, sequences: Sequence[Sequence[int]]) -> dict[str, np.ndarray]:
        """Samples for `compile` of token sequences, each cut to what fits: the first tokens, at least one, are the prompt.
        Raises InputError for a sequence of less than two tokens."""
        if not sequences or min(map(len, sequences)) < 2:
            raise InputError("Samples of a model that writes are sequences of at least two tokens.")
        rows = [
            self.row(tokens[: (cut := min(len(tokens) - 1, self.prompt_tokens))], tokens[cut : cut + self.new_tokens])
            for tokens in sequences
        ]
        return {name: np.concatenate([row[name] for row in rows]) for name in self.inputs}

    def row(self, prompt: Sequence[int], generated: Sequence[int] = (), uniform: Sequence[int] = ()) -> dict[str, np.ndarray]:
        """int64 arrays of one input, padded with zeros. Raises InputError for a prompt that is too short or too long."""
        if not self.shortest <= len(prompt) <= self.prompt_tokens:
            way = "compile with more prompt_tokens" if len(prompt) > self.prompt_tokens else "give more of the text"
            raise InputError(
                f"The prompt has {len(prompt)} tokens; this model takes {self.shortest} to {self.prompt_tokens}: {way}."
            )
        given = {PROMPT: prompt, LENGTH: [len(prompt)], GENERATED: generated, UNIFORM: uniform, FIRST: prompt[:1]}
        found = {name: np.zeros(length, dtype=np.int64) for name, length in self.inputs.items()}
        for name, array in found.items():
            array[: len(given[name])] = given[name]
        return {name: array if name in FLAT else array[None] for name, array in found.items()}


@dataclass(frozen=True)
class Chunk(Generation):
    """One chunk of a longer sequence: max(prompt_tokens, new_tokens) places behind those of earlier chunks, which had `earlier`
    places each. Its circuit reads their keys and values, one input `cache_0`, `cache_1`, .. a chunk, and gives its own, the
    output `cache`, all [layers, 2, heads, places, size]; and the token `first` [1] of a chunk behind others, and `next` [1], which
    it chose behind its last place (docs/generation.md).

    `longest`: how many places the whole sequence may have; all chunks of one conversation agree on it. Raises InputError for
    chunks of less than two places and for a sequence that is longer.
    """

    earlier: tuple[int, ...] = ()
    longest: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if min((*self.earlier, self.tokens)) < 2:
            raise InputError("Chunks of a sequence need at least 2 places each.")
        if self.start + self.tokens > self.longest:
            raise InputError(f"The chunks have {self.start + self.tokens} places, more than longest={self.longest}.")

    @property
    def tokens(self) -> int:
        return max(self.prompt_tokens, self.new_tokens)

    @property
    def inputs(self) -> dict[str, int]:
        return super().inputs | ({FIRST: 1} if self.earlier else {})

    @property
    def past(self) -> tuple[int, ...]:
        return self.earlier

    @property
    def places(self) -> int:
        return self.longest

    @property
    def shortest(self) -> int:
        """So long that a token stands at every place: later chunks read all of them."""
        return max(self.tokens - self.new_tokens, 1)

    def rows(self, sequences: Sequence[Sequence[int]]) -> dict[str, np.ndarray]:
        """Samples of the whole sequence, which fix the scales of all chunks. Raises InputError as that of a `Generation`."""
        return self.whole.rows(sequences)

    @property
    def whole(self) -> Generation:
        """The longest sequence as one circuit that chooses behind every place: what the chunks together compute."""
        return Generation(self.model, 1, self.longest, self.sampling, self.tokenizer)


@dataclass(frozen=True)
class Next(Generation):
    """One token behind up to `behind` others, whose keys and values are given: not to be proved, but to be computed token by token.
    Tables of positions are read at the last place, and all of the past is hidden: who computes a token turns and opens them."""

    behind: int = 1

    @property
    def past(self) -> tuple[int, ...]:
        return (self.behind,)

    @property
    def places(self) -> int:
        return self.behind + 1


def read_text(path: Path) -> str:
    """Raises InputError when a file is no text."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"The file {path} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise InputError(f"The file {path} is not UTF-8 text.") from None
