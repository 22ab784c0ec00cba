"""How each operator lowers to integer tensors and gadgets; one file an operator, found by itself."""

from tacit.operators.registry import LOWERINGS, discover, lowering

SUPPORTED = discover()

__all__ = ["LOWERINGS", "SUPPORTED", "discover", "lowering"]
