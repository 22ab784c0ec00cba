"""The `tacit` command.

Exit codes: 0 done or valid, 1 not a valid receipt for this key, 2 usage or input, 3 a fault in Tacit, 130 interrupted.
"""

from tacit.services.cli.main import main

__all__ = ["main"]
