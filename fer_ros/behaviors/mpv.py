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

"""The media player mpv as a child process, spoken to by its JSON IPC (mpv(1), "JSON IPC")."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

START_TIME = 10.0
"""How long mpv may take to listen [s]."""

ANSWER_TIME = 5.0
"""How long it may take to answer a command [s]."""

_QUIT_TIME = 2.0


class MpvError(RuntimeError):
    """mpv is not there, does not answer, or refuses a command; the message says which."""


class Mpv:
    """One mpv without window and terminal, which waits for files."""

    def __init__(
        self,
        on_event: Callable[[Mapping[str, Any]], None],
        program: str = "mpv",
        options: Sequence[str] = (),
    ) -> None:
        """Start it and wait until it listens.

        Args:
            on_event: Gets mpv's events, and ``{"event": "gone"}`` at the end, on a thread of their
                own.
            program: Name or path.
            options: More of mpv's command line, e.g. ``--ao=alsa``.

        Raises:
            MpvError: It is not installed, ends at once or does not listen.
        """
        self._on_event = on_event
        self._answers: dict[int, dict[str, Any] | None] = {}
        """By number of the command; None while it is waited for."""
        self._changed = threading.Condition()
        self._number = 0
        self._gone = False
        self._folder = Path(tempfile.mkdtemp(prefix="fer_ros_mpv_"))  # for this user alone
        place = self._folder / "ipc"
        line = [program, "--idle=yes", "--no-video", "--no-terminal", "--audio-display=no"]
        try:
            self._process = subprocess.Popen(
                [*line, *options, f"--input-ipc-server={place}"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the robot's node, which then ends mpv
            )  # fmt: skip
        except OSError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            hint = " (sudo apt-get install mpv)" if isinstance(error, FileNotFoundError) else ""
            raise MpvError(f"{program} cannot be started: {error.strerror}{hint}") from None
        try:
            self._socket = self._connect(place)
        except MpvError:
            self._end_process()
            raise
        self._reader = threading.Thread(target=self._read, name="mpv", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def exit_status(self) -> int | None:
        """Return how it ended, negative for a signal; None while it runs."""
        return self._process.poll()

    def command(self, *words: Any) -> Any:
        """Give a command, e.g. ``("loadfile", "/a.ogg")``, and return its data.

        Raises:
            MpvError: mpv refuses it, does not answer or is gone.
        """
        with self._changed:
            self._number += 1
            number = self._number
            self._answers[number] = None
        line = json.dumps({"command": words, "request_id": number}) + "\n"
        try:
            self._socket.sendall(line.encode("utf-8", "surrogateescape"))
        except OSError as error:
            raise MpvError(f"mpv is gone ({error.strerror or error})") from None
        with self._changed:
            self._changed.wait_for(lambda: self._answers[number] or self._gone, ANSWER_TIME)
            answer = self._answers.pop(number)
        if answer is None:
            raise MpvError("mpv is gone" if self._gone else "mpv does not answer")
        if answer.get("error") != "success":
            raise MpvError(f"mpv refuses {words[0]}: {answer.get('error')}")
        return answer.get("data")

    def close(self) -> None:
        """End mpv, by force if need be; harmless when called again."""
        with suppress(OSError):  # it may be gone already
            self._socket.sendall(b'{"command": ["quit"]}\n')
        self._end_process()
        self._socket.close()
        self._reader.join(_QUIT_TIME)

    def _connect(self, place: Path) -> socket.socket:
        end = time.monotonic() + START_TIME
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise MpvError(f"mpv ended at once with status {self._process.returncode}")
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(str(place))
                connection.settimeout(None)
                return connection
            except OSError:
                connection.close()
                time.sleep(0.02)
        raise MpvError(f"mpv does not listen within {START_TIME:g} s")

    def _end_process(self) -> None:
        try:
            self._process.wait(_QUIT_TIME)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _read(self) -> None:
        with suppress(OSError), self._socket.makefile("rb") as lines:
            for line in lines:
                self._take(line)
        with self._changed:
            self._gone = True
            self._changed.notify_all()
        self._on_event({"event": "gone"})

    def _take(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            return  # mpv passes on titles as they are in files, and they may be no UTF-8
        if "event" in message:
            self._on_event(message)
        with self._changed:
            if message.get("request_id") in self._answers:
                self._answers[message["request_id"]] = message
                self._changed.notify_all()
