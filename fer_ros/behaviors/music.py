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

"""Music chosen by expression, after the music player of Umer et al. (2022, section 3).

In the paper the recognised emotion chooses a song of its class; when and how songs change, and who
overrides whom, is decided here. A rule hands over when an expression starts and ends; the plug-in
plays the songs of that expression's folder in mpv. A song plays for a minimum time, songs change by
fading, and a song that has begun ends by itself when no other mood comes. A person's stop wins: by
the topic or service ``~/enable``, or by pausing, stopping or quitting mpv itself.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from fer_ros.behaviors.mpv import Mpv, MpvError
from fer_ros.behaviors.plugins import Context
from fer_ros.files import listed
from fer_ros.perception.strings import shortened
from fer_ros.transport.base import Handle, Qos, Subscription
from fer_ros.transport.codec import decode, encode, message_class
from fer_ros.transport.event_messages import Event

SUFFIXES = (
    ".aac", ".aif", ".aiff", ".flac", ".m4a", ".mka", ".mp3", ".oga", ".ogg", ".opus", ".wav",
    ".wma",
)  # fmt: skip
"""What counts as a song."""

_FADE_STEP = 0.05
_RESTARTS = 3
"""How often mpv is started again within a minute."""

_MOST_EVENTS = 1000
"""Events of mpv that wait; while there are more, nothing is read from it."""

_MOST_MOODS = 100
"""Expressions that go on at the same time; of more, the oldest are forgotten."""

_EVENTS = ("start-file", "end-file", "property-change", "shutdown", "gone")

_LOOK_PERIOD = 0.2
"""Period at which mpv is asked for a file that it has not begun to open [s]. A stop before that is
no end of a file, and where it comes at once after the file, mpv tells nothing."""


@dataclass(frozen=True)
class Options:
    """Options of the player in the rule file."""

    library: str
    """Folder with a folder of songs for every expression."""
    fade: float = 2.0
    """Time to fade a song out, and the next one in [s]."""
    minimum_play: float = 20.0
    """How long a song plays at least before another mood changes it [s]."""
    volume: float = 70.0
    """[% of mpv's own]."""
    mpv: str = "mpv"
    """Name or path of the program."""
    mpv_options: tuple[str, ...] = ()
    """More of its command line."""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Options:
        """Check the options of the rule file.

        Raises:
            ValueError: Something is missing, unknown or out of its range.
        """
        known = [each.name for each in fields(cls)]
        unknown = sorted(given.keys() - set(known))
        if unknown:
            raise ValueError(f"unknown option {unknown[0]!r}; there are {', '.join(known)}")
        values = dict(given)
        for name in ("library", "mpv"):
            if not isinstance(values.get(name, "-"), str) or not values.get(name, "-"):
                raise ValueError(f"the option {name!r} must be a string")
        if "library" not in values:
            raise ValueError("the option 'library' is missing: the folder of folders of songs")
        for name, highest in (("fade", 60), ("minimum_play", 3600), ("volume", 100)):
            value = values.get(name, 0)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"the option {name!r} must be a number")
            if not 0 <= value <= highest:
                raise ValueError(f"the option {name!r} must lie in 0..{highest}, not {value}")
        more = values.get("mpv_options", [])
        if not isinstance(more, list) or not all(isinstance(word, str) for word in more):
            raise ValueError("the option 'mpv_options' must be a list of strings")
        values["mpv_options"] = tuple(more)
        return cls(**values)


@dataclass
class _Song:
    mood: str
    path: Path
    entry: int
    """mpv's number of it."""
    since: float
    leaving: bool = False
    """It is fading out."""
    begun: bool = False
    """mpv has begun to open it, and will tell its end."""


