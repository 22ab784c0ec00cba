"""Forecasts of memory and time, and the refusal of proofs that this machine has no memory for."""

import sys
from dataclasses import replace

import numpy as np
import pytest

import tacit
from small_models import dense_model
from tacit import _core, forecast, machine, sizes
from tacit.arithmetize import finish
from tacit.circuit import Circuit, Constant, Iota, Listed, Lookup, Parameters, Segment, Sum, Table
from tacit.circuit.encode import decode
from tacit.errors import ModelError

GIB = 1 << 30


def written(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_free_memory_is_the_least_of_machine_and_groups(tmp_path):
    proc, groups = tmp_path / "proc", tmp_path / "groups"
    assert machine.free_memory(proc, groups) is None
    written(proc, {"meminfo": "MemTotal: 9000 kB\nMemAvailable:    8388608 kB\n", "self/cgroup": "0::/a/b\n"})
    assert machine.free_memory(proc, groups) == 8 * GIB
    written(groups, {"a/memory.max": "max\n", "a/memory.current": "5\n"})
    assert machine.free_memory(proc, groups) == 8 * GIB
    written(
        groups, {"a/memory.max": str(6 * GIB), "a/memory.current": str(4 * GIB), "a/memory.stat": f"x 1\ninactive_file {GIB}\n"}
    )
    assert machine.free_memory(proc, groups) == 3 * GIB
    written(groups, {"a/b/memory.max": str(4 * GIB), "a/b/memory.current": str(2 * GIB)})
    assert machine.free_memory(proc, groups) == 2 * GIB
    written(proc, {"meminfo": "MemAvailable: x kB\n"})
    assert machine.free_memory(proc, groups) == 2 * GIB


def test_freed_memory_goes_back(monkeypatch):
    """Where the system tells what a process holds, and the allocator is glibc's; elsewhere nothing happens."""
    calls = []
    library = type("Library", (), {"malloc_trim": staticmethod(calls.append)})
    monkeypatch.setattr(machine.ctypes, "CDLL", lambda name: library)
    for held, wanted in ((machine.LARGE - 1, []), (machine.LARGE, [0])):
        monkeypatch.setattr(machine, "resident_memory", lambda held=held: held)
        machine.trim()
        assert calls == wanted
    monkeypatch.setattr(machine.ctypes, "CDLL", lambda name: object())
    machine.trim()


def test_memory_of_a_proof_is_kept_for_the_next_one_until_it_is_given_back(model):
    """A large block of the core's own leaves its pages to the next one."""
    if not sys.platform.startswith("linux"):
        pytest.skip("kept on Linux only")
    model.prove(np.zeros(20, np.float32))
    assert _core.held_memory() > 0
    held, resident = _core.held_memory(), machine.resident_memory()
    tacit.give_back_memory()
    assert _core.held_memory() < held // 4
    assert machine.resident_memory() < resident
    tacit.verify(model.prove(np.zeros(20, np.float32)), model.key)


def test_this_machine_is_read():
    assert machine.resident_memory() > 1 << 20
    assert machine.free_memory() is None or machine.free_memory() > 1 << 20


@pytest.fixture(scope="module")
def model():
    return tacit.compile(dense_model((20, 16, 4), batch=1), np.random.default_rng(0).random((4, 20), dtype=np.float32))


def test_a_proof_without_memory_is_refused_with_the_figures(model, monkeypatch):
    peak = model.forecast.peak
    monkeypatch.setattr(machine, "resident_memory", lambda: 0)
    monkeypatch.setattr(machine, "free_memory", lambda: int(0.7 * peak))
    with pytest.raises(ModelError, match=r"about \d+ MB of memory and this machine has \d+ MB free"):
        model.prove(np.zeros(20, np.float32))
    for free in (int(0.8 * peak), None):
        monkeypatch.setattr(machine, "free_memory", lambda free=free: free)
        model.prepare()


def test_forecasts_grow_with_what_they_depend_on(model):
    circuit = decode(model.circuit)
    found = forecast.forecast(circuit)
    assert found == model.forecast and model.report.peak_memory == found.peak
    assert "a proof: about" in model.report.text()
    more = forecast.forecast(replace(circuit, lookups=circuit.lookups * 500))
    assert more.peak > found.peak and more.seconds > 2 * found.seconds
    grown = {name: count - dict(found.stages)[name] for name, count in more.stages}
    leaves = 499 * model.report.lookups
    assert (forecast.TREE + 1) * leaves <= grown["lookup"] - grown["commit"] <= (forecast.TREE + 8) * leaves
    assert grown["lookup"] > grown["open"] > grown["commit"] > 0


def looked_up(circuit, lookups, *tables):
    """A circuit with lookups (elements, table) in tables of segments in place of its own."""
    made = tuple(Table("t", len(segments[0].rules), segments) for segments in tables)
    sums = [(Sum((elements,), 1, ()), table) for elements, table in lookups]
    return replace(circuit, tables=made, lookups=tuple(Lookup("l", t, (total,) * made[t].width) for total, t in sums))


def test_integers_of_lookups_take_what_their_table_spans():
    listed = Segment(10, 0, (Iota(0), Listed(2, bytes(20))))
    wide = (Segment(1 << 17, 0, (Iota(-(1 << 16)),)), Segment(1, 1, (Constant(7),)))
    narrow = (Segment(256, 0, (Iota(-128),)),)
    far = (Segment(1, 0, (Constant(0),)), Segment(1, 0, (Constant(1 << 32),)))
    circuit = looked_up(Circuit(), [(1000, 0), (100, 1), (10, 2), (1, 3)], (listed,), wide, narrow, far)
    rows = 10 * (4 + 1 + 2) + (1 << 17) * (4 + 4) + (4 + 1) + 256 * (4 + 1) + 2 * (4 + 1)
    expected = 1000 * (1 + 2) + 100 * 4 + 10 * 1 + 1 * 8 + rows
    assert forecast._lookup(circuit) == (1111 + 10 + (1 << 17) + 1 + 256 + 2, expected)


def test_large_trees_are_lean(model):
    """From so many leaves on, a leaf takes half as much."""

    def bytes_of(leaves):
        circuit = looked_up(decode(model.circuit), [(leaves - 256, 0)], (Segment(256, 0, (Iota(0),)),))
        return dict(forecast.forecast(circuit).stages)["lookup"]

    most, step = forecast.LEAN_FROM, 1 << 20
    assert bytes_of(most) - bytes_of(most - step) == (forecast.TREE + 1) * step
    assert bytes_of(most + 2 * step) - bytes_of(most + step) == (forecast.LEAN + 1) * step
    assert bytes_of(most + 1) < 0.6 * bytes_of(most)


def test_rows_that_lie_in_a_file_are_not_computed_again(model):
    circuit = decode(model.circuit)
    large = replace(circuit, parameters=replace(circuit.parameters, log_rows=26))
    again = forecast._again(sizes.sizes(large).limbs[0], large.parameters)
    seconds, read = forecast.by_node(large), forecast.by_node(large, encoded=True)
    assert again > 0 and seconds[forecast.WEIGHTS] - read[forecast.WEIGHTS] == pytest.approx(again)
    assert forecast.forecast(large, encoded=True).seconds < forecast.forecast(large).seconds
    assert forecast.forecast(circuit, encoded=True) == forecast.forecast(circuit)


def test_large_codewords_are_not_counted():
    small, large = forecast._encoded(8, 22, 2), forecast._encoded(9, 22, 2)
    assert small.kept > 8 * (1 << 24) * 8 and large.kept < 1 << 25
    assert large.made < small.made


def test_the_parts_of_a_forecast(tmp_path):
    """Every node takes what its own columns and relations take; with the weights, the tables and the rest they are all of it."""
    samples = np.random.default_rng(0).standard_normal((8, 6)).astype(np.float32)
    model = tacit.compile(dense_model((6, 5, 3)), samples, openings=0)
    circuit, nodes = decode(model.circuit), [name for name, _, _ in model.report.nodes]
    assert nodes == ["a0", "y"]  # dense0 leaves its sums to relu0, whose argument is a step of a0
    parts = forecast.by_node(circuit, nodes)
    assert sum(parts.values()) == pytest.approx(forecast.THREADS * model.forecast.seconds)
    witness = sum(int(np.prod(c.shape)) for c in circuit.columns if c.home == "witness" and c.name.startswith("a0"))
    virtual = sum(int(np.prod(c.shape)) for c in circuit.columns if c.home == "virtual" and c.name.startswith("a0"))
    relations = sum(r.name.startswith("a0") for r in (*circuit.lookups, *circuit.contracts))
    cells, lookups = model.report.nodes[0][1:]
    assert cells == witness > 0
    per_encoded = forecast.PER_ELEMENT * 2 ** model.parameters.log_inverse_rates[0]
    per_cell = forecast.PER_CELL + per_encoded + forecast.PER_OPENED
    expected = per_cell * cells + forecast.PER_CELL * virtual + forecast.PER_LEAF * lookups + forecast.PER_RELATION * relations
    assert parts["a0"] == pytest.approx(expected)
    assert parts[forecast.WEIGHTS] == pytest.approx(forecast.PER_OPENED * (30 + 5 + 15 + 3))
    assert parts[forecast.TABLES] > 0 and parts[forecast.REST] > 0
    quick, small = (forecast.by_node(decode(finish(model.circuit, 9, receipts)), nodes) for receipts in ("quick", "small"))
    assert small[forecast.ORACLES] > quick[forecast.ORACLES] > 0 and sum(small.values()) > sum(quick.values())


def test_rows_of_codewords_that_are_not_held_take_time():
    held, again = (Parameters(22, 0, 0, (), (rate,), (queries,)) for rate, queries in ((2, 140), (5, 54)))
    assert forecast._again(8, held) == 0 < forecast._again(9, held)
    assert forecast._again(9, again) == pytest.approx(forecast.PER_STEP * (9 << 22) * (2 << 5))
    many = replace(again, log_inverse_rates=(6,), queries=(44,))
    assert forecast._again(9, many) == pytest.approx(forecast.PER_STEP * (9 << 22) * 88)


@pytest.mark.parametrize("openings", [0, 1, 100])
@pytest.mark.parametrize("sizes_of", [(6, 5, 3), (200, 300, 10)])
def test_receipts_have_the_size_that_is_told(sizes_of, openings):
    """Its queries are random, hence how many siblings they share."""
    samples = np.random.default_rng(0).standard_normal((4, sizes_of[0])).astype(np.float32)
    model = tacit.compile(dense_model(sizes_of), samples, openings=openings)
    circuit = decode(model.circuit)
    found, limbs = sizes.sizes(circuit), dict(model.key.core.sizes())["limbs"]
    lengths = [len(model.prove(sample).to_bytes()) for sample in samples[: openings or 4]]
    assert found.receipt == pytest.approx(np.mean(lengths), rel=0.03)
    assert sum(found.limbs) == limbs if not openings else sum(found.limbs) > limbs
    assert (sum(found.uniform) > 0) == (openings > 0)
    seconds = forecast.by_node(circuit)
    assert (seconds.get(forecast.UNIFORM, 0) > 0) == (openings > 0)
    assert sum(seconds.values()) == pytest.approx(forecast.THREADS * model.forecast.seconds)


def test_proofs_that_hide_take_more(model):
    plain = tacit.compile(dense_model((20, 16, 4), batch=1), np.random.default_rng(0).random((4, 20), dtype=np.float32), openings=0)
    many = forecast.forecast(decode(finish(model.circuit, 10_000)))
    assert many.peak > 1.5 * model.forecast.peak > 1.5 * plain.forecast.peak and many.seconds > 2 * model.forecast.seconds
