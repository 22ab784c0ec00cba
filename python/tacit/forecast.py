"""What a proof will take, from the circuit alone: the sizes of the vectors that the prover holds, stage by stage, and measured
prices. Within a quarter of what was measured (`bench/NOTES.md`)."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from math import prod

from tacit import machine
from tacit.circuit import Circuit, Constant, Iota, Line, Listed, Parameters, Table
from tacit.errors import ModelError
from tacit.sizes import Sizes, sizes

MEGABYTE = 10**6
ELEMENT, EXTENSION, DIGEST = 8, 24, 32
"""Bytes of an element of the field, of its extension, of a hash."""
HELD, PART, SLICES = 2**27, 2**26, 4
"""Elements of a codeword that is kept; elements of a part of one that is not, at least, and the most parts that are as long as the
cells where parts stay below HELD (`crates/protocols/open/src/prove/encode.rs`)."""
SHARED, SHARED_MOST, JOINED = 9, 16, 2**24
"""How many limbs the opening joins at once (`crates/protocols/open/src/prove/batch.rs`)."""
PROCESS = 45 * MEGABYTE
"""Interpreter, modules and native module."""
STEP = 4000
"""Bytes of a relation as Python objects: the program, its replay and its plans of reading."""
TREE, LEAN, LEAN_FROM = 24, 12, 2**25
"""Bytes of the fraction tree's levels a leaf; where it is lean, beyond so many leaves (`crates/protocols/lookup/README.md`)."""
COUNT = 4
"""Bytes of a multiplicity beside its column's."""
LEFT = 0.1
"""Share of the lookups' memory, in many small pieces, that the allocator does not give back."""
SLACK, HIDING_SLACK = 1.12, 1.18
"""What the sizes below do not count: indices of blocks, pages that are half used; expressions in pads, where a proof hides."""
ENOUGH = 0.75
"""A proof is refused when less than this share of the forecast is there."""

THREADS = 2
PER_ELEMENT, PER_OPENED, PER_LEAF, PER_CELL, PER_RELATION = 9.5e-9, 45e-9, 120e-9, 60e-9, 0.5e-3
"""Processor seconds: an element of a codeword, an opened cell, a leaf of the fraction tree, a computed cell, a relation."""
PER_HASHED, PER_STEP = 90e-9, 1e-9
"""A leaf of a commitment with the nodes above it; a step of computing the opened rows of a codeword that is not held."""


@dataclass(frozen=True)
class Forecast:
    """`peak`: bytes resident while one proof is made, loading included. `seconds`: of one proof on two idle threads, after loading.
    `stages`: (name, bytes) of each stage's own peak."""

    peak: int
    seconds: float
    stages: tuple[tuple[str, int], ...]

    def text(self) -> str:
        return f"a proof takes about {gigabytes(self.peak)} of memory and {self.seconds:.2g} s on {THREADS} threads"


