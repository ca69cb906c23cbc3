"""What the words of a report mean, for its reader."""

from __future__ import annotations

from typing import Final

WORDS: Final = {
    "Task, run, round": (
        "A task goes to some organizations; each carries out its run of it. Tasks that were under "
        "way together are one round."
    ),
    "In the queue": (
        "From the task's creation, by the server's clock, to the start of the run, by the clock of "
        "the organization's node: waiting for the node, fetching the image, starting the "
        "container."
    ),
    "Computing": "From the start of the run to its end, by the clock of its node.",
    "Until the end was noticed": (
        "From the end of a run until the run that waited for it had its result: it asks at times "
        "only, and then fetches."
    ),
    "Critical path": (
        "From the end of the job backwards, always to what ended last before. Had any stretch of "
        "it been shorter, the job would have been. What is not on it made nobody wait."
    ),
    "Retry": (
        "A request that was sent again, because the network, the node's proxy or the server "
        "failed. The result is the same."
    ),
}
