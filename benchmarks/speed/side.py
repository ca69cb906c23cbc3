"""One client in a process of its own: ``python side.py CLIENT TASK``.

A JSON object on its input says where the server is; one with the figures comes back. It needs
nothing of this package, since upstream's client lives in another environment.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

PATH = "/organization/{id}"


def client_of(which: str, at: dict[str, Any]) -> Any:  # noqa: ANN401 - one of two classes
    """Make a client for a container: ours, with its telemetry off or on, or upstream's."""
    if which == "upstream":
        from vantage6.algorithm.client import (  # type: ignore[import-not-found]  # noqa: PLC0415
            AlgorithmClient,
        )
    else:
        _telemetry(which, at)
        from v6client import AlgorithmClient  # noqa: PLC0415
    return AlgorithmClient(at["token"], at["host"], at["port"], "")


def _telemetry(which: str, at: dict[str, Any]) -> None:
    """Switch everything on: spans, metrics, log lines; as an algorithm container does."""
    if which == "ours, off":
        return
    from v6client import telemetry  # noqa: PLC0415

    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = at["collector"]
    if which == "ours, on":
        _export_to_nobody()
    telemetry.configure()


def _export_to_nobody() -> None:
    """Leave out the last step of the export, which is the SDK's own, in a thread of its own."""
    from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult  # noqa: PLC0415

    from v6client.telemetry import collector  # noqa: PLC0415

    class Spans(SpanExporter):
        def export(self, spans: object) -> SpanExportResult:  # noqa: ARG002 - the interface's
            return SpanExportResult.SUCCESS

    class Metrics(MetricExporter):
        def export(self, *_: object, **__: object) -> MetricExportResult:
            return MetricExportResult.SUCCESS

        def force_flush(self, *_: object, **__: object) -> bool:
            return True

        def shutdown(self, *_: object, **__: object) -> None:
            return

    collector.span_exporter = Spans
    collector.metric_exporter = Metrics


def request_of(which: str, at: dict[str, Any]) -> Callable[[], Any]:
    """Give what makes one request, for an organization, and decodes the answer."""
    path = PATH.format(id=at["organization"])
    url = f"{at['host']}:{at['port']}{path}"
    name = at["host"].removeprefix("http://")
    headers = {"Authorization": f"Bearer {at['token']}"}
    if which == "http.client, kept":
        kept = http.client.HTTPConnection(name, at["port"], timeout=60)

        def request() -> Any:  # noqa: ANN401 - JSON
            kept.request("GET", path, headers=headers)
            return json.loads(kept.getresponse().read())

    elif which == "http.client, new":

        def request() -> Any:  # noqa: ANN401 - JSON
            new = http.client.HTTPConnection(name, at["port"], timeout=60)
            new.request("GET", path, headers=headers)
            answer = json.loads(new.getresponse().read())
            new.close()
            return answer

    elif which == "urllib3":
        import urllib3  # noqa: PLC0415

        pool = urllib3.PoolManager(timeout=urllib3.Timeout(connect=5, read=60))

        def request() -> Any:  # noqa: ANN401 - JSON
            return json.loads(pool.request("GET", url, headers=headers).data)

    elif which == "requests.Session":
        import requests  # noqa: PLC0415

        session = requests.Session()

        def request() -> Any:  # noqa: ANN401 - JSON
            return session.get(url, headers=headers, timeout=(5, 60)).json()

    else:
        client = client_of(which, at)

        def request() -> Any:  # noqa: ANN401 - JSON
            return client.organization.get(at["organization"])

    return request


def sequential(which: str, at: dict[str, Any]) -> dict[str, float]:
    """Make requests one after the other: CPU and time of each, in microseconds."""
    request = request_of(which, at)
    for _ in range(at["warm_up"]):
        if request()["id"] != at["organization"]:
            raise SystemExit(f"{which} got another organization")
    times = []
    cpu = time.process_time()
    for _ in range(at["requests"]):
        began = time.perf_counter()
        request()
        times.append(time.perf_counter() - began)
    cpu = time.process_time() - cpu
    return {"cpu": 1e6 * cpu / at["requests"], "p50": 1e6 * statistics.median(times)}


def threads(which: str, at: dict[str, Any]) -> dict[str, float]:
    """Make requests from several threads through one client: how many a second."""
    request = request_of(which, at)
    request()

    def work() -> None:
        for _ in range(at["requests"]):
            request()

    some = [threading.Thread(target=work) for _ in range(at["threads"])]
    began = time.perf_counter()
    for one in some:
        one.start()
    for one in some:
        one.join()
    return {"rate": at["requests"] * at["threads"] / (time.perf_counter() - began)}


def create(which: str, at: dict[str, Any]) -> dict[str, float]:
    """Create subtasks with a new client: the milliseconds of the first."""
    input_ = {"method": "partial", "args": [], "kwargs": {"column": "age"}}
    if which == "http.client, new":
        return {"first": _post(at, input_)}
    client = client_of(which, at)
    times = []
    for _ in range(at["times"]):
        began = time.perf_counter()
        client.task.create(input_=input_, organizations=at["organizations"], name="benchmark")
        times.append(1e3 * (time.perf_counter() - began))
    return {"first": times[0]}


def _post(at: dict[str, Any], input_: dict[str, Any]) -> float:
    """Send nothing but the one request that makes a task: milliseconds."""
    claims = at["token"].split(".")[1]
    whose = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"]
    text = base64.b64encode(json.dumps(input_).encode()).decode()
    task = {
        "name": "benchmark",
        "description": "",
        "image": whose["image"],
        "collaboration_id": whose["collaboration_id"],
        "databases": [],
        "organizations": [{"id": id_, "input": text} for id_ in at["organizations"]],
    }
    headers = {"Authorization": f"Bearer {at['token']}", "Content-Type": "application/json"}
    began = time.perf_counter()
    new = http.client.HTTPConnection(at["host"].removeprefix("http://"), at["port"], timeout=60)
    new.request("POST", "/task", body=json.dumps(task), headers=headers)
    answer = new.getresponse()
    answer.read()
    new.close()
    if answer.status != http.HTTPStatus.CREATED:
        raise SystemExit(f"the task was not created: {answer.status}")
    return 1e3 * (time.perf_counter() - began)


def page(which: str, at: dict[str, Any]) -> dict[str, float]:
    """List all organizations."""
    return {"rows": len(client_of(which, at).organization.list())}


def wait(which: str, at: dict[str, Any]) -> dict[str, float]:
    """Create one subtask for each organization, and wait for all of them."""
    client = client_of(which, at)
    input_ = {"method": "partial"}
    if which == "upstream":
        some = [client.task.create(input_=input_, organizations=[n]) for n in at["organizations"]]
        return {"results": sum(len(client.wait_for_results(one["id"])) for one in some)}
    task = client.task.create(input_, at["organizations"], isolated=True)
    return {"results": len(client.wait_for_results(task["id"]))}


def main() -> None:
    """Do one task, and say what it took."""
    which, task = sys.argv[1:]
    tasks = {"sequential": sequential, "threads": threads, "create": create, "page": page}
    figures = {**tasks, "wait": wait}[task](which, json.loads(sys.stdin.read()))
    sys.stdout.write(f"\n{json.dumps(figures)}\n")


if __name__ == "__main__":
    main()
