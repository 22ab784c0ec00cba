"""`python tests/reference KEY RECEIPT [CONTEXT]`: exit code 0 when the receipt is valid, 1 when it is refused."""

from __future__ import annotations

import sys
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from reference import Refused, verify
else:
    from . import Refused, verify


def main(arguments: list[str]) -> int:
    if len(arguments) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    key, receipt = (Path(name).read_bytes() for name in arguments[:2])
    try:
        verify(receipt, key, arguments[2].encode() if len(arguments) == 3 else b"")
    except Refused as error:
        print(f"refused: {error}")
        return 1
    print("valid")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
