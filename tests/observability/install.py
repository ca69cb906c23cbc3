"""Find, or make, the programs that ``deploy/`` is for, and those that check it.

``python -m tests.observability.install [NAME ...]`` puts what is missing into a folder of the
user's cache, keyed by version, and says where it is. What is on the path is used as it is. It ends
with 3, and a line a program, where one cannot be had on this machine.

Prometheus and its tool are Debian's, unpacked without being installed, so that no service of theirs
starts. The others are built from their released Go modules, whose checksums Go verifies.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

CANNOT_INSTALL: Final = 3

ROOT: Final = Path(__file__).parents[2]
BUILDER_CONFIG: Final = ROOT / "deploy" / "collector" / "builder.yaml"

# The module of Jaeger v2.13.0 has the number of the last v1.
JAEGER_MODULE: Final = "github.com/jaegertracing/jaeger"
JAEGER_VERSION: Final = "v1.76.0"
# Debian's Alertmanager works only where it is installed.
ALERTMANAGER_MODULE: Final = "github.com/prometheus/alertmanager"
ALERTMANAGER_VERSION: Final = "v0.28.1"
# What `docker compose` reads its files with; it needs no Docker.
COMPOSE_MODULE: Final = "github.com/compose-spec/compose-go/v2"
COMPOSE_VERSION: Final = "v2.16.2"
KUSTOMIZE_MODULE: Final = "sigs.k8s.io/kustomize/kustomize/v5"
KUSTOMIZE_VERSION: Final = "v5.8.1"
KUBE_SCORE_MODULE: Final = "github.com/zegl/kube-score"
KUBE_SCORE_VERSION: Final = "v1.20.0"
# What a Kubernetes API server says of manifests, by its own code.
KUBERNETES_CHECKS: Final = ROOT / "tests" / "deploy" / "kubernetes_checks"

_BUILD_SECONDS: Final = 1800.0
_DOWNLOAD_SECONDS: Final = 300.0
_SLOW_DOWN: Final = 10


class CannotInstallError(Exception):
    """A program cannot be had on this machine, for the reason that the message gives."""


@dataclass(frozen=True)
class Program:
    """A program.

    Parameters
    ----------
    names
        What it is called on a path.
    key
        The folder of the cache that it belongs to, made from its version.
    file
        Where it is in there.
    install
        Puts it there: is given the folder.
    """

    names: tuple[str, ...]
    key: str
    file: str
    install: Callable[[Path], None]

    @property
    def folder(self) -> Path:
        """The folder of the cache."""
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return cache / "v6client" / self.key

    def found(self) -> Path | None:
        """Give where it is: on the path, else in the cache, else nowhere."""
        for name in self.names:
            if on_path := shutil.which(name):
                return Path(on_path)
        cached = self.folder / self.file
        return cached if cached.is_file() else None


def collector_version() -> str:
    """Give the version that builder.yaml names."""
    found = re.search(r"^  version: (\S+)$", BUILDER_CONFIG.read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise CannotInstallError(f"{BUILDER_CONFIG.name} names no version")
    return found[1]


def _build_collector(folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="v6client-otelcol-") as work:
        config = Path(work) / "builder.yaml"
        text = BUILDER_CONFIG.read_text("utf-8")
        config.write_text(text.replace("output_path: ./_build", f"output_path: {work}/out"))
        builder = f"go.opentelemetry.io/collector/cmd/builder@v{collector_version()}"
        _run("go", "run", builder, "--config", str(config), seconds=_BUILD_SECONDS)
        _keep(Path(work) / "out" / "otelcol-v6client", folder)


def _build_module(module: str, version: str, package: str, name: str, folder: Path) -> None:
    told = _run("go", "mod", "download", "-json", f"{module}@{version}", seconds=_DOWNLOAD_SECONDS)
    _build(Path(json.loads(told)["Dir"]), package, name, folder)


def _build(module: Path, package: str, name: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=f"v6client-{name}-") as work:
        # As the main module, so that its own go.sum is what everything is verified against.
        source = Path(work) / "source"
        shutil.copytree(module, source)
        for path in (source, *source.rglob("*")):
            path.chmod(path.stat().st_mode | 0o200)
        _run(
            *("go", "build", "-trimpath", "-ldflags=-s -w", "-o", f"{work}/{name}", package),
            folder=source,
            seconds=_BUILD_SECONDS,
        )
        _keep(Path(work) / name, folder)


def _unpack_prometheus(folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="v6client-prometheus-") as work:
        download = ("apt-get", "download", "prometheus")
        try:
            _run(*download, folder=Path(work), seconds=_DOWNLOAD_SECONDS)
        except CannotInstallError:
            if os.geteuid() != 0:
                raise
            # No list of packages yet, or an old one.
            _run("apt-get", "update", "-qq", seconds=_DOWNLOAD_SECONDS)
            _run(*download, folder=Path(work), seconds=_DOWNLOAD_SECONDS)
        unpacked = Path(work) / "unpacked"
        for package in sorted(Path(work).glob("*.deb")):
            _run("dpkg-deb", "-x", str(package), str(unpacked), seconds=_DOWNLOAD_SECONDS)
        for name in ("prometheus", "promtool"):
            _keep(unpacked / "usr" / "bin" / name, folder)


def _digest(*files: Path) -> str:
    text = "".join(one.read_text("utf-8") for one in files)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


PROGRAMS: Final[Mapping[str, Program]] = {
    "collector": Program(
        ("otelcol-contrib",),
        f"otelcol-{collector_version()}-{_digest(BUILDER_CONFIG)}",
        "otelcol-v6client",
        _build_collector,
    ),
    "jaeger": Program(
        ("jaeger",),
        f"jaeger-{JAEGER_VERSION}",
        "jaeger",
        partial(_build_module, JAEGER_MODULE, JAEGER_VERSION, "./cmd/jaeger", "jaeger"),
    ),
    "compose": Program(
        (),
        f"compose-go-{COMPOSE_VERSION}",
        "compose-go",
        partial(_build_module, COMPOSE_MODULE, COMPOSE_VERSION, "./cmd", "compose-go"),
    ),
    "prometheus": Program(("prometheus",), "prometheus-debian", "prometheus", _unpack_prometheus),
    "promtool": Program(("promtool",), "prometheus-debian", "promtool", _unpack_prometheus),
    "alertmanager": Program(
        ("alertmanager", "prometheus-alertmanager"),
        f"alertmanager-{ALERTMANAGER_VERSION}",
        "alertmanager",
        partial(
            _build_module,
            *(ALERTMANAGER_MODULE, ALERTMANAGER_VERSION, "./cmd/alertmanager", "alertmanager"),
        ),
    ),
    "kustomize": Program(
        ("kustomize",),
        f"kustomize-{KUSTOMIZE_VERSION}",
        "kustomize",
        partial(_build_module, KUSTOMIZE_MODULE, KUSTOMIZE_VERSION, ".", "kustomize"),
    ),
    "kubernetes-checks": Program(
        (),
        f"kubernetes-checks-{_digest(*sorted(KUBERNETES_CHECKS.glob('*')))}",
        "kubernetes-checks",
        partial(_build, KUBERNETES_CHECKS, ".", "kubernetes-checks"),
    ),
    "kube-score": Program(
        ("kube-score",),
        f"kube-score-{KUBE_SCORE_VERSION}",
        "kube-score",
        partial(
            _build_module, KUBE_SCORE_MODULE, KUBE_SCORE_VERSION, "./cmd/kube-score", "kube-score"
        ),
    ),
}


def install(name: str) -> Path:
    """Put a program into the cache, unless it can be found already.

    Parameters
    ----------
    name
        A key of :data:`PROGRAMS`.

    Returns
    -------
    Path
        The program.

    Raises
    ------
    CannotInstallError
        No toolchain, no network, or no such package on this machine.
    """
    program = PROGRAMS[name]
    program.folder.parent.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(program.folder):
        if found := program.found():
            return found
        print(f"getting {name} into {program.folder}", flush=True)  # noqa: T201 - a command's own words
        started = time.monotonic()
        program.install(program.folder)
        print(f"done in {time.monotonic() - started:.0f} s")  # noqa: T201 - a command's own words
    found = program.found()
    if found is None:
        raise CannotInstallError(f"{program.file} was not made")
    return found


def main() -> int:
    """Install and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PROGRAMS))
    names = parser.parse_args().names or list(PROGRAMS)
    if unknown := set(names) - PROGRAMS.keys():
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    code = 0
    for name in names:
        try:
            print(f"{name} is {install(name)}")  # noqa: T201 - a command's own words
        except CannotInstallError as reason:
            print(f"{name} cannot be had: {reason}", file=sys.stderr)  # noqa: T201 - a command's own words
            code = CANNOT_INSTALL
    return code


def _run(*command: str, seconds: float, folder: Path | None = None) -> str:
    # Two compilers at a time, and behind everything else: the machine may have other work.
    flags = f"{os.environ.get('GOFLAGS', '')} -p=2 -buildvcs=false".strip()
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            ["nice", "-n", str(_SLOW_DOWN), *command],  # noqa: S607 - wherever it is
            check=False,
            capture_output=True,
            text=True,
            timeout=seconds,
            cwd=folder,
            env={**os.environ, "GOFLAGS": flags, "CGO_ENABLED": "0"},
        )
    except OSError as error:
        raise CannotInstallError(str(error)) from None
    except subprocess.TimeoutExpired:
        raise CannotInstallError(f"{command[0]} took longer than {seconds:.0f} s") from None
    if done.returncode:
        lines = [one for one in (done.stdout + done.stderr).splitlines() if one.strip()]
        raise CannotInstallError((lines or [f"{command[0]} failed"])[-1].strip())
    return done.stdout


def _keep(program: Path, folder: Path) -> None:
    """Move a program into the cache, whole or not at all."""
    if not program.is_file():
        raise CannotInstallError(f"{program.name} was not made")
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{program.name}"
    shutil.copy2(program, unfinished)
    unfinished.replace(folder / program.name)


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
