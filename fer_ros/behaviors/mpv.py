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

"""The media player mpv as a child process, controlled over its JSON IPC (mpv(1), "JSON IPC")."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from fer_ros.perception.strings import shortened

START_TIME = 10.0
"""How long mpv may take to listen [s]."""

RESPONSE_TIME = 5.0
"""How long it may take to respond to a command [s]."""

LONGEST_LINE = 1 << 20
"""Of what it sends [bytes]; its own lines are far shorter, whatever the titles of songs."""

OWN_OPTIONS = (
    "--no-config", "--load-scripts=no", "--ytdl=no", "--idle=yes", "--no-video", "--no-terminal",
    "--audio-display=no",
)  # fmt: skip
"""Options before those of the rule file. The settings of a person who listens to films with the
same mpv, and their scripts, are not read: they may pause, loop or keep songs open."""

NEEDED_OPTIONS = ("--pause=no", "--keep-open=no", "--loop-file=no", "--loop-playlist=no")
"""Options after those of the rule file; with others, songs would not follow each other."""

_QUIT_TIME = 2.0
_SEND_TIME = struct.pack("ll", 2, 0)
"""How long it may take to take in a command: a ``timeval`` of 2 s."""
_LOOK_PERIOD = 0.1
"""Period at which a wait checks whether to stop [s]."""

_WITH_PARENT = """
import ctypes, os, sys
try:
    ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG: SIGKILL when the parent is gone
except (OSError, AttributeError):
    pass  # not Linux
if os.getppid() == int(sys.argv[1]):  # else it is gone already
    os.execv(sys.argv[2], sys.argv[2:])
"""
"""Program that becomes mpv; ``preexec_fn`` of subprocess is not safe beside threads."""


class MpvError(RuntimeError):
    """mpv is not there, does not respond, or refuses a command; the message says which."""


class Mpv:
    """One mpv without window and terminal, which waits for files."""

    def __init__(
        self,
        on_event: Callable[[Mapping[str, Any]], None],
        program: str = "mpv",
        options: Sequence[str] = (),
        ending: threading.Event | None = None,
    ) -> None:
        """Start it and wait until it listens. It ends with this process, whatever ends that.

        Args:
            on_event: Gets mpv's events, and ``{"event": "gone"}`` at the end, on a thread of their
                own.
            program: Name or path.
            options: More of mpv's command line, e.g. ``--ao=alsa``; its own settings are not read.
            ending: Once it is set, nothing is waited for.

        Raises:
            MpvError: It is not installed, ends at once or does not listen.
        """
        self._on_event = on_event
        self._ending = ending or threading.Event()
        self._responses: dict[int, dict[str, Any] | None] = {}
        """By number of the command; None while it is waited for."""
        self._changed = threading.Condition()
        self._number = 0
        self._gone = False
        found = shutil.which(program)
        if found is None:
            raise MpvError(
                f"{program} cannot be started: no such program (sudo apt-get install mpv)"
            )
        self._folder = Path(tempfile.mkdtemp(prefix="fer_ros_mpv_"))  # for this user alone
        place = self._folder / "ipc"
        line = [found, *OWN_OPTIONS, *options, *NEEDED_OPTIONS, f"--input-ipc-server={place}"]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _WITH_PARENT, str(os.getpid()), *line],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the robot's node, which then ends mpv
            )  # fmt: skip
        except OSError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise MpvError(f"{program} cannot be started: {error.strerror}") from None
        try:
            self._socket = self._connect(place)
        except MpvError:
            self._process.kill()  # it does not listen: there is nobody to ask
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
            MpvError: mpv refuses it, does not respond or is gone.
        """
        with self._changed:
            self._number += 1
            number = self._number
            self._responses[number] = None
        line = json.dumps({"command": words, "request_id": number}) + "\n"
        try:
            self._socket.sendall(line.encode("utf-8", "surrogateescape"))
        except OSError as error:
            raise MpvError(f"mpv is gone ({error.strerror or error})") from None
        end = time.monotonic() + RESPONSE_TIME
        with self._changed:
            while not (self._responses[number] or self._gone or self._ending.is_set()):
                if time.monotonic() >= end:
                    break
                self._changed.wait(_LOOK_PERIOD)
            response = self._responses.pop(number)
        if response is None:
            raise MpvError("mpv is gone" if self._gone else "mpv does not respond")
        if response.get("error") != "success":
            raise MpvError(f"mpv refuses {words[0]}: {shortened(str(response.get('error')))}")
        return response.get("data")

    def close(self) -> None:
        """End mpv, by force if need be; harmless when called again."""
        with suppress(OSError):  # it may be gone already
            self._socket.sendall(b'{"command": ["quit"]}\n')
        self._end_process()
        self._socket.close()
        self._reader.join(_QUIT_TIME)

    def _connect(self, place: Path) -> socket.socket:
        end = time.monotonic() + START_TIME
        while time.monotonic() < end and not self._ending.is_set():
            if self._process.poll() is not None:
                raise MpvError(f"mpv ended at once with status {self._process.returncode}")
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(str(place))
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _SEND_TIME)
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
            while line := lines.readline(LONGEST_LINE):
                if not line.endswith(b"\n"):  # or it was cut off at the end
                    self._process.kill()
                    break
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
        if not isinstance(message, dict):
            return
        if "event" in message:
            self._on_event(message)
        with self._changed:
            number = message.get("request_id")
            if isinstance(number, int) and number in self._responses:
                self._responses[number] = message
                self._changed.notify_all()
