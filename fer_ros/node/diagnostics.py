# Copyright 2026 fer_ros maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Content of /diagnostics: cameras, networks, detector and latency, each as one status.

Plain functions from observations to :class:`fer_ros.transport.messages.Status`; the node collects
the observations and publishes.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from fer_ros.node.parameters import Settings
from fer_ros.node.stream import Stream, StreamCounts, StreamRates
from fer_ros.perception.strings import shortened
from fer_ros.perception.timing import CLOCK_REMEDY, RollingWindow, clock_difference
from fer_ros.perception.types import STAGES, StageTimes
from fer_ros.runtime.engine import CameraCondition
from fer_ros.runtime.status import ERROR, OK, WARN
from fer_ros.transport import messages
from fer_ros.transport.base import Subscription, refusal
from fer_ros.transport.messages import Status
from fer_ros.transport.video_messages import VIDEOS

ERROR_FACTOR = 3.0
"""A camera silent for this many times ``stale_after`` is an ERROR, not only a WARN."""


OVERLOAD = 0.5
"""Share of superseded images from which on a camera's status is a WARN."""

LOSSES = 0.1
"""Share of images lost before the node from which on it is one."""


class LatencyMonitor:
    """Cost of every stage, age at publish and number of faces over the recent past."""

    def __init__(self) -> None:
        self._stages = {name: RollingWindow() for name in (*STAGES, "total")}
        self._age = RollingWindow()
        self._faces = RollingWindow()

    def add(self, times: StageTimes, age_ms: float, faces: int) -> None:
        """Add one processed frame; the age may be NaN."""
        now = time.monotonic()
        costs = {name: getattr(times, name) for name in STAGES}
        for name, cost in costs.items():
            self._stages[name].add(cost, now)
        self._stages["total"].add(sum(costs.values()), now)
        self._age.add(age_ms, now)
        self._faces.add(float(faces), now)

    def status(self, prefix: str) -> Status:
        """Return percentiles per stage and of the age [ms]."""
        now = time.monotonic()
        values: dict[str, str] = {}
        for name, window in (("age", self._age), *self._stages.items()):
            for key, value in window.percentiles(now).items():
                values[f"{name}_ms.{key}"] = f"{value:.2f}"
        for key, value in self._faces.percentiles(now).items():
            values[f"faces.{key}"] = f"{value:.0f}"
        if not values:
            return Status(OK, f"{prefix}: latency", "no image processed lately", {})
        summary = f"age p50 {values.get('age_ms.p50', 'unknown')} ms"
        return Status(OK, f"{prefix}: latency", summary, values)


def camera_status(
    prefix: str,
    stream: Stream,
    subscription: Subscription,
    settings: Settings,
    condition: CameraCondition,
    other_types: Sequence[str] = (),
    loss_advice: str = "",
) -> Status:
    """Return the status of one camera.

    Args:
        prefix: Name of the node.
        stream: The camera's slot and counters.
        subscription: Its endpoint.
        settings: For ``stale_after`` and ``enabled``.
        condition: What its images are like.
        other_types: Types in which its topic is published, other than the expected one.
        loss_advice: What helps on this middleware when images get lost before the node.
    """
    counts, rates = stream.counts(), stream.rates()
    publishers = subscription.publisher_count()
    if publishers > 1:  # whose stamps have gaps between them, though nothing is lost
        loss_advice = f"{publishers} publishers send on this topic; give each camera its own"
    level, message = _silence(stream, subscription, settings.stale_after, other_types)
    if level == OK:
        level, message = _trouble(counts, rates, settings, condition, loss_advice)
    if level == OK:
        message = f"{rates.received:.1f} Hz in, {rates.processed:.1f} Hz out"
        if rates.lost_share >= 0.01:
            message += f", {rates.lost_share:.0%} lost"
    incompatible = () if other_types else subscription.incompatible_qos()
    if incompatible:
        level = max(level, WARN)
        message += f"; {refusal('publisher', incompatible)}"
    values = {
        "rate_in_hz": f"{rates.received:.2f}",
        "rate_out_hz": f"{rates.processed:.2f}",
        "lost_percent": f"{100 * rates.lost_share:.1f}",
        "received": str(counts.received),
        "published": str(counts.published),
        **{f"dropped.{cause}": str(number) for cause, number in counts.dropped.items()},
        "lost_before.stamp_gaps": str(counts.missing),
        "lost_before.middleware": str(subscription.lost()),
        "repeated": str(subscription.repeated()),
        "jpeg.without_end": str(condition.unended_jpegs),
        "stamps.standing": str(condition.frozen_stamps),
        "stamps.zero": str(counts.unstamped),
        "stamps.future": str(counts.from_future),
        "publishers.other_types": shortened(", ".join(other_types), 500),
        "publishers": str(publishers),
        "incompatible_qos": ", ".join(incompatible),
        "last_error": shortened(counts.last_error, 500),
    }
    return Status(level, f"{prefix}: camera {stream.topic}", message, values, stream.topic)


