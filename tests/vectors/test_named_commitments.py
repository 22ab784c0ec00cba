"""The second verifier's reading of named commitments (docs/protocol.md, docs/transcript.md), piece by piece."""

from __future__ import annotations

import json
import math
import random
import struct
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from tacit import _core
from tacit.circuit import Affine, Circuit, decode, encode

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "vectors"), str(ROOT / "tests")]
import kept  # noqa: E402
import layer  # noqa: E402
import soundness  # noqa: E402

import reference  # noqa: E402
from reference.circuit import NAMED, WITNESS  # noqa: E402
from reference.field import ONE, ZERO, K, P, power, total  # noqa: E402
from reference.forms import known  # noqa: E402
from reference.layout import Layout, clear, special, top  # noqa: E402
from reference.named import Named, named_columns, seal_claim  # noqa: E402
from reference.seal import flat_powers, seal_point  # noqa: E402
from reference.security import hidden_bits_of, outer  # noqa: E402
from reference.transcript import Transcript  # noqa: E402
from reference.verifier import Key, bind, hidden_circuit, read_key, read_receipt  # noqa: E402

FOLDER = ROOT / "vectors" / "format-3"
ROOTS = [_core.digest(bytes([i])) for i in range(3)]
SEAL = K(P - 1, 0, 2**40)
VARIABLES = 100


def entry(binding: int, root: bytes = ROOTS[0], words: tuple[int, ...] = (P - 1, 0, 2**40)) -> bytes:
    return struct.pack("<I", binding) + root + struct.pack("<3Q", *words)


def written(
    named: bytes | None, hidden: bytes | None, number: int, shown: int = 0, digest: bytes = bytes(32), proof: int = 0
) -> bytes:
    """A receipt with empty tensors and a proof of so many zeros. `named`: with its count; None: left out, as `hidden`."""
    data = b"tacit\0R" + struct.pack("<H", number) + digest + bytes(32)
    if hidden is not None:
        data += struct.pack("<I", len(hidden)) + hidden
    tensors = struct.pack("<I", shown) + bytes(4 * shown)
    return data + (named or b"") + tensors + bytes(4) + bytes(32) + struct.pack("<I", proof) + bytes(proof)


def listed(*entries: bytes) -> bytes:
    return struct.pack("<I", len(entries)) + b"".join(entries)


def test_what_is_written_is_read():
    data = written(listed(entry(0), entry(2, ROOTS[1])), b"\0\1\0\1", 3)
    receipt = read_receipt(data)
    assert receipt.named == (Named(0, ROOTS[0], SEAL), Named(2, ROOTS[1], SEAL))
    assert receipt.format == 3 and b"".join(each.to_bytes() for each in receipt.named) == data[85:205]
    assert read_receipt(written(None, b"\0\1\0\1", 2)).named == read_receipt(written(None, None, 1)).named == ()


