"""The bits that the core reports, against an independent calculation."""

from __future__ import annotations

import math
import re
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tacit
from tacit import _core, api
from tacit.circuit import Circuit, Lookup, Sum, decode, encode
from tacit.services.cli import main

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "vectors"), str(ROOT / "tests")]
import soundness  # noqa: E402

from reference.circuit import decode as plain_decode  # noqa: E402
from reference.layout import Layout  # noqa: E402
from reference.security import bits_of  # noqa: E402
from reference.verifier import read_key  # noqa: E402

VECTORS = ("linear", "perceptron", "small", "convolution", "softmax", "relations")
OUTER = ("lookup", "contract", "combine")
KEY = (ROOT / "vectors" / "format-1" / "relations" / "key.bin").read_bytes()
RELATIONS = decode(KEY[13 : 13 + int.from_bytes(KEY[9:13], "little")])


def key_of(circuit: Circuit) -> bytes:
    encoded = encode(circuit)
    return KEY[:9] + len(encoded).to_bytes(4, "little") + encoded + KEY[-56:]


def outer(circuit: Circuit) -> list[float]:
    """The terms before the opening, counted anew, and the key's seal."""
    leaves = 0
    for lookup in circuit.lookups:
        total = lookup.components[0]
        leaves += 2 ** sum(soundness.bits(d) for d in total.axes[: total.outputs])
    for table in circuit.tables:
        leaves += sum(2 ** soundness.bits(segment.entries) for segment in table.segments)
    longest: dict[int, int] = {}
    for contract in circuit.contracts:
        for a, d in enumerate(contract.zero.axes[: contract.zero.outputs]):
            longest[a] = max(longest.get(a, 1), d)
    views = [view for each in circuit.contracts for term in each.zero.terms for view in term.views]
    for lookup in circuit.lookups:
        read = [view for component in lookup.components for term in component.terms for view in term.views]
        definitions = [circuit.columns[view.column].definition for view in read]
        views += [view for total in definitions if total is not None for term in total.terms for view in term.views]
    coordinates = sum(map(soundness.bits, longest.values()))
    rate = circuit.parameters.log_inverse_rates[0]
    found = soundness.outer(soundness.bits(leaves), coordinates, len(circuit.contracts), len(views) + 4, rate)
    return [*found, soundness.seal(widths(encode(circuit))[0] << circuit.parameters.log_rows, rate)]


@cache
def widths(circuit: bytes) -> list[int]:
    """Limbs of the weights, and of the witness."""
    return Layout(plain_decode(circuit)).widths


def compare(core: _core.VerifyingKey) -> None:
    """Term by term, and the sum."""
    circuit, (terms, total) = decode(core.circuit()), core.security()
    p, log_limbs = circuit.parameters, soundness.bits(dict(core.sizes())["limbs"])
    own = soundness.opening(p.log_rows, log_limbs, p.folds, p.log_inverse_rates, p.queries)
    before = outer(circuit)
    assert [name.split(":")[0] for name, _ in terms[:5]] == ["lookup", "lookup", "contract", "combine", "key"]
    assert len(terms) == len(before) + len(own)
    for mine, (name, theirs) in zip(before + own, terms):
        assert -math.log2(mine) == pytest.approx(theirs, abs=1e-6), name
    assert soundness.composed(before + own) == pytest.approx(total, abs=1e-6)


def test_the_core_and_the_script_agree(model):
    compare(model.key.core)
    assert model.key.core.security()[1] >= 128


@pytest.mark.parametrize("name", VECTORS)
def test_the_core_the_script_and_the_reference_agree_on_the_vectors(name):
    key = (ROOT / "vectors" / "format-1" / name / "key.bin").read_bytes()
    core, held = _core.VerifyingKey(key), read_key(key)
    compare(core)
    assert bits_of(held.circuit, held.layout) == pytest.approx(core.security()[1], abs=1e-6)


@st.composite
def schedules(draw):
    """Rows, folds, rates and queries about where 128 bits begin."""
    log_rows = draw(st.integers(3, 26))
    folds: list[int] = []
    while sum(folds) < log_rows and draw(st.booleans()):
        folds.append(draw(st.integers(1, min(8, log_rows - sum(folds)))))
    assume(log_rows - sum(folds) <= 16)
    rates, left = [], log_rows
    for fold in (0, *folds):
        left -= fold
        rates.append(draw(st.integers(1, min(10, 32 - left))))
    miss = [-math.log2(soundness.query_miss(soundness.Fraction(1, 2**rate))) for rate in rates]
    queries = [math.ceil(draw(st.floats(127, 132)) / each) for each in miss]
    chosen = {"folds": tuple(folds), "log_inverse_rates": tuple(rates), "queries": tuple(queries)}
    return replace(RELATIONS.parameters, log_rows=log_rows, **chosen)


