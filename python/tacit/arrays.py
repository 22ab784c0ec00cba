"""NumPy's arrays in the core's memory, which stays for the next proof in place of being cleared by the kernel each time."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

from tacit import _core

__all__ = ["kept"]

SET_HANDLER = 304
"""The place of `PyDataMem_SetHandler` in NumPy's table of functions (numpy/__multiarray_api.h), which only ever grows."""
CAPSULE = b"mem_handler"


@contextmanager
def kept() -> Iterator[None]:
    """Arrays that this thread makes meanwhile are the core's memory (NEP 49), however long they live. Without effect where the core
    keeps none, or NumPy shows no table."""
    found = _found()
    if found is None:
        yield
        return
    choose, handler = found
    before = choose(handler)
    try:
        yield
    finally:
        choose(before)


@cache
def _found() -> tuple[Any, Any] | None:
    """NumPy's function that sets a handler and returns the one before, and the core's handler."""
    address = _core.array_memory_handler()
    table = getattr(getattr(np, "_core", None), "_multiarray_umath", None)
    capsule = getattr(table, "_ARRAY_API", None)
    if not address or capsule is None:
        return None
    of, place, name, one = ctypes.PYFUNCTYPE, ctypes.c_void_p, ctypes.c_char_p, ctypes.py_object
    pointer = of(place, one, name)(("PyCapsule_GetPointer", ctypes.pythonapi))
    new = of(one, place, name, place)(("PyCapsule_New", ctypes.pythonapi))
    functions = ctypes.cast(pointer(capsule, None), ctypes.POINTER(place))
    choose = of(one, one)(functions[SET_HANDLER])
    return choose, new(address, CAPSULE, None)
