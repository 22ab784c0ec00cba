"""What transformers have in common, on a Writer. Sequences are [tokens, width]: one sequence, no batch axis."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np

from tacit.errors import ModelError
from tacit.frontends.checkpoint import Checkpoint
from tacit.frontends.generation import Chunk, Generation, Next
from tacit.graph import Block, Choice, Graph, State, Value, check
from tacit.graph.writer import Writer
from tacit.numbers.drawing import CACHE, FIRST, GENERATED, LENGTH, PROMPT, UNIFORM, UNIFORM_BITS

OPSET = 24
"""The first with Swish; RMSNormalization is from 23, Gelu from 20."""
POSITION = "position"
MASKED = -4096.0
"""Added to a score that must not count: its exponential is 0 at any precision, and it is small enough for one integer scale."""


class Transformer(Writer):
    """A graph of a sequence model while it is written down. Constants are float32. `generation`: it writes, and reads what it
    wrote."""

    def __init__(self, checkpoint: Checkpoint, tokens: int, most: int, generation: Generation | None = None) -> None:
        longest = tokens if generation is None else generation.places
        if not 0 < tokens <= longest <= most:
            raise ModelError(f"{checkpoint.name} takes 1 to {most} tokens, not {longest}.")
        self._named: dict[str, Value] = {}
        self._arrays: dict[str, np.ndarray] = {}
        super().__init__("model", OPSET, self._named, self._arrays)
        self.tokens = tokens
        self.entrances: list[str] = []
        self.generation = generation
        self._blocks: dict[str, Block] = {}
        self._kept: list[str] = []
        self._past: list[list[str]] = [[] for _ in (generation.past if generation is not None else ())]
        self._mixed: list[str] = []
        self._mask = ""

    def entrance(self, name: str, shape: tuple[int, ...]) -> str:
        """An int64 input of the graph."""
        self._named[name] = Value(name, shape, "int64")
        self.entrances.append(name)
        return name

    def finish(self, name: str, value: str) -> Graph:
        """The graph whose only output is `value`, under another name."""
        described = self._named[value]
        last = self.nodes.pop()
        self.nodes.append(last.with_outputs(name if output == value else output for output in last.outputs))
        self._named[name] = Value(name, described.shape, described.dtype)
        graph = Graph((), self._named, tuple(self.entrances), (name,), self._arrays, OPSET)
        graph = replace(graph.rebuild(self.nodes, self._arrays, self._named), blocks=self._blocks)
        return check(graph if self.generation is None else self.chosen(graph, self.generation, name), "loaded")

    def chosen(self, graph: Graph, generation: Generation, scores: str) -> Graph:
        """The graph whose output `scores` chooses the tokens that it reads as generated ones."""
        words = graph.values[scores].shape[-1]
        lengths = (generation.shortest, generation.prompt_tokens)
        intervals = {PROMPT: (0, words - 1), LENGTH: lengths, GENERATED: (0, words - 1), FIRST: (0, words - 1)}
        uniform = ""
        if generation.sampling is not None:
            uniform, intervals[UNIFORM] = UNIFORM, (0, (1 << UNIFORM_BITS) - 1)
        choice = Choice(scores, GENERATED, generation.sampling, uniform)
        past, shown = tuple(map(tuple, self._past)), isinstance(generation, (Chunk, Next))
        state = State(tuple(self._kept), past, tuple(self._mixed), self._mask, generation.places, shown)
        return replace(graph, intervals=intervals, choice=choice, state=state)

    def reshape(self, x: str, *shape: int) -> str:
        return self.op("Reshape", x, self.integers(*shape))

    def token_ids(self) -> str:
        """The input `input_ids` as [tokens]; of a model that writes, the prompt's tokens and behind them the generated ones."""
        if self.generation is not None:
            return self.written(self.generation)
        return self.reshape(self.entrance("input_ids", (1, self.tokens)), self.tokens)

    def written(self, generation: Generation) -> str:
        """Token t: prompt[t] where t < prompt_length, else generated[t - prompt_length]; behind the last of these any others, which
        no row that is chosen from can see. No constant depends on the lengths but in how long it is (`like=`)."""
        given = {
            name: self.reshape(self.entrance(name, (length,) if name == LENGTH else (1, length)), length)
            for name, length in generation.inputs.items()
            if name not in (UNIFORM, FIRST)
        }
        if generation.sampling is not None:
            self.entrance(UNIFORM, (1, generation.new_tokens))
        if FIRST in generation.inputs:
            self.entrance(FIRST, (1,))
        prompt, places = given[PROMPT], self.integers(*range(self.tokens))
        longer = self.op("Concat", prompt, given[GENERATED], axis=0)
        longer = self.op("Slice", longer, self.integers(0), self.integers(self.tokens))
        behind = self.op("Max", self.op("Sub", places, given[LENGTH]), self.integers(0))
        follows = self.op("Gather", self.op("Concat", given[GENERATED], prompt, axis=0), behind, axis=0)
        return self.op("Where", self.op("Less", places, given[LENGTH]), longer, follows)

    def linear(self, x: str, weight: np.ndarray, bias: np.ndarray | None = None) -> str:
        """x W + b, W[in, out]."""
        product = self.op("MatMul", x, self.constant(np.ascontiguousarray(weight)))
        return product if bias is None else self.op("Add", product, self.constant(bias))

    def layer_norm(self, x: str, weight: np.ndarray, bias: np.ndarray, epsilon: float) -> str:
        return self.op("LayerNormalization", x, self.constant(weight), self.constant(bias), axis=-1, epsilon=epsilon)

    def rms_norm(self, x: str, weight: np.ndarray, epsilon: float) -> str:
        return self.op("RMSNormalization", x, self.constant(weight), axis=-1, epsilon=epsilon)

    def heads(self, x: str, count: int) -> str:
        """[tokens, count * size] -> [count, tokens, size]."""
        return self.op("Transpose", self.reshape(x, self.tokens, count, -1), perm=[1, 0, 2])

    def attention(self, mask: str, query: str, key: str, value: str, scaled: bool = False) -> str:
        """softmax(Q K' / sqrt(size) + mask) V of heads [heads, tokens, size], joined to [tokens, heads * size].

        Fewer heads of key and value serve groups of neighbouring query heads (Ainslie et al. 2023). `scaled`: the query
        holds the factor 1 / sqrt(size) already. The mask broadcasts to [tokens, tokens].
        """
        heads, tokens, size = self.shape(query)
        shared = self.shape(key)[0]
        earlier = self.earlier(key, value) if self.generation is not None else []
        if shared != heads:
            query = self.reshape(query, shared, heads // shared, tokens, size)
            key, value = (self.reshape(x, shared, 1, tokens, size) for x in (key, value))
            with self.aside("earlier"):
                earlier = [(self.reshape(k, shared, 1, -1, size), self.reshape(v, shared, 1, -1, size)) for k, v in earlier]
        scores = self.scores(query, self.turned(key), [past for past, _ in earlier])
        if not scaled:
            scores = self.op("Mul", scores, self.constant(1 / sqrt(size), "float32"))
        weights = self.op("Softmax", self.op("Add", scores, mask), axis=-1)
        mixed = self.mixture(weights, value, [past for _, past in earlier])
        self._mixed.append(mixed)
        mixed = self.reshape(mixed, heads, tokens, size)
        return self.reshape(self.op("Transpose", mixed, perm=[1, 0, 2]), tokens, heads * size)

    def earlier(self, key: str, value: str) -> list[tuple[str, str]]:
        """A layer's keys and values [heads, places, size] of the earlier chunks, as inputs; those of this one are kept."""
        assert self.generation is not None
        self._kept += [key, value]
        shared, _, size = self.shape(key)
        found = []
        for j, length in enumerate(self.generation.past):
            pair = (f"{self.scope}/{CACHE}_{j}/keys", f"{self.scope}/{CACHE}_{j}/values")
            for name in pair:
                self._named[name] = Value(name, (shared, length, size), "float32")
                self.entrances.append(name)
                self._past[j].append(name)
            found.append(pair)
        return found

    def turned(self, key: str) -> str:
        """[.., tokens, size] -> [.., size, tokens]."""
        rank = len(self.shape(key))
        return self.op("Transpose", key, perm=[*range(rank - 2), rank - 1, rank - 2])

    def scores(self, query: str, turned: str, earlier: list[str]) -> str:
        """query . key of all keys, the earlier ones first."""
        if not earlier:
            return self.op("MatMul", query, turned)
        with self.aside("scores"):
            parts = [self.op("MatMul", query, self.turned(key)) for key in earlier]
            parts.append(self.op("MatMul", query, turned))
        return self.renamed(self.op("Concat", *parts, axis=-1), "MatMul")

    def mixture(self, weights: str, value: str, earlier: list[str]) -> str:
        """The sum of weight times value over all keys, the earlier ones first."""
        if not earlier:
            return self.op("MatMul", weights, value)
        with self.aside("mixture"):
            lengths = self.integers(*(self.shape(x)[-2] for x in (*earlier, value)))
            parts = self.ops("Split", weights, lengths, count=len(earlier) + 1, axis=-1)
            sums = [self.op("MatMul", part, x) for part, x in zip(parts, (*earlier, value))]
            while len(sums) > 2:
                sums = [self.op("Add", sums[0], sums[1]), *sums[2:]]
        return self.renamed(self.op("Add", *sums), "MatMul")

    def causal_mask(self) -> str:
        """[tokens, keys]: no token sees a later one; the first keys are those of earlier chunks, which all see."""
        later = np.triu(np.full((self.tokens, self.tokens), MASKED, np.float32), 1)
        past = sum(self.generation.past) if self.generation is not None else 0
        hidden = MASKED if isinstance(self.generation, Next) else 0
        mask = self._mask = self.constant(np.concatenate([np.full((self.tokens, past), hidden, np.float32), later], axis=1))
        if past and not hidden:
            self._blocks[mask] = Block(later, (0, -past))
        return mask

    def by_place(self, table: np.ndarray) -> str:
        """The rows of a float32 table [places or more, ..] that belong to this sequence's tokens; all chunks of a longer one store
        the whole."""
        generation = self.generation
        if generation is None:
            return self.constant(table[: self.tokens])
        whole = table[: generation.places]
        part = self.constant(whole[generation.start : generation.start + self.tokens])
        if len(whole) > self.tokens:
            self._blocks[part] = Block(whole, (generation.start, *(0 for _ in whole.shape[1:])))
        return part

    @property
    def places(self) -> int:
        """How many rows a table of positions needs."""
        return self.tokens if self.generation is None else self.generation.places

    def at_positions(self, x: str, count: int | None) -> str:
        """The rows [count, width] of the tokens at the input `position`: what follows a token is predicted from its row. None:
        every token's, without such an input. Of a model that writes, the rows of all new tokens, from the prompt's last one on;
        in a chunk the last row stands for those behind it, for a selection takes the nearest place."""
        if self.generation is not None:
            rows = self.op("Add", LENGTH, self.integers(*range(-1, self.generation.new_tokens - 1)))
            return self.op("Gather", x, rows, axis=0)
        return x if count is None else self.op("Gather", x, self.entrance(POSITION, (count,)), axis=0)