MALFORMED = {
    "none": (listed(), b"\1\1\1", "noncanonical"),
    "twice": (listed(entry(1), entry(1, ROOTS[1])), b"\1\1\1", "noncanonical"),
    "descending": (listed(entry(1), entry(0, ROOTS[1])), b"\1\1\1", "noncanonical"),
    "shown": (listed(entry(1)), b"\1\1\0", "noncanonical"),
    "one of two shown": (listed(entry(0), entry(1)), b"\1\1\0", "noncanonical"),
    "no binding": (listed(entry(2)), b"\1\1\1", "noncanonical"),
    "the weights": (listed(entry(2**32 - 1)), b"\1\1\1", "noncanonical"),
    "seal not below p": (listed(entry(0, words=(P, 0, 0))), b"\1\1\1", "noncanonical"),
    "last word of a seal not below p": (listed(entry(0), entry(1, words=(0, 0, 2**64 - 1))), b"\1\1\1", "noncanonical"),
    "nothing hidden": (listed(entry(0)), b"\0\0\0", "noncanonical"),
    "empty hide set": (listed(entry(0)), b"", "noncanonical"),
    "more than there are": (struct.pack("<I", 2**31) + entry(0), b"\1\1\1", "truncated"),
    "one more than there are": (struct.pack("<I", 2) + entry(0) + b"\1\0\0\0", b"\1\1\1", "truncated"),
    "cut": (listed(entry(0))[:-1], b"\1\1\1", "truncated"),
    "missing": (None, b"\1\1\1", "noncanonical"),
    "no hide set": (listed(entry(0)), None, "noncanonical"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_every_malformed_list_is_refused(name):
    """By both verifiers."""
    named, hidden, kind = MALFORMED[name]
    data = written(named, hidden, 3)
    with pytest.raises(reference.Refused) as refused:
        read_receipt(data := data[:-76] if name == "cut" else data)
    assert refused.value.kind == kind
    with pytest.raises(_core.Refused, match="not in canonical form" if kind == "noncanonical" else "ends inside"):
        _core.Receipt(data)


@pytest.mark.parametrize("number", [1, 2, 4])
def test_another_format_has_no_named_commitments(number):
    with pytest.raises(reference.Refused):
        read_receipt(written(listed(entry(0)), None if number == 1 else b"\1\1\1", number))


def test_the_statement_absorbs_them_between_model_and_tensors():
    """Step by step, with the core's Keccak-256."""
    receipt = read_receipt(written(listed(entry(0), entry(1, ROOTS[1])), b"\0\1\1", 3, shown=1))
    circuit = reference.circuit.decode(finished("layer"))
    steps = [
        ("format", b"\3\0"),
        ("profile 128", circuit.parameters.encoded),
        ("hidden", b"\3\0\0\0\0\1\1"),
        ("circuit", bytes(32)),
        ("model commitment", bytes(32)),
        ("model seal", SEAL.to_bytes()),
        ("linked commitments", b"\2\0\0\0"),
        ("linked commitment", entry(0)),
        ("linked commitment", entry(1, ROOTS[1])),
        ("public tensors", b"\1\0\0\0"),
        ("public tensor", b""),
        ("context", b""),
        ("witness commitment", bytes(32)),
    ]
    state = _core.digest(b"\4tacit")
    for label, message in steps:
        framed = b"".join(struct.pack("<Q", len(part)) + part for part in (label.encode(), message))
        state = _core.digest(b"\2" + state + framed)
    assert bind(Key(circuit, bytes(32), bytes(32), SEAL, None), receipt).state == state


def test_the_seal_point_depends_on_the_root_alone():
    """By its definition, with the core's Keccak-256."""
    state = _core.digest(b"\4tacit commitment")
    label, message = struct.pack("<Q", 4) + b"root", struct.pack("<Q", 32) + ROOTS[0]
    state = _core.digest(b"\2" + state + label + message)
    words: list[int] = []
    for counter in range(4):
        block = _core.digest(b"\3" + state + struct.pack("<Q", counter) + struct.pack("<Q", 10) + b"seal point")
        words += [word for word in struct.unpack("<4Q", block) if word < P]
        if len(words) >= 3:
            break
    assert seal_point(ROOTS[0]) == K(*words[:3])
    assert len({seal_point(root) for root in ROOTS}) == 3
    other = Transcript("tacit")
    other.absorb("root", ROOTS[0])
    assert other.draw("seal point") != seal_point(ROOTS[0])


@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 3), (3, 1, 4), (2, 2, 2)])
def test_the_seal_is_a_polynomial_in_the_flat_index(shape):
    cells, seal_cells, z = [7 * j * j - 11 for j in range(math.prod(shape))], (P - 3, 5, 9), seal_point(ROOTS[0])
    expected = K(*seal_cells)
    for j, cell in enumerate(cells):
        expected = expected + power(z, j + 1) * cell
    claim = seal_claim(Named(0, ROOTS[0], SEAL), 4, shape, 9)
    columns = {4: cells, 9: seal_cells}
    assert total(term.coefficient * known(columns[term.column], term.weights) for term in claim.form) == expected
    assert claim.value == SEAL and [term.column for term in claim.form] == [4, 9]
    assert [weight.length for weight in flat_powers(z, shape)] == list(shape)


def test_power():
    z, product = seal_point(ROOTS[0]), ONE
    for exponent in range(9):
        assert power(z, exponent) == product
        product = product * z


@cache
def finished(name: str) -> bytes:
    return kept.of(name, 1).circuit


