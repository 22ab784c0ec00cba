"""Named commitments: hidden tensors with a commitment of their own, which other receipts may carry too (docs/protocol.md, Named
commitments)."""

from __future__ import annotations

from dataclasses import dataclass

from .circuit import Circuit, Reader
from .field import ONE, K
from .forms import Claim, FormTerm
from .hiding import basis
from .refused import Refused
from .seal import flat_powers, seal_point
from .transcript import words


@dataclass(frozen=True)
class Named:
    """The tensor of a binding: root and seal of its commitment."""

    binding: int
    root: bytes
    seal: K

    def to_bytes(self) -> bytes:
        """60 bytes, as they stand in the receipt and in the transcript."""
        return self.binding.to_bytes(4, "little") + self.root + self.seal.to_bytes()


def read_named(reader: Reader, hidden: bytes) -> tuple[Named, ...]:
    """Of a receipt of format 3, whose hide set is given: at least one, bindings ascending, every one hidden."""
    last = -1

    def one() -> Named:
        nonlocal last
        before, last = last, reader.unsigned(4)
        root, seal = reader.raw(32), words(reader.raw(24), "a seal")
        if before >= last or hidden[last + 1 : last + 2] != b"\1":
            raise Refused("noncanonical", "the named commitments are not in canonical form")
        return Named(last, root, K(*seal))

    found = reader.list(one)
    if not found:
        raise Refused("noncanonical", "there are no named commitments")
    return found


def named_columns(circuit: Circuit, named: tuple[Named, ...]) -> list[int]:
    """The column of each. A column with another shape than its tensor (axes of length 1 aside) has another layout than the same
    tensor elsewhere, and is refused."""
    columns = []
    for each in named:
        public = circuit.publics[each.binding]
        if long_axes(circuit.columns[public.column].shape) != long_axes(public.shape):
            raise Refused("named", f"the column of {public.name} has another shape: it cannot have a commitment of its own")
        columns.append(public.column)
    return columns


def long_axes(shape: tuple[int, ...]) -> list[int]:
    return [length for length in shape if length != 1]


def seal_claim(named: Named, column: int, shape: tuple[int, ...], seal_column: int) -> Claim:
    """sum_j z^(j + 1) cell j + <seal column, (1, X, X^2)> = seal, j counting the cells of `column` in C order."""
    z = seal_point(named.root)
    return Claim([FormTerm(z, column, flat_powers(z, shape)), FormTerm(ONE, seal_column, (basis(),))], named.seal)
