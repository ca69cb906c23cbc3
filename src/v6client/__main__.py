"""``python -m v6client``: the entry of an algorithm container; with arguments, the command."""

import sys

from v6client.cli import main
from v6client.container.wrap import wrap_algorithm

if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(main())
    wrap_algorithm()
