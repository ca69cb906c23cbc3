"""A headless Chromium, driven over the W3C WebDriver protocol: https://www.w3.org/TR/webdriver2/."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
MISSING = None if CHROMIUM and DRIVER else "chromium and chromedriver are not installed"

_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {
    "ArrowDown": "\ue015",
    "ArrowUp": "\ue013",
    "ArrowRight": "\ue014",
    "ArrowLeft": "\ue012",
    "Enter": "\ue007",
    "Home": "\ue011",
    "End": "\ue010",
    "Tab": "\ue004",
}


class Browser:
    """One window."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._http = requests.Session()
        self._http.trust_env = False

    def _call(self, method: str, path: str, body: object = None) -> Any:
        url = f"{self._session}/{path}".rstrip("/")
        answer = self._http.request(method, url, json=body, timeout=60)
        value = answer.json()["value"]
        assert answer.ok, value
        return value

    def open(self, path: Path) -> None:
        self._call("POST", "url", {"url": path.as_uri()})

    def run(self, script: str) -> Any:
        """Evaluate a script's ``return``."""
        return self._call("POST", "execute/sync", {"script": script, "args": []})

    def press(self, *keys: str) -> None:
        """Press keys, where the focus is."""
        for key in keys:
            value = KEYS.get(key, key)
            actions = [{"type": kind, "value": value} for kind in ("keyDown", "keyUp")]
            keyboard = {"type": "key", "id": "keyboard", "actions": actions}
            self._call("POST", "actions", {"actions": [keyboard]})

    def devtools(self, command: str, **parameters: object) -> Any:
        body = {"cmd": command, "params": parameters}
        return self._call("POST", "goog/cdp/execute", body)

    def resize(self, width: int, height: int) -> None:
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )

    def prefer(self, scheme: str) -> None:
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.devtools("Emulation.setEmulatedMedia", features=[feature])

    def messages(self) -> list[dict[str, Any]]:
        """Give what the console was told, errors of the page's policy among it."""
        found: list[dict[str, Any]] = self._call("POST", "se/log", {"type": "browser"})
        return found

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._call("GET", "screenshot")))

    def close(self) -> None:
        self._call("DELETE", "")
        self._http.close()


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Start a browser with a profile of its own, and end it."""
    assert DRIVER is not None
    with subprocess.Popen(  # noqa: S603 - the driver that was found
        [DRIVER, "--port=0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # A group of its own, so that no browser outlives a driver that fails.
        start_new_session=True,
    ) as driver:
        try:
            assert driver.stdout is not None
            port = next(
                line.rpartition("port ")[2].strip(". \n")
                for line in driver.stdout
                if "successfully" in line
            )
            options = {
                "binary": CHROMIUM,
                "args": [*_OPTIONS, f"--user-data-dir={folder}"],
            }
            wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
            with requests.Session() as http:
                http.trust_env = False
                answer = http.post(
                    f"http://127.0.0.1:{port}/session",
                    json={"capabilities": {"alwaysMatch": wanted}},
                    timeout=60,
                )
            value = answer.json()["value"]
            assert answer.ok, value
            found = Browser(f"http://127.0.0.1:{port}/session/{value['sessionId']}")
            try:
                yield found
            finally:
                found.close()
        finally:
            os.killpg(driver.pid, signal.SIGKILL)