@given(schedules())
@settings(max_examples=200, deadline=None)
def test_schedules_of_all_kinds(parameters):
    """Term by term where the key is accepted; and it is accepted exactly when the script's sum is at most 2^-128."""
    circuit, p = replace(RELATIONS, parameters=parameters), parameters
    log_limbs = soundness.bits(sum(widths(encode(circuit))))
    own = outer(circuit) + soundness.opening(p.log_rows, log_limbs, p.folds, p.log_inverse_rates, p.queries)
    total = -math.inf if math.inf in own else soundness.composed(own)
    assume(abs(total - 128) > 1e-6)
    if total > 128:
        compare(_core.VerifyingKey(key_of(circuit)))
    else:
        with pytest.raises(_core.Malformed, match="bits of security, the profile asks for 128"):
            _core.VerifyingKey(key_of(circuit))


def test_every_read_of_a_virtual_column_is_a_claim():
    """A component may read many virtual columns: each read may leave claims of its own."""
    lookup = RELATIONS.lookups[3]
    component = lookup.components[0]
    several = replace(component, terms=component.terms * 50)
    changed = replace(RELATIONS, lookups=(*RELATIONS.lookups[:3], replace(lookup, components=(several,))))
    before, after = (dict(_core.VerifyingKey(key_of(each)).security()[0]) for each in (RELATIONS, changed))
    name = "combine: claims/|K| * L"
    assert before[name] - after[name] > 2
    compare(_core.VerifyingKey(key_of(changed)))


def wide(count: int) -> Circuit:
    """`count` lookups of a constant on 25 axes of length 3, 2^50 leaves each when padded."""
    total = Sum((3,) * 25, 25, ())
    return replace(RELATIONS, lookups=(*RELATIONS.lookups, *(Lookup(f"wide {i}", 1, (total,)) for i in range(count))))


def test_a_circuit_that_misses_the_profile_is_refused(monkeypatch, samples):
    """Beyond 2^57 leaves no parameters help: neither the core, nor compile, nor a verifier that gets such a key takes it."""
    most = replace(wide(1), parameters=type(RELATIONS.parameters)())
    assert decode(api.finish(encode(most), 0)).parameters.queries
    over = replace(wide(200), parameters=type(RELATIONS.parameters)())
    with pytest.raises(tacit.ModelError, match="no parameters reach 128 bits"):
        api.finish(encode(over), 0)
    from small_models import dense_model

    monkeypatch.setattr(api, "arithmetize", lambda program, tensors: (encode(over), b""))
    with pytest.raises(tacit.ModelError, match="no parameters reach 128 bits"):
        tacit.compile(dense_model(), samples=samples, openings=0)
    queries = replace(RELATIONS.parameters, queries=(4096,))
    _core.VerifyingKey(key_of(replace(wide(1), parameters=queries)))
    with pytest.raises(tacit.ModelError, match="bits of security, the profile asks for 128"):
        tacit.Key.from_bytes(key_of(replace(wide(200), parameters=queries)))


def test_the_largest_circuit_has_128_bits():
    terms, total = _core.security_of_size(2**28, 2**30)
    assert 128 <= total < 129
    assert soundness.composed([2.0**-bits for _, bits in terms]) == pytest.approx(total, abs=1e-9)
    # The schedule stands in the names and in the terms.
    asked = [(int(found[1]), bits) for name, bits in terms if (found := re.fullmatch(r"oracle \d+: (\d+) queries", name))]
    queries = [count for count, _ in asked]
    folds = [int(found[1]) for name, _ in terms if (found := re.fullmatch(r"oracle \d+: proximity gap, (\d+) folds", name))]
    rates = [round(2 * (bits / count + math.log2(1.05))) for count, bits in asked]
    assert rates[0] == 2 and rates == sorted(rates)
    log_rows = sum(folds[1:]) + round(2 ** (3 * math.log2(soundness.P) - terms[-1][1]) / 2)
    own = soundness.opening(log_rows, folds[0], folds[1:], rates, queries)
    assert folds[0] == soundness.bits(2 ** (30 - log_rows) + 1)
    before = [*soundness.outer(28, 64 * 40, 2**20, 3 * 2**20 + 4, 6), soundness.seal(2**30 + 2**log_rows, 6)]
    for mine, (name, theirs) in zip(before + own, terms, strict=True):
        assert -math.log2(mine) == pytest.approx(theirs, abs=1e-6), name