def named_circuit(name: str, bindings: tuple[int, ...], shape: tuple[int, ...] | None = None) -> tuple:
    """The circuit of a receipt in which all bindings are hidden and some are named; the columns of these. `shape`: of the first."""
    circuit = reference.circuit.decode(finished(name))
    if shape is not None:
        column = circuit.publics[bindings[0]].column
        columns = list(circuit.columns)
        columns[column] = replace(columns[column], shape=shape)
        publics = list(circuit.publics)
        publics[bindings[0]] = replace(publics[bindings[0]], shape=shape)
        circuit = replace(circuit, columns=tuple(columns), publics=tuple(publics))
    entries = listed(*(entry(binding) for binding in bindings))
    circuit = hidden_circuit(circuit, read_receipt(written(entries, b"\0\1\1", 3)))
    return circuit, named_columns(circuit, tuple(Named(binding, ROOTS[0], SEAL) for binding in bindings))


def test_a_named_tensor_is_no_column_of_the_witness():
    circuit, columns = named_circuit("relations", (1,))
    homes = {public.name: circuit.columns[public.column].home for public in circuit.publics}
    assert homes == {"x": WITNESS, "t": NAMED} and columns == [circuit.publics[1].column]


def test_where_the_cells_of_a_named_tensor_lie():
    """13 cells and the 3 of the seal, by hand: of 8192 rows 7909 are free, 4096 + 2048 + .. + 32 + 4 + 1. Eight cells lie at the
    start of the chunk of 32 rows, four fill that of 4, and the 13th the last; behind the eight lie the seal's two and its last."""
    circuit, (column,) = named_circuit("relations", (0,))
    layout = Layout(circuit, VARIABLES, [column])
    rows = {}
    for block in layout.blocks[column] + layout.blocks[layout.seals[0]]:
        (start, e), = block.parts
        rows |= {(block.column, start + i): block.row + i for i in range(1 << e)}
    tensor = [*range(7872, 7880), *range(7904, 7909)]
    assert rows == {(column, j): row for j, row in enumerate(tensor)} | {
        (layout.seals[0], j): row for j, row in enumerate((7880, 7881, 7882))
    }


def test_addresses_of_all_commitments():
    """Those of the witness at 0, 1, 2, 4, ..; weights, then named ones in order, at what is left. There are five
    coordinates at least; a 33rd limb asks for a sixth, and that for a seventh limb with a mask."""
    circuit, columns = named_circuit("layer", (0, 1), shape=(100, 80))
    layout = Layout(circuit, VARIABLES, columns)
    assert layout.widths == [1, 6, 2, 1] and layout.log_limbs == 5
    assert layout.addresses == [3, 0, 1, 2, 4, 8, 16, 5, 6, 7]
    circuit, columns = named_circuit("layer", (0, 1), shape=(384, 480))
    layout = Layout(circuit, VARIABLES, columns)
    assert layout.widths == [1, 6, 24, 1] and layout.log_limbs == 5
    circuit, columns = named_circuit("layer", (0, 1), shape=(400, 480))
    layout = Layout(circuit, VARIABLES, columns)
    assert layout.widths == [1, 7, 25, 1] and layout.addresses[:11] == [3, 0, 1, 2, 4, 8, 16, 32, 5, 6, 7]


@pytest.mark.parametrize("shape", [(5,), (31, 17), (120, 120)])
def test_no_cell_lies_on_another_or_on_a_kept_row(shape):
    circuit, columns = named_circuit("layer", (0, 1), shape=shape)
    layout, p = Layout(circuit, VARIABLES, columns), circuit.parameters
    used, data = set[int](), set[int]()
    for column, shape_of in layout.shapes.items() - {(layout.matrix, layout.shapes[layout.matrix])}:
        cells = [block.address << p.log_rows | block.row + i for block in layout.blocks[column] for i in range(1 << block.size)]
        assert len(cells) == len(set(cells)) == math.prod(shape_of) and used.isdisjoint(cells)
        used |= set(cells)
        data |= set() if column in layout.masks else set(cells)
    assert all(cell % (1 << p.log_rows) < (1 << p.log_rows) - clear(p, layout.log_limbs) for cell in data)
    starts = [sum(layout.widths[:i]) for i in range(len(layout.widths))]
    for number, (start, width) in enumerate(zip(starts, layout.widths)):
        first = special(p, layout.log_limbs) if number == 1 else []
        for limb in range(width):
            kept = first[limb] if limb < len(first) else top(p.log_rows, clear(p, layout.log_limbs) if number == 1 else p.reserved)
            base = layout.addresses[start + limb] << p.log_rows
            assert used.isdisjoint(base + row for run in kept.noise for row in run)
    assert set(layout.seals).isdisjoint(layout.masks) and layout.pads not in (*layout.seals, *layout.masks)


