"""Element types that NumPy lacks: their kinds, limits and numbers are those of ml_dtypes."""

import builtins

import ml_dtypes
import numpy as np
import pytest

from tacit.key import Signature
from tacit.numbers import dtypes
from tacit.numbers.dtypes import bits_of, dtype_of, kind_of, largest_of, limits_of, plain


@pytest.mark.parametrize("name", dtypes.PACKED_INTEGERS)
def test_integers(name):
    found = ml_dtypes.iinfo(dtype_of(name))
    assert limits_of(name) == limits_of(dtype_of(name)) == (found.min, found.max)
    assert bits_of(name) == found.bits and kind_of(name) == name[0]


@pytest.mark.parametrize("name", dtypes.PACKED_FLOATS)
def test_floats(name):
    assert kind_of(name) == kind_of(dtype_of(name)) == "f"
    assert largest_of(name) == float(ml_dtypes.finfo(dtype_of(name)).max)


def test_types_of_numpy():
    assert [kind_of(name) for name in ("float16", "int64", "uint8", "bool")] == ["f", "i", "u", "b"]
    assert limits_of("bool") == (0, 1) and limits_of("int16") == (-(2**15), 2**15 - 1) and bits_of("uint64") == 64
    assert largest_of("float32") == np.finfo(np.float32).max
    array = np.arange(3)
    assert plain(array) is array


@pytest.mark.parametrize("name", [n for n in dtypes.PLAIN if dtype_of(n).itemsize == 1])
def test_plain_arrays_have_the_same_numbers(name):
    bits = bits_of(name) if name in dtypes.PACKED_INTEGERS else 4 if name.startswith("float4") else 8
    every = np.arange(1 << bits, dtype=np.uint8).view(dtype_of(name))
    numbers = every.astype(np.float64)
    np.testing.assert_array_equal(plain(every), numbers)
    assert plain(every).dtype == dtypes.PLAIN[name]


def test_a_verifier_without_ml_dtypes_reads_plain_numbers(monkeypatch):
    real = builtins.__import__

    def lacking(name, *rest):
        if name == "ml_dtypes":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", lacking)
    monkeypatch.setattr(dtypes, "dtype_of", dtype_of.__wrapped__)
    monkeypatch.setattr("tacit.key.dtype_of", dtype_of.__wrapped__)
    for name, kind, expected in (("bfloat16", np.float32, [1.5, -2.0]), ("int4", np.int8, [3, -4])):
        found = Signature("y", True, name, (2,), 1 if name == "bfloat16" else 0, -8, 7, 1).values(np.int8([3, -4]).tobytes())
        assert found.dtype == kind and found.tolist() == expected
