"""Which statements of some modules run, and which kinds of relation a circuit has: what drawn instances must reach."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import get_args, get_type_hints

from tacit.circuit import Circuit, Segment, View
from tacit.circuit.model import HOMES


class Lines:
    """The lines of the modules' functions that ran inside `with lines.traced():`."""

    def __init__(self, modules: list[ModuleType]) -> None:
        self.modules = modules
        self.seen: dict[str, set[int]] = {inspect.getsourcefile(module): set() for module in modules}

    @contextmanager
    def traced(self) -> Iterator[None]:
        def within(frame, event, argument):
            if event == "line":
                self.seen[frame.f_code.co_filename].add(frame.f_lineno)
            return within

        def entered(frame, event, argument):
            return within if frame.f_code.co_filename in self.seen else None

        for module in self.modules:
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()
        before = sys.gettrace()
        sys.settrace(entered)
        try:
            yield
        finally:
            sys.settrace(before)

    def missing(self) -> list[str]:
        """Statements that never ran, but for refusals: "file:line text"."""
        found = []
        for path, seen in self.seen.items():
            text = Path(path).read_text(encoding="utf-8")
            for first, last in statements(ast.parse(text)):
                if not seen & set(range(first, last + 1)):
                    name = path.split("/tacit/")[-1]
                    found.append(f"{name}:{first} {text.splitlines()[first - 1].strip()}")
        return found


def statements(tree: ast.Module) -> Iterator[tuple[int, int]]:
    """(first, last line) of the statements in functions; of a compound one, of its header."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for node in {id(n): n for function in functions for n in ast.walk(function) if n is not function}.values():
        if not isinstance(node, ast.stmt) or isinstance(node, (ast.Raise, ast.ImportFrom, ast.FunctionDef, ast.Try)):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        body = getattr(node, "body", None)
        yield node.lineno, body[0].lineno - 1 if body and body[0].lineno > node.lineno else node.end_lineno


def kinds() -> set[str]:
    """Every kind of thing that a circuit may consist of."""
    rules = get_args(get_args(get_type_hints(Segment)["rules"])[0])
    maps = get_args(get_args(get_type_hints(View)["maps"])[0])
    return {
        *(f"home {home}" for home in HOMES),
        *(f"rule {rule.__name__}" for rule in rules),
        *(f"map {(getattr(item, '__origin__', None) or item).__name__}" for item in maps),
        *(f"{count} views in a contract" for count in range(4)),
        *(f"{count} views in a lookup" for count in range(2)),
        "public input",
        "public output",
    }


def kinds_of(circuit: Circuit) -> set[str]:
    """Those that this circuit has."""
    sums = [("contract", c.zero) for c in circuit.contracts]
    sums += [("lookup", component) for lookup in circuit.lookups for component in lookup.components]
    terms = [(where, term) for where, total in sums for term in total.terms]
    return {
        *(f"home {column.home}" for column in circuit.columns),
        *(f"rule {type(rule).__name__}" for table in circuit.tables for s in table.segments for rule in s.rules),
        *(f"map {type(item).__name__}" for _, term in terms for view in term.views for item in view.maps),
        *(f"{len(term.views)} views in a {where}" for where, term in terms),
        *("public output" if public.is_output else "public input" for public in circuit.publics),
    }
