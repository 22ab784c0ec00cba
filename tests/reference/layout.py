"""Where cells lie (docs/protocol.md, Layout): axes split into powers of two, columns into blocks, blocks into limbs."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from .circuit import COUNT, WEIGHTS, WITNESS, Circuit
from .field import ZERO, K, bits, eq_index, total
from .forms import FormTerm
from .refused import Refused

MOST_BLOCKS = 2**18
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


def place(blocks: list[Block], log_rows: int, reserved: int) -> int:
    """Buddy packing, largest first, ties in the given order; returns the number of limbs.

    A block takes the smallest free chunk that holds it, of equal ones the one with the lowest address and row; the halves that are
    cut off stay free."""
    kept = bits(reserved)
    fresh = [(log_rows, 0)] if reserved == 0 else [(e, (1 << log_rows) - (2 << e)) for e in range(kept, log_rows)]
    free: set[tuple[int, int, int]] = set()
    limbs = 0
    for block in sorted(blocks, key=lambda block: -block.size):
        fitting = [chunk for chunk in free if chunk[0] >= block.size]
        if not fitting:
            fitting = [(e, limbs, row) for e, row in fresh if e >= block.size]
            free |= {(e, limbs, row) for e, row in fresh}
            limbs += 1
        size, block.address, block.row = min(fitting)
        free.remove((size, block.address, block.row))
        free |= {(half, block.address, block.row + (1 << half)) for half in range(block.size, size)}
    return max(limbs, 1)


class Layout:
    """Commitment 0 holds the weights, commitment 1 witness and counts; addresses count through both."""

    def __init__(self, circuit: Circuit) -> None:
        self.log_rows, reserved = circuit.parameters.log_rows, circuit.parameters.reserved
        limit = self.log_rows - 1 if reserved else self.log_rows
        if bits(reserved) > limit:
            raise Refused("key", "reserved rows fill the limbs")
        self.shapes = {}
        self.blocks: dict[int, list[Block]] = {}
        self.widths: list[int] = []
        for homes in HOMES:
            columns = [(number, column) for number, column in enumerate(circuit.columns) if column.home in homes]
            blocks = [block for number, column in columns for block in blocks_of(number, column.shape, limit)]
            if len(blocks) > MOST_BLOCKS:
                raise Refused("key", "the columns have too many blocks")
            limbs = place(blocks, self.log_rows, reserved)
            for block in blocks:
                block.address += sum(self.widths)
                self.blocks.setdefault(block.column, []).append(block)
            self.shapes |= {number: column.shape for number, column in columns}
            self.widths.append(limbs)

    @property
    def log_limbs(self) -> int:
        """Coordinates of an address."""
        return bits(sum(self.widths))

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
