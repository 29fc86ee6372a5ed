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

"""The annotated images of one camera: drawn, encoded and sent on a thread of their own.

A picture of 4K takes tens of milliseconds to code, and a reliable subscriber that stalls holds its
publisher up. So the worker only leaves its newest result here; what comes faster than pictures can
be made is passed over.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from fer_ros.perception import annotate
from fer_ros.perception.images import encode_jpeg
from fer_ros.perception.types import FrameResult
from fer_ros.runtime.throttle import Throttle
from fer_ros.transport import messages
from fer_ros.transport.base import Publisher, Qos, Transport
from fer_ros.transport.codec import encode
from fer_ros.transport.image_topics import COMPRESSED

_JOIN_TIME = 2.0
"""How long a close waits for the picture at hand [s]."""


class AnnotatedOutput:
    """``~/image_annotated`` of one camera, raw and compressed; made only for subscribers."""

    def __init__(self, transport: Transport, topic: str) -> None:
        """Open both topics.

        Args:
            transport: The node's place in the graph.
            topic: Name of the raw one; the other has ``/compressed`` behind it.

        Raises:
            fer_ros.transport.base.TransportError: A topic cannot be opened.
        """
        self._log = transport.log
        self._raw = transport.publisher(topic, messages.IMAGE, Qos(depth=1))
        self._compressed = transport.publisher(
            topic + COMPRESSED, messages.COMPRESSED_IMAGE, Qos(depth=1)
        )
        self._throttle = Throttle()
        self._changed = threading.Condition()
        self._waiting: FrameResult | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def publishers(self) -> Sequence[Publisher]:
        """The endpoints, for diagnostics."""
        return self._raw, self._compressed

    def offer(self, result: FrameResult) -> None:
        """Take the newest result; returns at once, and does nothing where nobody subscribes."""
        if not any(publisher.subscription_count() for publisher in self.publishers):
            return
        with self._changed:
            if self._closed:
                return
            self._waiting = result
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="fer-pictures", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Leave the topics; harmless when called again."""
        with self._changed:
            self._closed, self._waiting = True, None
            thread = self._thread
            self._changed.notify()
        if thread is not None:
            thread.join(_JOIN_TIME)
        for publisher in self.publishers:
            publisher.close()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._waiting is not None)
                if self._closed:
                    return
                result, self._waiting = self._waiting, None
            assert result is not None
            try:
                self._publish(result)
            except Exception as error:  # one picture must not end all later ones
                reason = f"{self._raw.topic}: {type(error).__name__}: {error}"
                text = self._throttle.admit("picture", reason)
                if text:
                    self._log.error(text)

    def _publish(self, result: FrameResult) -> None:
        frame = result.frame
        picture = annotate.draw(frame.image, result.faces)
        if self._raw.subscription_count():
            self._raw.publish(encode(messages.image(picture, frame.stamp_ns, frame.frame_id)))
        if self._compressed.subscription_count():
            jpeg = encode_jpeg(picture)
            message = messages.compressed_image(jpeg, frame.stamp_ns, frame.frame_id)
            self._compressed.publish(encode(message))
