"""Where cells lie (docs/protocol.md, Layout): axes split into powers of two, columns into blocks, blocks into limbs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

from .circuit import COUNT, WEIGHTS, WITNESS, Circuit, Parameters
from .field import ZERO, K, bits, eq_index, total
from .forms import FormTerm
from .refused import Refused

MOST_BLOCKS, MOST_LOG_LIMBS, LEAST_LOG_LIMBS = 2**18, 16, 5
TRACED = 4
HOMES = ((WEIGHTS,), (WITNESS, COUNT))
Parts = tuple[tuple[int, int], ...]


@dataclass
class Block:
    """One piece (start, e) per stored axis: positions start .. start + 2^e. `row` is a multiple of the block's size."""

    column: int
    parts: Parts
    address: int = 0
    row: int = 0

    @property
    def size(self) -> int:
        """log2 of the cells."""
        return sum(e for _, e in self.parts)


def pieces(length: int) -> list[tuple[int, int]]:
    """Descending powers of two: 13 = 8 + 4 + 1."""
    found, start = [], 0
    for e in range(length.bit_length() - 1, -1, -1):
        if length >> e & 1:
            found.append((start, e))
            start += 1 << e
    return found


def blocks_of(column: int, shape: tuple[int, ...], limit: int) -> list[Block]:
    """Products of pieces, the last product first; what exceeds 2^limit cells is halved along its first axis that can be, the lower
    half first."""
    count = prod(d.bit_count() for d in shape)
    if count > MOST_BLOCKS or prod(shape) >> limit > MOST_BLOCKS:
        raise Refused("key", "a column has too many blocks")
    waiting: list[Parts] = [()]
    for length in shape:
        waiting = [(*parts, piece) for parts in waiting for piece in pieces(length)]
    done = []
    while waiting:
        parts = waiting.pop()
        if sum(e for _, e in parts) <= limit:
            done.append(Block(column, parts))
            continue
        axis = next(a for a, (_, e) in enumerate(parts) if e > 0)
        start, e = parts[axis]
        for half in (start + (1 << e - 1), start):
            waiting.append((*parts[:axis], (half, e - 1), *parts[axis + 1 :]))
    return done


@dataclass
class Kept:
    """Rows of a limb that no column may use: ranges of uniform cells, and those of a mask."""

    noise: list[range] = field(default_factory=list)
    mask: range = range(0)

    def free(self, e: int, row: int = 0) -> list[tuple[int, int]]:
        """The largest aligned chunks (exponent, row) of row .. row + 2^e that hold no such row."""
        end = row + (1 << e)
        touched = [run for run in (*self.noise, self.mask) if run and run.start < end and run.stop > row]
        if not touched:
            return [(e, row)]
        if any(run.start <= row and run.stop >= end for run in touched):
            return []
        return self.free(e - 1, row) + self.free(e - 1, row + (1 << e - 1))


def top(log_rows: int, count: int) -> Kept:
    return Kept([range((1 << log_rows) - count, 1 << log_rows)])


def place(columns: dict[int, tuple[int, ...]], log_rows: int, first: list[Kept], other: Kept) -> tuple[list[Block], int]:
    """Buddy packing, largest first, ties in the given order; returns the blocks, addresses counting from 0, and how many limbs:
    the `first` ones, which are there from the start, and those that are added.

    A block takes the smallest free chunk that holds it, of equal ones the one with the lowest address and row; the halves that are
    cut off stay free. Blocks fill whole limbs where nothing is kept, else a 32nd at most."""
    fresh = other.free(log_rows)
    longest = max(e for e, _ in fresh)
    limit = log_rows if longest == log_rows else min(longest, max(log_rows - 5, 0))
    blocks = [block for number, shape in columns.items() for block in blocks_of(number, shape, limit)]
    if len(blocks) > MOST_BLOCKS:
        raise Refused("key", "the columns have too many blocks")
    free = {(e, limb, row) for limb, kept in enumerate(first) for e, row in kept.free(log_rows)}
    limbs = len(first)
    for block in sorted(blocks, key=lambda block: -block.size):
        fitting = [chunk for chunk in free if chunk[0] >= block.size]
        if not fitting:
            added = {(e, limbs, row) for e, row in fresh}
            fitting = [chunk for chunk in added if chunk[0] >= block.size]
            free |= added
            limbs += 1
        size, block.address, block.row = min(fitting)
        free.remove((size, block.address, block.row))
        free |= {(half, block.address, block.row + (1 << half)) for half in range(block.size, size)}
    return blocks, max(limbs, 1)


