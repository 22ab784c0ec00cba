"""How each operator lowers to integer tensors and gadgets, or expands to other operators; one file an operator, found by
itself."""

from tacit.operators.registry import EXPANSIONS, LOWERINGS, discover, expansion, lowering

SUPPORTED = discover()

__all__ = ["EXPANSIONS", "LOWERINGS", "SUPPORTED", "discover", "expansion", "lowering"]
