"""Windows: maxima and averages."""