def trace(p: Parameters) -> list[range]:
    """The rows T of four limbs: uniform, so that oracles 1, 2, .. and the final polynomial show nothing."""
    log_message = p.log_rows
    runs = [range(1 << p.log_rows - sum(p.folds))]
    for i, fold in enumerate(p.folds, 1):
        before = min(p.queries[i - 1], 1 << log_message + p.log_inverse_rates[i - 1])
        log_message -= fold
        block = 1 << log_message
        wanted = [min(p.queries[i], block << p.log_inverse_rates[i])] * (1 << fold)
        wanted[1] += before + 1
        for j in range(fold):
            wanted[1 << j] += 2
        if max(wanted[1:]) > block:
            return [*runs, range(block << fold)]
        runs += [range(s * block, s * block + count) for s, count in enumerate(wanted) if s > 0]
    return runs


def clear(p: Parameters, log_limbs: int) -> int:
    """Rows at the top of every limb on which no column lies."""
    return p.queries[0] + 3 * log_limbs + 6


def special(p: Parameters, log_limbs: int) -> list[Kept]:
    """The kept rows of the first k0 + 1 limbs of a witness that hides: T in four, a mask on the clear rows of all."""
    end = 1 << p.log_rows
    mask, traced = range(end - clear(p, log_limbs), end), trace(p)
    if mask.start < 0 or log_limbs + 1 < TRACED or any(run.start < mask.stop and run.stop > mask.start for run in traced):
        raise Refused("hide", "limbs are too short to hide in")
    return [Kept(traced if limb < TRACED else [], mask) for limb in range(log_limbs + 1)]


def mask_blocks(column: int, limb: int, rows: range) -> list[Block]:
    """The blocks of a column of one axis that lies on these rows: aligned chunks, the longest first, then by row."""
    chunks, row = [], rows.start
    while row < rows.stop:
        e = min(row & -row or rows.stop, rows.stop - row).bit_length() - 1
        chunks.append((e, row))
        row += 1 << e
    blocks, start = [], 0
    for e, row in sorted(chunks, key=lambda chunk: (-chunk[0], chunk[1])):
        blocks.append(Block(column, ((start, e),), limb, row))
        start += 1 << e
    return blocks