def _silence(
    stream: Stream, subscription: Subscription, stale_after: float, other_types: Sequence[str]
) -> tuple[int, str]:
    seconds, heard = stream.silence()
    if seconds <= stale_after:
        return OK, ""
    level = ERROR if seconds > ERROR_FACTOR * stale_after else WARN
    what = "no image" if heard else "no image yet"
    publishers = subscription.publisher_count()
    if publishers:
        source = f"{publishers} publisher(s)"
    elif other_types:
        source = _wrong_type(stream, other_types)
    else:
        source = "nobody publishes it"
    return level, f"{what} for {seconds:.1f} s; {source}"


def _wrong_type(stream: Stream, found: Sequence[str]) -> str:
    """Return what to do about a publisher whose messages are of another type."""
    images = [kind for kind in found if kind in messages.IMAGES]
    if not images:
        remedy = "image_topics names a topic that holds no images"
    elif images[0] in VIDEOS:
        remedy = "image_transport auto takes it, where the package of its message is installed"
    elif images[0] == messages.IMAGE:
        remedy = "set image_transport to raw"
    else:
        remedy = "set image_transport to compressed and remap "
        remedy += f"{stream.topic}/compressed to {stream.topic}"
    named = shortened(", ".join(found), 500)
    return f"it is published as {named}, but {stream.type_name} is expected: {remedy}"


def _foreign_clock(foreign_ns: int) -> str:
    side = "behind" if foreign_ns > 0 else "ahead of"
    return (
        f"its stamps are {clock_difference(foreign_ns)} {side} this node's clock, so max_age "
        f"counts from their arrival; {CLOCK_REMEDY}, or set use_sim_time where a recording is "
        "played"
    )


def _trouble(
    counts: StreamCounts,
    rates: StreamRates,
    settings: Settings,
    condition: CameraCondition,
    loss_advice: str,
) -> tuple[int, str]:
    joining = counts.dropped["no_key_frame"] > 0  # a video, which takes until a key frame
    if counts.last_error and not (counts.published or joining):
        return ERROR, f"no image could be processed: {counts.last_error}"
    problems = []
    if settings.enabled and counts.without_result > ERROR_FACTOR * settings.stale_after:
        drops = ", ".join(f"{cause} {n}" for cause, n in counts.dropped.items() if n)
        problems.append(
            f"images come, but none was processed for {counts.without_result:.1f} s ({drops})"
        )
    if counts.recent_error:
        problems.append(counts.last_error)
    if counts.recent_odd_stamp:
        odd = {"without a stamp": counts.unstamped, "ahead of the node's clock": counts.from_future}
        problems.append(", ".join(f"{n} images {words}" for words, n in odd.items() if n))
    problems += condition.remarks
    if condition.foreign_ns:
        problems.append(_foreign_clock(condition.foreign_ns))
    if rates.superseded_share > OVERLOAD:
        problems.append(
            f"overloaded: {rates.superseded_share:.0%} of {rates.received:.1f} images a second "
            "come while the node is busy; max_rate, a smaller detection_size or fewer cameras help"
        )
    if rates.missing_share > LOSSES:
        lost = (
            f"{rates.missing_share:.0%} of the images get lost before the node, by the gaps in "
            "their stamps"
        )
        problems.append("; ".join(filter(None, (lost, loss_advice))))
    return (WARN, "; ".join(problems)) if problems else (OK, "")


def state_status(
    prefix: str, state: str, problem: str, incompatible: Sequence[str], namesakes: int = 0
) -> Status:
    """Return the node's state; an ERROR when something keeps it from working."""
    values = {
        "state": state,
        "incompatible_qos": ", ".join(incompatible),
        "namesakes": str(namesakes),
    }
    if problem:
        return Status(ERROR, f"{prefix}: node", problem, values)
    if namesakes:
        message = f"{namesakes} other node(s) have this name; give each its own (__node, __ns)"
        return Status(WARN, f"{prefix}: node", message, values)
    if incompatible:
        message = refusal("subscriber", incompatible)
        return Status(WARN, f"{prefix}: node", message, values)
    return Status(OK, f"{prefix}: node", state, values)