class MusicPlayer:
    """The plug-in ``music_player``."""

    def __init__(self, options: Mapping[str, Any], context: Context) -> None:
        """Wait for a mood; mpv is started with the first song.

        Raises:
            ValueError: An option cannot be used.
            TransportError: A topic cannot be used.
        """
        self._options = Options.of(options)
        self._library = context.folder / Path(self._options.library).expanduser()
        self._log = context.log
        self._moods: dict[tuple[str, str], str] = {}
        self._song: _Song | None = None
        self._next: dict[str, int] = {}
        self._broken: dict[str, set[Path]] = {}
        self._mpv: Mpv | None = None
        self._starts: list[float] = []
        self._quit = self._stopped = self._paused = False
        self._fade: tuple[float, float, float] | None = None
        """Since when, and from which to which part of the volume."""
        self._problem = ""
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._ending = threading.Event()
        transport = context.transport
        text = message_class("std_msgs/msg/String").__msgtype__
        self._playing = transport.publisher("~/playing", text, Qos(durability="transient_local"))
        self._enable: Subscription = transport.subscribe(
            "~/enable", "std_msgs/msg/Bool", Qos(), self._on_enable
        )
        self._service: Handle | None = transport.set_bool_service("~/enable", self._on_service)
        self._thread = threading.Thread(target=self._run, name="music", daemon=True)
        self._thread.start()

    def handle(self, event: Event) -> None:
        """Take in that an expression started or ended."""
        self._inbox.put(event)

    def health(self) -> str:
        """Return why no music can be played; empty when it can."""
        return self._problem

    def close(self) -> None:
        """End the music and mpv."""
        self._enable.close()
        if self._service is not None:
            self._service.close()
        self._ending.set()
        self._inbox.put(None)
        self._thread.join(10.0)
        self._playing.close()

    def _on_enable(self, data: bytes) -> None:
        self._inbox.put(bool(decode(data, "std_msgs/msg/Bool").data))

    def _on_service(self, enabled: bool) -> tuple[bool, str]:
        self._inbox.put(enabled)
        return True, "music goes with the faces" if enabled else "no music"

    def _from_mpv(self, event: Mapping[str, Any]) -> None:
        """Queue an event of mpv; the queue is bounded."""
        if event["event"] in _EVENTS:
            while self._inbox.qsize() >= _MOST_EVENTS and not self._ending.is_set():
                time.sleep(_FADE_STEP)
            self._inbox.put(event)

    def _run(self) -> None:
        """Handle queued events, and fades and changes in between."""
        while True:
            try:
                item = self._inbox.get(timeout=self._pause())
            except queue.Empty:
                item = ()
            if self._ending.is_set():
                break
            try:
                self._take(item)
                self._go_on()
            except MpvError as error:
                self._fail(str(error))
            except OSError as error:
                self._fail(f"{error.filename}: {error.strerror}")
        if self._mpv is not None:
            self._mpv.close()

    def _pause(self) -> float | None:
        """Return how long there is nothing to do [s]."""
        if self._stopped:
            return None
        if self._fade is not None:
            return _FADE_STEP
        if self._song is not None and not self._song.begun:
            return _LOOK_PERIOD
        if self._song is not None and self._mood() not in (None, self._song.mood):
            return max(self._song.since + self._options.minimum_play - time.monotonic(), _FADE_STEP)
        return None

    def _mood(self) -> str | None:
        """Return the expression that began last of those that go on."""
        return next(reversed(self._moods.values()), None)

    def _take(self, item: Any) -> None:
        match item:
            case Event(phase="start"):
                self._moods[item.track_id, item.label] = item.label
                if len(self._moods) > _MOST_MOODS:
                    del self._moods[next(iter(self._moods))]
                self._broken = {}
            case Event(phase="end"):
                self._moods.pop((item.track_id, item.label), None)
            case bool():
                self._set_enabled(item)
            case {"event": "start-file", "playlist_entry_id": entry}:
                if self._song is not None and entry == self._song.entry:
                    self._song.begun = True
            case {"event": "end-file", "playlist_entry_id": entry, "reason": reason}:
                if self._song is not None and entry == self._song.entry:
                    self._song_ended(self._song, reason, item.get("file_error", ""))
            case {"event": "property-change", "name": "pause", "data": bool() as paused}:
                if paused != self._paused:  # else it only says how things are, as at the start
                    self._log.info("mpv was paused" if paused else "mpv goes on")
                    self._paused = self._stopped = paused
            case {"event": "shutdown"}:
                self._quit = True
            case {"event": "gone"}:
                self._mpv_ended()

    def _set_enabled(self, enabled: bool) -> None:
        if enabled:
            self._starts, self._broken = [], {}
            if self._paused and self._mpv is not None:
                self._mpv.command("set_property", "pause", False)
        elif self._song is not None and self._mpv is not None:
            self._song, self._fade = None, None
            self._say("")
            self._mpv.command("stop")
        self._stopped = not enabled

    def _song_ended(self, song: _Song, reason: str, error: str) -> None:
        self._song, self._fade = None, None
        self._say("")
        if reason == "error":
            self._broken.setdefault(song.mood, set()).add(song.path)
            self._log.warning(f"{song.path} cannot be played: {error or 'mpv does not say why'}")
        elif reason in ("stop", "quit"):
            self._log.info("mpv was stopped; no music until ~/enable")
            self._stopped = True

    def _mpv_ended(self) -> None:
        mpv, self._mpv = self._mpv, None
        self._song, self._fade = None, None
        self._say("")
        if mpv is None:
            return
        mpv.close()
        # A loaded machine loses the word of the end; a program that failed has another status.
        if self._quit or mpv.exit_status() == 0:
            self._log.info("mpv was quit; no music until ~/enable")
            self._stopped, self._quit = True, False
        else:
            self._log.warning(f"mpv ended unexpectedly with status {mpv.exit_status()}")

    def _go_on(self) -> None:
        """Play, change or fade, as is due."""
        if self._song is not None and not self._song.begun and self._ask("playlist-count") == 0:
            self._song_ended(self._song, "stop", "")
        mood, song = self._mood(), self._song
        if self._stopped:
            return
        if song is None:
            if mood is not None:
                self._play(mood)
            return
        played = time.monotonic() - song.since
        wanted = mood not in (None, song.mood)
        if wanted and not song.leaving and played >= self._options.minimum_play:
            song.leaving = True
            self._fade = (time.monotonic(), self._loudness(), 0.0)
        if self._fade is not None:
            self._step_fade(song, mood)

    def _step_fade(self, song: _Song, mood: str | None) -> None:
        assert self._mpv is not None
        assert self._fade is not None
        if song.leaving and mood in (None, song.mood):  # it came back
            song.leaving = False
            self._fade = (time.monotonic(), self._loudness(), 1.0)
        loudness = self._loudness()
        self._mpv.command("set_property", "volume", self._options.volume * loudness)
        if loudness == self._fade[2]:
            self._fade = None
            if song.leaving and mood is not None:
                self._play(mood)

    def _loudness(self) -> float:
        """Return the part of the volume that the fade has come to [0..1]."""
        if self._fade is None:
            return 1.0
        since, first, last = self._fade
        whole = self._options.fade * abs(last - first)
        done = min((time.monotonic() - since) / whole, 1.0) if whole > 0 else 1.0
        return first + (last - first) * done if done < 1.0 else last

    def _play(self, mood: str) -> None:
        """Play the next song of a mood that can be played."""
        songs = self._songs(mood)
        if not songs:
            return
        mpv = self._started()
        if mpv is None:
            return
        place = self._next.get(mood, 0) % len(songs)
        self._next[mood] = place + 1
        fading = self._options.fade > 0
        mpv.command("set_property", "volume", 0.0 if fading else self._options.volume)
        self._song = None  # what ends now was not ended by a person
        response = mpv.command("loadfile", str(songs[place]), "replace")
        now = time.monotonic()
        self._song = _Song(mood, songs[place], int(response["playlist_entry_id"]), now)
        self._fade = (now, 0.0, 1.0) if fading else None
        self._problem = ""
        self._say(str(songs[place]))
        self._log.info(f"{mood}: {songs[place].name}")

    def _songs(self, mood: str) -> list[Path]:
        """Return the songs of a mood, without those that could not be played."""
        folder = self._library / mood
        if Path(mood).name != mood or mood in (
            "",
            "..",
        ):  # classes have the names that a message gives them
            self._fail(f"{shortened(mood)!r} is no name of a folder with songs")
            return []
        if not folder.is_dir():
            self._fail(f"there is no folder {folder} with songs for {mood!r}")
            return []
        songs = [p for p in listed(folder) if p.suffix.lower() in SUFFIXES and p.is_file()]
        playable = [song for song in songs if song not in self._broken.get(mood, ())]
        if not songs:
            self._fail(f"{folder} has no songs ({' '.join(SUFFIXES)})")
        elif not playable:
            self._fail(f"no song in {folder} can be played")
        return playable

    def _started(self) -> Mpv | None:
        """Return mpv, started where need be; None when it ends again and again."""
        if self._mpv is None:
            now = time.monotonic()
            self._starts = [start for start in self._starts if now - start < 60] + [now]
            if len(self._starts) > _RESTARTS + 1:
                self._fail("mpv ends again and again; no music for a minute, or until ~/enable")
                return None
            self._paused = False
            options = self._options
            self._mpv = Mpv(self._from_mpv, options.mpv, options.mpv_options, self._ending)
            self._mpv.command("observe_property", 1, "pause")
        return self._mpv

    def _ask(self, name: str) -> Any:
        return None if self._mpv is None else self._mpv.command("get_property", name)

    def _fail(self, problem: str) -> None:
        if problem != self._problem:
            self._log.warning(f"no music: {problem}")
        self._problem = problem

    def _say(self, path: str) -> None:
        self._playing.publish(encode(message_class("std_msgs/msg/String")(data=path)))
