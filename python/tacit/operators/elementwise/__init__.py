"""Addition, multiplication and casts, element by element."""
