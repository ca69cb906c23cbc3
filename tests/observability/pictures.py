"""Draw the dashboards for the documentation, from a study with a slow and a failing hospital.

``python -m tests.observability.pictures [FOLDER]`` runs the stack and the study, and writes
``dashboards-<name>.png`` for each dashboard. It takes three minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from dashboards.pictures.draw import draw
from dashboards.pictures.sources import Sources
from dashboards.view import View

from tests.observability import jobs
from tests.observability.install import PROGRAMS, ROOT
from tests.observability.observed import of_study
from tests.observability.stack import QUICKER, scraped, stack

NEEDED: Final = ("collector", "jaeger", "alertmanager", "prometheus")
ROUNDS: Final = 20
# Bursts of the last figures, and rules, after that.
_AFTER: Final = 14.0

SUBTITLE: Final = (
    f"{ROUNDS} rounds at four hospitals: {jobs.SLOW} is slow, {jobs.FAILING} fails two of three"
    " times. Drawn from the dashboard's JSON and a real Prometheus and Jaeger, without Grafana."
)


def main() -> int:
    """Run, draw, and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("folder", metavar="FOLDER", nargs="?", type=Path, default=ROOT / "docs")
    folder = parser.parse_args().folder
    missing = [name for name in NEEDED if PROGRAMS[name].found() is None]
    if missing:
        parser.error(f"no {', '.join(missing)}: python -m tests.observability.install")
    with (
        tempfile.TemporaryDirectory(prefix="v6client-pictures-") as work,
        stack(Path(work)) as this,
    ):
        begin = time.time()
        with jobs.survival(this.collector.endpoint) as sandbox:
            study = of_study(sandbox, jobs.run_study(sandbox, ROUNDS, well=3), begin)
        time.sleep(_AFTER)
        chosen = {"algorithm": jobs.STUDY, "service": jobs.STUDY, "trace": study.trace_id}
        view = View(
            begin,
            scraped(this),
            scrape=10 / QUICKER,
            shorter=QUICKER,
            chosen={**chosen, "filter": ""},
        )
        for path in sorted((ROOT / "dashboards").glob("*.json")):
            picture = folder / f"dashboards-{path.stem}.png"
            document = json.loads(path.read_text("utf-8"))
            draw(document, Sources(this.prometheus, this.jaeger), view, picture, SUBTITLE)
            print(picture)  # noqa: T201 - a command's own words
    return 0


if __name__ == "__main__":
    sys.exit(main())
