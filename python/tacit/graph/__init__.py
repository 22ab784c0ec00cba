"""The graph: frozen data between a frontend and the lowering, with the checks of what is legal at each stage."""

from tacit.graph.legality import STAGES, check, require_supported
from tacit.graph.model import MOVES, Choice, Graph, Node, Value

__all__ = ["MOVES", "STAGES", "Choice", "Graph", "Node", "Value", "check", "require_supported"]