def test_the_form_of_a_seal_weighs_each_cell_where_it_lies():
    """At the digits of a row the form's extension is the weight of its cell."""
    circuit, columns = named_circuit("layer", (0, 1), shape=(3, 5))
    layout = Layout(circuit, VARIABLES, columns)
    for number, column in enumerate(columns):
        named = Named(number, ROOTS[number], SEAL)
        shape = circuit.columns[column].shape
        form, z = seal_claim(named, column, shape, layout.seals[number]).form, seal_point(named.root)
        weights = {column: [power(z, j + 1) for j in range(math.prod(shape))], layout.seals[number]: [ONE, K(0, 1), K(0, 0, 1)]}
        for each, own in weights.items():
            for block in layout.blocks[each]:
                where = block.address << layout.log_rows | block.row
                index = 0
                for length, (start, _) in zip(layout.shapes[each], block.parts):
                    index = index * length + start
                assert layout.evaluate(form, digits(where, layout)) == own[index]
        kept = layout.addresses[sum(layout.widths[: 2 + number])] << layout.log_rows | (1 << layout.log_rows) - 1
        assert layout.evaluate(form, digits(kept, layout)) == ZERO


def digits(where: int, layout: Layout) -> list[K]:
    return [K(int(digit)) for digit in f"{where:0{layout.log_limbs + layout.log_rows}b}"]


def test_soundness_counts_each_of_them():
    circuit, columns = named_circuit("layer", (0, 1), shape=(100, 80))
    layout, rate = Layout(circuit, VARIABLES, columns), circuit.parameters.log_inverse_rates[0]
    without, found = (2.0 ** -hidden_bits_of(circuit, layout, 7, 5, named) for named in ((), columns))
    claims = 2 * float(soundness.johnson_list(soundness.Fraction(1, 2**rate)) / soundness.K)
    more = claims + soundness.seal(8001, rate) + soundness.seal(4, rate)
    assert outer(circuit, 7)[-1] - outer(circuit, 5)[-1] == pytest.approx(claims)
    assert soundness.seal(8001, rate) == pytest.approx(40**2 / 2 * 8001 / P**3)
    # Far below the sum: of columns of 2^100 cells it is not.
    assert found == pytest.approx(without + more, rel=1e-12) and found >= without
    wide = replace(circuit, columns=tuple(replace(column, shape=(2**80,)) for column in circuit.columns))
    assert hidden_bits_of(wide, layout, 7, 5, columns) == pytest.approx(-math.log2(2 * soundness.seal(2**80, rate)), abs=1e-3)


def reshaped(binding: tuple[int, ...], column: tuple[int, ...]) -> bytes:
    """A key of a layer whose x has these shapes."""
    circuit: Circuit = decode(layer.case(1, kept.OPENINGS, 3, math.prod(column)).circuit)
    public = replace(circuit.publics[0], shape=binding)
    circuit = replace(circuit, publics=(public, *circuit.publics[1:]))
    columns = list(circuit.columns)
    columns[public.column] = replace(columns[public.column], shape=column)
    terms = circuit.contracts[0].zero.terms
    if len(column) > 1:
        view = terms[0].views[1]
        view = replace(view, maps=(Affine(0),) * (len(column) - 1) + view.maps)
        terms = (replace(terms[0], views=(terms[0].views[0], view)), *terms[1:])
    zero = replace(circuit.contracts[0].zero, terms=terms)
    circuit = replace(circuit, columns=tuple(columns), contracts=(replace(circuit.contracts[0], zero=zero),))
    encoded = encode(circuit)
    return b"tacit\0K\2\0" + struct.pack("<I", len(encoded)) + encoded + bytes(56)


