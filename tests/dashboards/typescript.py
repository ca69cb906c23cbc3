"""Grafana's own types, and TypeScript's compiler to hold the dashboards against them.

``python -m tests.dashboards.typescript`` installs both with npm into the cache of the user, as
``package-lock.json`` has them, and needs Node.js. It does nothing where it has been done before,
and ends with 3 and one line where it cannot be done on this machine.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

CANNOT_INSTALL: Final = 3

_HERE: Final = Path(__file__).parent
_LOCKED: Final = ("package.json", "package-lock.json")
_DONE: Final = "v6client-installed"

# The JSON is of plain words, where Grafana's types have enumerations of them: each string of a type
# becomes its possible texts. What a type does not have is then an error, at any depth.
_HEAD: Final = """\
import type { Dashboard } from "@grafana/schema";
import type { TableFieldOptions } from "@grafana/schema";
import type { Options as Stat } from "{raw}/stat/panelcfg/x/StatPanelCfg_types.gen.d.ts";
import type { Options as Table } from "{raw}/table/panelcfg/x/TablePanelCfg_types.gen.d.ts";
import type { Options as TimeSeries, FieldConfig as GraphField }
  from "{raw}/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen.d.ts";

type Plain<T> = T extends string ? `${T}`
  : T extends number | boolean | null | undefined ? T
  : T extends (infer U)[] ? Plain<U>[]
  : T extends object ? { [K in keyof T]: Plain<T[K]> }
  : T;

"""
_RAW: Final = "@grafana/schema/dist/types/raw/composable"
_OPTIONS: Final = {"stat": "Stat", "table": "Table", "timeseries": "TimeSeries"}
_FIELDS: Final = {"table": "TableFieldOptions", "timeseries": "GraphField"}
_STRICT: Final = (
    *("--noEmit", "--strict", "--skipLibCheck", "--pretty", "false", "--target", "es2022"),
    *("--module", "nodenext", "--moduleResolution", "nodenext"),
)


def folder() -> Path:
    """Give the folder outside the clone where they belong, installed or not."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256(b"".join((_HERE / name).read_bytes() for name in _LOCKED))
    return cache / "v6client" / f"grafana-schema-{digest.hexdigest()[:12]}"


def is_installed() -> bool:
    """Tell whether they were installed there to the end, and can run."""
    return (folder() / _DONE).is_file() and shutil.which("node") is not None


def install() -> str:
    """Install them unless they are there already; give the reason where that cannot be done."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        return f"{' and '.join(missing)} not found; TypeScript needs Node.js"
    place = folder()
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_installed():
            return ""
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        for name in _LOCKED:
            shutil.copy(_HERE / name, place)
        # Without their scripts: types and a compiler need none.
        options = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        done = subprocess.run(  # noqa: S603 - our own command
            ["npm", "ci", *options],  # noqa: S607 - wherever npm is
            cwd=place,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            return lines[0] if lines else "npm failed"
        (place / _DONE).touch()
    return ""


def errors_of(
    name: str,
    document: str,
    options: list[tuple[str, str]],
    fields: Sequence[tuple[str, str]] = (),
) -> list[str]:
    """Say what of a dashboard Grafana's types do not have.

    Parameters
    ----------
    name
        What to call it.
    document
        Its JSON.
    options
        The options of its panels as JSON, each with the panel's type. Those types alone are
        checked that Grafana has types for.
    fields
        What a panel's type has of its own for each field, as JSON, with that type.
    """
    parts = [_HEAD.replace("{raw}", _RAW), f"export const all: Plain<Dashboard> = {document};\n"]
    parts += [
        f"export const of_{number}: Plain<Partial<{_OPTIONS[kind]}>> = {text};\n"
        for number, (kind, text) in enumerate(options)
        if kind in _OPTIONS
    ]
    parts += [
        f"export const field_{number}: Plain<Partial<{_FIELDS[kind]}>> = {text};\n"
        for number, (kind, text) in enumerate(fields)
        if kind in _FIELDS
    ]
    source = folder() / f"{name}-{os.getpid()}.ts"
    source.write_text("".join(parts), "utf-8")
    compiler = folder() / "node_modules" / "typescript" / "bin" / "tsc"
    try:
        done = subprocess.run(  # noqa: S603 - what we installed
            ["node", str(compiler), *_STRICT, str(source)],  # noqa: S607 - wherever node is
            cwd=folder(),
            check=False,
            capture_output=True,
            text=True,
        )
    finally:
        source.unlink()
    lines = done.stdout.splitlines()
    if done.returncode and not lines:
        raise RuntimeError(f"tsc failed: {done.stderr}")
    return lines


def main() -> int:
    """Install and give the exit code."""
    reason = install()
    if reason:
        print(f"Grafana's types cannot be installed: {reason}", file=sys.stderr)  # noqa: T201 - a command's own words
        return CANNOT_INSTALL
    print(f"Grafana's types are in {folder()}")  # noqa: T201 - a command's own words
    return 0


if __name__ == "__main__":
    sys.exit(main())