class Layout:
    """Commitment 0 holds the weights, commitment 1 witness and counts. `widths`: limbs of each; `addresses`: of every limb.
    `matrix` is no column more, but all rows of the weights' limbs, limb by limb.

    With `variables`, the witness hides: it holds a column of so many elements of K (`pads`) and the columns `masks`. Then
    commitment 2 + i holds the column `named[i]`, whose home is NAMED, and behind it the column `seals[i]`. Numbers of columns that
    the circuit does not have follow those of the circuit's."""

    def __init__(self, circuit: Circuit, variables: int | None = None, named: Sequence[int] = ()) -> None:
        self.parameters = circuit.parameters
        self.log_rows, reserved = circuit.parameters.log_rows, circuit.parameters.reserved
        weights, witness = (
            {number: column.shape for number, column in enumerate(circuit.columns) if column.home in homes} for homes in HOMES
        )
        self.pads, self.matrix, self._next = (len(circuit.columns) + i for i in range(3))
        self.masks, self.seals = [], []
        if variables is not None:
            witness[self.pads] = (variables, 3)
        self.shapes = weights | witness
        durable = top(self.log_rows, reserved)
        placed = [place(weights, self.log_rows, [], durable)]
        if variables is None:
            placed.append(place(witness, self.log_rows, [], Kept()))
            self.addresses = list(range(sum(limbs for _, limbs in placed)))
        else:
            for column in named:
                self.seals.append(self._next + len(self.seals))
                own = {column: circuit.columns[column].shape, self.seals[-1]: (3,)}
                self.shapes |= own
                placed.append(place(own, self.log_rows, [], durable))
            placed.insert(1, self._hide(witness, placed[0][1], sum(limbs for _, limbs in placed[1:])))
        self.widths = [limbs for _, limbs in placed]
        self.blocks: dict[int, list[Block]] = {}
        for number, (blocks, _) in enumerate(placed):
            for block in blocks:
                block.address = self.addresses[block.address + sum(self.widths[:number])]
                self.blocks.setdefault(block.column, []).append(block)
        limbs = self.widths[0]
        self.shapes[self.matrix] = (limbs, 1 << self.log_rows)
        self.blocks[self.matrix] = [Block(self.matrix, ((b, 0), (0, self.log_rows)), self.addresses[b]) for b in range(limbs)]

    def _hide(self, witness: dict[int, tuple[int, ...]], weight_limbs: int, named_limbs: int) -> tuple[list[Block], int]:
        """More coordinates ask for more mask limbs, which may ask for more coordinates: the fewest that do."""
        for log_limbs in range(max(bits(weight_limbs + TRACED), LEAST_LOG_LIMBS), MOST_LOG_LIMBS + 1):
            rows = clear(self.parameters, log_limbs)
            if self.parameters.reserved < rows:
                raise Refused("hide", "its commitments cannot hide")
            first = special(self.parameters, log_limbs)
            blocks, limbs = place(witness, self.log_rows, first, top(self.log_rows, rows))
            if bits(weight_limbs + limbs + named_limbs) <= log_limbs:
                break
        else:
            raise Refused("hide", "too many limbs")
        for limb, kept in enumerate(first):
            self.masks.append(self._next + len(self.seals) + limb)
            blocks += mask_blocks(self.masks[-1], limb, kept.mask)
            self.shapes[self.masks[-1]] = (len(kept.mask),)
        # The first limbs of the witness lie at 0, 1, 2, 4, ..; the weights', its others and the named ones at what is left.
        powers = [0, *(1 << b for b in range(log_limbs))]
        left = [address for address in range(1 << log_limbs) if address not in powers]
        rest = weight_limbs + limbs + named_limbs - len(powers)
        self.addresses = left[:weight_limbs] + powers + left[weight_limbs:rest]
        return blocks, limbs

    @property
    def log_limbs(self) -> int:
        """Coordinates of an address."""
        return bits(max(self.addresses) + 1)

    def evaluate(self, form: list[FormTerm], point: list[K]) -> K:
        """The multilinear extension of the form's weight vector: address digits first, then row digits.

        sum_terms coefficient sum_blocks eq(z_high, place / 2^E) prod_axes U_axis(z_segment).
        """
        assert len(point) == self.log_limbs + self.log_rows
        memo: dict[tuple, K] = {}
        return total(term.coefficient * self._term(term, point, memo) for term in form)

    def _term(self, term: FormTerm, point: list[K], memo: dict[tuple, K]) -> K:
        assert tuple(weight.length for weight in term.weights) == self.shapes[term.column]
        result = ZERO
        for block in self.blocks[term.column]:
            at = len(point) - block.size
            place = (block.address << self.log_rows | block.row) >> block.size
            product = eq_index(point[:at], place)
            for weight, (start, e) in zip(term.weights, block.parts):
                key = (weight.symbol, start, e, at)
                if key not in memo:
                    memo[key] = weight.piece(start, point[at : at + e]) if e else weight.at(start)
                product = product * memo[key]
                at += e
            result = result + product
        return result
