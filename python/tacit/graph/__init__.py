"""The graph: frozen data between a frontend and the lowering, with the checks of what is legal at each stage."""

from tacit.graph.legality import STAGES, check, require_supported
from tacit.graph.model import MOVES, Block, Choice, Graph, Node, State, Value

__all__ = ["MOVES", "STAGES", "Block", "Choice", "Graph", "Node", "State", "Value", "check", "require_supported"]
