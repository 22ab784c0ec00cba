"""Operators of models that are quantised already: their integers are kept exactly."""
