"""Functions of one variable: each chain of them is one table."""