@pytest.mark.parametrize(
    ("binding", "column", "kind"),
    [
        ((5,), (5,), "truncated"),
        ((1, 5, 1), (5,), "truncated"),
        ((5,), (1, 5), "truncated"),
        ((2, 3), (6,), "named"),
        ((1, 0), (1,), "named"),
    ],
)
def test_the_column_has_the_shape_of_its_tensor(binding, column, kind):
    """The proof is zeros that end inside the opening, which only tensors reach that can have a commitment."""
    key = reshaped(binding, column)
    if 0 in binding:
        circuit = decode(key[13:-56])
        circuit = replace(circuit, publics=(replace(circuit.publics[0], lowest=0, highest=0), *circuit.publics[1:]))
        encoded = encode(circuit)
        key = key[:9] + struct.pack("<I", len(encoded)) + encoded + key[-56:]
    read_key(key)
    receipt = written(listed(entry(0)), b"\0\1\1", 3, digest=_core.digest(key[13:-56]), proof=1000)
    with pytest.raises(_core.Refused, match="not stored in its shape" if kind == "named" else "ends inside"):
        _core.VerifyingKey(key).verify(_core.Receipt(receipt), b"")
    with pytest.raises(reference.Refused) as refused:
        reference.verify(receipt, key, b"")
    assert refused.value.kind == kind


def drawn_receipt(rng: random.Random) -> bytes:
    """With a list of bindings near the hidden ones, seals near p, and perhaps a bit flipped."""
    hidden = bytes(rng.randrange(2) for _ in range(5))
    bindings = [number for number in range(4) if hidden[1 + number] and rng.random() < 0.7]
    if rng.random() < 0.3:
        bindings.append(rng.choice((0, 1, 2, 3, 4, 255, 2**31, 2**32 - 1)))
    entries = []
    for binding in bindings:
        words = [rng.choice((0, P - 1, P, 2**64 - 1)) if rng.random() < 0.1 else rng.randrange(P) for _ in range(3)]
        entries.append(entry(binding, rng.randbytes(32), tuple(words)))
    data = written(listed(*entries), hidden, 3)
    if rng.random() < 0.3:
        at = rng.randrange(7, len(data))
        data = data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
    return data


def test_drawn_lists_are_read_alike():
    rng, read = random.Random(4), 0
    for _ in range(400):
        data = drawn_receipt(rng)
        try:
            plainly = read_receipt(data)
        except reference.Refused:
            with pytest.raises(_core.Refused):
                _core.Receipt(data)
            continue
        receipt, read = _core.Receipt(data), read + 1
        assert receipt.named() == [(each.binding, each.root, each.seal.to_bytes()) for each in plainly.named]
        assert receipt.to_bytes() == data
    assert 100 < read < 300


def test_one_tensor_has_one_commitment_in_every_circuit():
    """y of the layer and t of `relations` have one shape, up to an axis of length 1: the same cells have the same root and seal."""
    circuits, secret = [finished(name) for name in ("layer", "relations")], bytes(range(32))

    def found(cells: tuple[int, ...], secret: bytes = secret) -> set[tuple[bytes, bytes]]:
        data = struct.pack(f"<{len(cells)}i", *cells)
        return {_core.commitment(circuit, 1, data, secret, _core.Progress()) for circuit in circuits}

    each = [found((5, -7, 11)), found((5, -7, 12)), found((5, 11, -7)), found((5, -7, 11), bytes(32))]
    assert [len(one) for one in each] == [1] * 4 and len(set().union(*each)) == 4


def test_receipts_state_what_the_secret_gives():
    case, (statement, _) = kept.of("layer", 1), json.loads((FOLDER / "manifest.json").read_text())["models"]["layer"]["accepted"]
    receipt = _core.Receipt((FOLDER / statement["receipt"]).read_bytes())
    cells = case.public[:5], case.public[5:]
    for binding, root, seal in receipt.named():
        assert (root, seal) == _core.commitment(case.circuit, binding, cells[binding], kept.secret(binding), _core.Progress())
