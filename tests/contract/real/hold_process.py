"""An algorithm that does nothing until a file named ``release`` appears beside its input."""

import base64
import os
import time
from pathlib import Path


def main() -> None:
    """Wait, then give ``null`` as the result."""
    output = Path(base64.b32decode(os.environ["OUTPUT_FILE"].replace("!", "=")).decode())
    while not output.with_name("release").exists():
        time.sleep(0.05)
    output.write_text("null")


if __name__ == "__main__":
    main()
