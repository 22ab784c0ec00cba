"""Quantisation: from observed ranges to fixed-point exponents."""

from tacit.quantize.scales import FAITHFUL, LEANEST, MIDDLE, STANDARD, TOY, InputScale, Scales, Width, places_of, quantize

__all__ = ["FAITHFUL", "LEANEST", "MIDDLE", "STANDARD", "TOY", "InputScale", "Scales", "Width", "places_of", "quantize"]