def test_a_size_is_charged_more_than_a_circuit_of_that_size(model):
    leaves = 2 ** round(192 - 1 - math.log2(40) - dict(model.key.core.security()[0])["lookup: LogUp identity (N+T)/|K| * L"])
    sizes = dict(model.key.core.sizes())
    of_size = dict(_core.security_of_size(leaves, sizes["weight cells"] + sizes["witness cells"])[0])
    exact = dict(model.key.core.security()[0])
    assert all(of_size[name] <= exact[name] + 1e-6 for name in exact if name.startswith(OUTER))


def test_the_terms_of_hiding_proofs(model):
    """Against the independent formulas: what else a proof that hides is charged, and what it shares with a transparent one."""
    hiding = model.key.core.hiding_security()
    assert (hiding is None) == (not model.openings)
    if hiding is None:
        return
    terms, total = hiding
    assert soundness.composed([2.0**-bits for _, bits in terms]) == pytest.approx(total, abs=1e-9) and total >= 128
    found, plain = dict(terms), dict(model.key.core.security()[0])
    rate = model.parameters.log_inverse_rates[0]
    several = math.log2(10) + rate
    assert found["mask: 1/|K| * L"] == pytest.approx(3 * math.log2(soundness.P) - several, abs=1e-6)
    rounds = 2 ** (found["mask: 1/|K| * L"] - found["triples: 4n/|K| * L"]) / 4
    assert rounds == pytest.approx(round(rounds), abs=1e-6) and rounds >= 1
    combined = "combine: claims/|K| * L"
    assert found[combined] < plain[combined] < found["mask: 1/|K| * L"]  # what must be zero is a claim, too


def bits_command(capsys, text: str) -> tuple[int, str, str]:
    code = main(["inspect", "--bits", text])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_inspect_prints_the_bits_of_a_size(capsys):
    code, out, _ = bits_command(capsys, "leaves=2^28,cells=2^30")
    terms, total = _core.security_of_size(2**28, 2**30)
    assert code == 0 and f"security {total:.2f} bits in sum, grinding 0" in out
    assert all(re.search(rf"^ +{bits:.2f}  {re.escape(name)}$", out, re.MULTILINE) for name, bits in terms)
    assert bits_command(capsys, "cells=1073741824,leaves=268435456")[1] == out
    for stage in (*OUTER, "open"):
        own = [2.0**-bits for name, bits in terms if name.startswith(stage if stage in OUTER else ("oracle", "final"))]
        assert f"{soundness.composed(own):.2f}  {stage}\n" in out


@pytest.mark.parametrize(
    "text",
    [
        "", "leaves=2^28", "leaves=2^28,cells", "leaves=1,cells=2,rows=3", "leaves=1,leaves=1,cells=1", "leaves=x,cells=1",
        "leaves=-1,cells=1", "leaves=1.5,cells=1", "leaves=2^64,cells=1", "leaves=1,cells=18446744073709551616",
        "leaves=2^62,cells=1", "leaves=1,cells=2^42", "leaves=2^58,cells=1", "leaves=2^,cells=1", "leaves=3^2,cells=1",
    ],
)  # fmt: skip
def test_bad_sizes_exit_with_2_and_one_sentence(capsys, text):
    code, out, err = bits_command(capsys, text)
    assert code == 2 and out == "" and err.startswith("tacit: ") and err.count("\n") == 1 and "Traceback" not in err


def test_a_file_or_a_size(capsys, tmp_path):
    for arguments in ([], [str(tmp_path), "--bits", "leaves=1,cells=1"]):
        assert main(["inspect", *arguments]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_halving_the_queries_costs_half_the_bits():
    whole = soundness.composed(soundness.opening(18, 6, [4, 3, 3], [2, 2, 3, 4], [140, 140, 91, 68]))
    half = soundness.composed(soundness.opening(18, 6, [4, 3, 3], [2, 2, 3, 4], [70, 70, 45, 34]))
    assert whole > 128 and 60 < half < 70


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lenet5", "vgg16"])
def test_known_models_have_128_bits(name):
    sys.path.insert(0, str(ROOT / "bench"))
    import models

    report = tacit.compile(models.build(name), samples=models.samples(name, 2)).report
    assert report.bits >= 128
