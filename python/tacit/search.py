"""The cheapest widths that meet a tolerance.

Whole assignments first, from 10 to 16 bits, in the order of what a proof would cost; then kinds of nodes are narrowed where that is
cheaper and still meets it. Where no whole assignment does, the nodes that add most error get more bits, one after another.
Everything is measured by running the integers: nothing is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from tacit.errors import InputError, ModelError
from tacit.fidelity import Reference, cost_of, measure
from tacit.graph import Graph
from tacit.lower import Lowered, lower
from tacit.quantize import FAITHFUL, LEANEST, MIDDLE, STANDARD, TOY, Scales, Width
from tacit.report import Fidelity, Report

LADDER = (LEANEST, TOY, MIDDLE, STANDARD, FAITHFUL)
TRIALS = 8
"""So many narrower groups, or wider nodes, are tried."""
WIDEST = 18
"""Bits of a node that adds most error: the most that one table holds."""
SMALLEST = 1e-12


@dataclass(frozen=True)
class Tolerance:
    """What every output must meet, on every row that was measured; None demands nothing.

    `error`: the largest error, as a share of the largest output. `cosine`: the least of a sample. `agreement`: the share of rows
    with the same argmax, and of equal elements of integer outputs, which must all be equal where it is None.
    """

    error: float | None = None
    cosine: float | None = None
    agreement: float | None = None

    def __post_init__(self) -> None:
        if self.error is not None and not self.error > 0:
            raise InputError(f"tolerance={self.error!r} is no error that can be met; use a number above 0, such as 0.01.")
        for name in ("cosine", "agreement"):
            share = getattr(self, name)
            if share is not None and not 0 <= share <= 1:
                raise InputError(f"{name}={share!r} of a tolerance is not between 0 and 1.")

    @classmethod
    def of(cls, given: float | Tolerance) -> Tolerance:
        """A number is the largest error."""
        return given if isinstance(given, Tolerance) else cls(error=float(given))

    def excess(self, report: Report, integers: frozenset[str]) -> float:
        """By what factor the worst output misses what it must meet; at most 1 where all is met. `integers`: outputs that are."""
        return max((self._excess(f, f.name in integers) for f in (*report.fidelity, *report.held)), default=0.0)

    def _excess(self, f: Fidelity, is_integer: bool) -> float:
        ratios = [0.0]
        if self.error is not None and not is_integer:
            ratios.append(f.relative_error / self.error)
        if self.cosine is not None and not is_integer:
            ratios.append((1 - f.least_cosine) / max(1 - self.cosine, SMALLEST))
        share = 1.0 if is_integer and self.agreement is None else self.agreement
        if share is not None:
            ratios.append((1 - f.argmax_agreement) / max(1 - share, SMALLEST))
        return max(ratios)


MARKS = Tolerance(cosine=0.9999, agreement=0.995)
"""What 'faithful' widths are to reach on every row that was measured."""


@dataclass(eq=False)
class Candidate:
    """An assignment of widths; lowered and priced when it is made, measured when somebody asks."""

    search: Search
    scales: Scales
    lowered: Lowered

    @cached_property
    def price(self) -> int:
        return cost_of(self.lowered).price

    @cached_property
    def report(self) -> Report:
        return measure(self.lowered, self.scales, self.search.reference, self.search.graph)

    @cached_property
    def excess(self) -> float:
        return self.search.tolerance.excess(self.report, self.search.integers)

    @property
    def meets(self) -> bool:
        return self.excess <= 1


@dataclass(frozen=True)
class Search:
    """`scales_of`: the scales of a simplified graph at a whole width. `batch`, `hideable`: as in `lower`."""

    graph: Graph
    scales_of: Callable[[Width], Scales]
    reference: Reference
    tolerance: Tolerance
    batch: int | None = None
    hideable: bool = False

    @property
    def integers(self) -> frozenset[str]:
        outputs = self.reference.graph.values
        return frozenset(name for name in self.reference.graph.outputs if not outputs[name].is_float)

    def candidate(self, scales: Scales) -> Candidate | None:
        """None where these widths cannot be proved."""
        try:
            return self.lowered(scales)
        except ModelError:
            return None

    def lowered(self, scales: Scales) -> Candidate:
        """Raises what lowering raises."""
        return Candidate(self, scales, lower(self.graph, scales, None, self.hideable, self.batch))

    def run(self) -> Candidate:
        """Raises ModelError, with the error that is left and the node that adds most of it, where no assignment meets the
        tolerance; and what lowering raises where no width can be proved."""
        ladder = [found for width in LADDER if (found := self.candidate(self.scales_of(width))) is not None]
        if not ladder:
            self.lowered(self.scales_of(STANDARD))
        for found in sorted(ladder, key=lambda c: c.price):
            if found.meets:
                return self.narrowed(found)
        best = self.widened(min(ladder, key=lambda c: c.excess))
        if best.meets:
            return best
        worst = f"; most of it comes from {best.report.noisiest[0].node}" if best.report.noisiest else ""
        figures = ", ".join(f"{f.name}: error {f.relative_error:.3g}, cosine {f.least_cosine:.6f}, same argmax "
                            f"{100 * f.argmax_agreement:.1f} %" for f in best.report.fidelity)
        raise ModelError(
            f"No widths meet the tolerance: the best found reach {figures}{worst}. Give a larger tolerance, or more samples."
        )

    def narrowed(self, best: Candidate) -> Candidate:
        """A candidate that meets the tolerance, with fewer bits for whole kinds of nodes where that is cheaper."""
        for names in list(groups(best))[:TRIALS]:
            bits = {name: best.scales.bits_of(name) - 4 for name in names}
            tried = self.candidate(best.scales.with_bits(bits)) if min(bits.values()) >= LEANEST.bits else None
            if tried is not None and tried.price < best.price and tried.meets:
                best = tried
        return best

    def widened(self, best: Candidate) -> Candidate:
        """A candidate that misses the tolerance, with more bits for the nodes that add most error, until it meets it."""
        given: set[str] = set()
        for _ in range(TRIALS):
            names = [] if best.meets else [name for name in noisy_values(best) if name not in given]
            if not names:
                break
            given.add(names[0])
            tried = self.candidate(best.scales.with_bits({names[0]: WIDEST}))
            if tried is not None and tried.excess < best.excess:
                best = tried
        return best


def groups(candidate: Candidate) -> Iterator[list[str]]:
    """The values of each kind of node, those first that cost most."""
    spent = spent_by_value(candidate)
    kinds: dict[str, list[str]] = {}
    for node in candidate.lowered.graph.nodes:
        kinds.setdefault(node.kind, []).extend(name for name in node.outputs if spent.get(name))
    for kind in sorted(kinds, key=lambda k: -sum(spent[name] for name in kinds[k])):
        if kinds[kind]:
            yield kinds[kind]


def spent_by_value(candidate: Candidate) -> Mapping[str, int]:
    """Cells and lookups of each value."""
    return {name: cells + lookups for name, cells, lookups in cost_of(candidate.lowered).nodes}


def noisy_values(candidate: Candidate) -> Iterator[str]:
    """The values of the nodes that add most error, then what these nodes read, that have fewer than WIDEST bits."""
    nodes = {node.name or node.outputs[0]: node for node in candidate.lowered.graph.nodes}
    for noise in candidate.report.noisiest:
        node = nodes.get(noise.node)
        if node is not None:
            for name in (*node.outputs, *node.inputs):
                if name in candidate.lowered.values and candidate.scales.bits_of(name) < WIDEST:
                    yield name


def described(scales: Scales) -> str:
    """'12 bits; 18 at a, b': the assignment, for the report."""
    own: dict[int, list[str]] = {}
    for name, bits in scales.own.items():
        own.setdefault(bits, []).append(name)
    parts = [f"{scales.bits} bits"]
    for bits, names in sorted(own.items()):
        parts.append(f"{bits} at {', '.join(names[:4])}" + (f" and {len(names) - 4} more" if len(names) > 4 else ""))
    return "; ".join(parts)


def cheapest(search: Search) -> tuple[Scales, Lowered, Report]:
    """The assignment, its program, and its report, which names the widths."""
    best = search.run()
    return best.scales, best.lowered, replace(best.report, assignment=described(best.scales))


def faithful(search: Search) -> tuple[Scales, Lowered, Report]:
    """FAITHFUL widths; where they miss the tolerance, WIDEST bits too for the nodes that the report names, as far as that helps."""
    first = search.lowered(search.scales_of(FAITHFUL))
    best = search.widened(first)
    report = best.report if best is first else replace(best.report, assignment=described(best.scales))
    return best.scales, best.lowered, report