def gigabytes(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


@dataclass(frozen=True)
class Encoded:
    """A commitment of `limbs`: bytes while it is made, and of what is kept of it."""

    made: int
    kept: int


def forecast(circuit: Circuit, encoded: bool = False) -> Forecast:
    """Of a finished circuit. `encoded`: where the weights' codeword is not held, its rows are read from a file."""
    parameters = circuit.parameters
    cells = dict.fromkeys(("weights", "witness", "count", "public", "virtual"), 0)
    size = dict(cells)
    for column in circuit.columns:
        cells[column.home] += prod(column.shape)
        size[column.home] += prod(column.shape) * column.bytes
    found = sizes(circuit)
    weights, witness = (_encoded(count, parameters.log_rows, parameters.log_inverse_rates[0]) for count in found.limbs)
    noise = ELEMENT * found.uniform[0]
    uniform = noise + ELEMENT * found.uniform[1]

    count, lookup = _lookup(circuit)
    relations = len(circuit.contracts) + len(circuit.lookups)

    computed = cells["witness"] + cells["virtual"] + cells["public"]
    buffer = size["witness"] + size["virtual"] + size["public"]
    base = PROCESS + size["weights"] + STEP * relations
    held = buffer + ELEMENT * cells["count"]
    lookup += (LEAN if count > LEAN_FROM else TREE) * count
    stages = {
        "set-up": weights.made + noise,
        "execute": weights.kept + noise + ELEMENT * computed + 2 * buffer,
        "commit": weights.kept + uniform + held + witness.made,
        "lookup": weights.kept + uniform + held + witness.kept + lookup,
        "open": weights.kept + uniform + held + witness.kept + int(LEFT * lookup) + _form(circuit) + _opened(found, circuit),
    }
    seconds = sum(by_node(circuit, encoded=encoded).values())
    peak = base + max(stages.values())
    slack = HIDING_SLACK if parameters.salt else SLACK
    return Forecast(int(slack * peak), seconds / THREADS, tuple((name, base + size) for name, size in stages.items()))


WEIGHTS, TABLES, REST = "opening of the weights", "table rows", "inputs, outputs, constants"
ORACLES = "hashes of the witness' commitment, and later oracles"
UNIFORM = "uniform cells that hide, and what they leave empty"
"""What no node takes alone."""


def by_node(circuit: Circuit, nodes: Collection[str] = (), encoded: bool = False) -> dict[str, float]:
    """Predicted processor seconds of a proof by what takes them: each of `nodes`, whose names start those of their columns and
    relations (name, name/part), and what belongs to none of them. All of them are the forecast's, `encoded` as there."""
    found = dict.fromkeys((*nodes, WEIGHTS, TABLES, ORACLES, REST), 0.0)

    def add(name: str, seconds: float) -> None:
        while name and name not in found:
            name = re.sub(r"#\d+$", "", name) if re.search(r"#\d+$", name) else name.rpartition("/")[0]
        found[name or REST] += seconds

    parameters, held = circuit.parameters, sizes(circuit)
    per_encoded = PER_ELEMENT * 2.0 ** parameters.log_inverse_rates[0]
    committed = per_encoded + PER_OPENED
    for column in circuit.columns:
        cells = prod(column.shape)
        if column.home == "weights":
            found[WEIGHTS] += PER_OPENED * cells
        elif column.home == "count":
            found[TABLES] += (committed + PER_LEAF) * cells
        else:
            add(column.name, (PER_CELL + committed * (column.home == "witness")) * cells)
    for lookup in circuit.lookups:
        first = lookup.components[0]
        add(lookup.name, PER_LEAF * prod(first.axes[: first.outputs]) + PER_RELATION)
    for contract in circuit.contracts:
        add(contract.name, PER_RELATION)
    weights, witness = (_again(limbs, parameters) for limbs in held.limbs)
    found[WEIGHTS] += 0.0 if encoded else weights
    found[ORACLES] += witness + _oracles(parameters)
    if parameters.salt:
        rows = 1 << parameters.log_rows
        used = [sum(prod(c.shape) for c in circuit.columns if c.home in homes) for homes in (("weights",), ("witness", "count"))]
        found[UNIFORM] = PER_OPENED * (held.cells - sum(used)) + per_encoded * (held.limbs[1] * rows - used[1])
    return found


def _again(limbs: int, p: Parameters) -> float:
    """Seconds for the opened rows of a commitment whose codeword is not held: layers that split it into fewer nodes than there are
    queries take 1/rate steps a cell, all later ones twice that."""
    rate, queries = p.log_inverse_rates[0], p.queries[0]
    if limbs << p.log_rows + rate <= HELD:
        return 0.0
    layers = queries.bit_length() - 1 - rate
    return PER_STEP * (limbs << p.log_rows) * (layers + 2 << rate if layers >= 0 else 2 * queries)


def _oracles(p: Parameters) -> float:
    """Seconds for the leaves of the witness' commitment, and for the oracles after it."""
    log_message, seconds = p.log_rows, PER_HASHED * 2.0 ** (p.log_rows + p.log_inverse_rates[0])
    for fold, rate in zip(p.folds, p.log_inverse_rates[1:], strict=True):
        log_message -= fold
        points = 2.0 ** (log_message + rate)
        seconds += (PER_HASHED + PER_ELEMENT * 3 * 2**fold) * points
    return seconds


def _encoded(limbs: int, log_rows: int, log_rate: int) -> Encoded:
    points = 1 << (log_rows + log_rate)
    factors = ELEMENT * points // 2
    if limbs * points <= HELD:
        kept = ELEMENT * limbs * points + (DIGEST * points >> 5)
        return Encoded(kept + factors, kept)
    part = min(max(PART, (limbs << log_rows) // SLICES), HELD)
    rows = min(1 << log_rows, 1 << (part // limbs).bit_length() - 1)
    return Encoded(ELEMENT * limbs * rows + 2 * DIGEST * rows + factors, DIGEST * points >> 5)


def _lookup(circuit: Circuit) -> tuple[int, int]:
    """Leaves of the fraction tree, and bytes of the integers that they are computed from: values of a table's component, less the
    least of them."""
    leaves, held = 0, 0
    for table in circuit.tables:
        for segment in table.segments:
            leaves += segment.entries
            spans = [_span(rule, segment.entries) for rule in segment.rules]
            held += segment.entries * (COUNT + sum(_width(high - low) for low, high in spans))
    widths = [sum(_component(table, j) for j in range(table.width)) for table in circuit.tables]
    for lookup in circuit.lookups:
        first = lookup.components[0]
        count = prod(first.axes[: first.outputs])
        leaves += count
        held += count * widths[lookup.table]
    return leaves, held


def _component(table: Table, component: int) -> int:
    """Bytes of a component's value less the least in the table."""
    spans = [_span(segment.rules[component], segment.entries) for segment in table.segments]
    return _width(max(high for _, high in spans) - min(low for low, _ in spans))


def _span(rule: Constant | Iota | Line | Listed, entries: int) -> tuple[int, int]:
    """The least and the largest value that a rule can give; of a list, that its bytes can hold."""
    if isinstance(rule, Constant):
        return rule.value, rule.value
    if isinstance(rule, Iota):
        return rule.start, rule.start + entries - 1
    if isinstance(rule, Line):
        ends = rule.start, rule.start + rule.step * (entries - 1)
        return min(ends), max(ends)
    return -(1 << 8 * rule.bytes - 1), (1 << 8 * rule.bytes - 1) - 1


def _width(most: int) -> int:
    return next((size for size in (1, 2, 4) if most < 1 << 8 * size), ELEMENT)


def _form(circuit: Circuit) -> int:
    """The weight vectors of all blocks, which the last axis decides. Blocks are cut to a 32nd of a limb where rows are reserved."""
    parameters = circuit.parameters
    longest = 1 << max(parameters.log_rows - (5 if parameters.reserved else 0), 0)
    count = 0
    for column in circuit.columns:
        if column.home in ("weights", "witness", "count"):
            last = 1 << (max(column.shape, default=1) - 1).bit_length()
            count += EXTENSION * prod(column.shape) // max(longest // last, 1)
    return count


def _opened(found: Sizes, circuit: Circuit) -> int:
    """The joined vector and its weight, and the first oracle while it is made."""
    parameters = circuit.parameters
    rounds, limbs = found.log_limbs, sum(found.limbs)

    def within(most: int) -> int:
        return next((j for j in range(rounds, -1, -1) if (limbs << j) >> rounds <= most), 0)

    few, many = within(SHARED), within(SHARED_MOST)
    first = next((j for j in range(few, many) if 1 << (rounds - j + parameters.log_rows) <= JOINED), many)
    joined = 2 * EXTENSION << (rounds - first + parameters.log_rows)
    vectors = 2 * EXTENSION << parameters.log_rows
    if not parameters.folds:
        return joined
    points = 1 << (parameters.log_rows - parameters.folds[0] + parameters.log_inverse_rates[1])
    oracle = (EXTENSION << parameters.folds[0]) * points
    return max(joined + vectors, vectors + oracle)


def require_memory(found: Forecast) -> None:
    """Raises ModelError, with the figures, when this machine has too little memory left for the proof."""
    free = machine.free_memory()
    if free is None or free + machine.resident_memory() >= ENOUGH * found.peak:
        return
    raise ModelError(
        f"A proof of this model takes about {gigabytes(found.peak)} of memory and this machine has {gigabytes(free)} free: "
        "free some, use a larger machine, or compile the model at smaller shapes."
    )
