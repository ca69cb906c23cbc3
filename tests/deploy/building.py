"""The manifests of ``deploy/kubernetes``, built as ``kubectl apply -k`` builds them, and judged."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from tests.deploy.cluster import Cluster
from tests.observability.install import ROOT
from tests.observability.processes import program, said

DEPLOY: Final = ROOT / "deploy"
KUBERNETES: Final = DEPLOY / "kubernetes"
BASE: Final = "base"
REMOTE: Final = "overlays/remote"


@cache
def built(folder: str) -> Cluster:
    """Build one of the folders, once."""
    return kustomized(KUBERNETES / folder)


def kustomized(folder: Path) -> Cluster:
    """Build a folder, or skip the test with the reason."""
    # Without a flag: nothing is taken from outside of a kustomization's folder.
    done = said(program("kustomize"), "build", folder)
    assert done.returncode == 0, done.stderr
    return Cluster(done.stdout)


def planted(before: str, after: str, folder: str = BASE, count: int = 1) -> Cluster:
    """Give the manifests with a mistake in them."""
    text = built(folder).text
    assert before in text, before
    return Cluster(text.replace(before, after, count))


def judged(name: str, *arguments: str, text: str) -> tuple[int, str]:
    """Give what a program says of manifests, after the code that it ends with."""
    done = said(program(name), *arguments, given=text)
    return done.returncode, done.stdout + done.stderr
