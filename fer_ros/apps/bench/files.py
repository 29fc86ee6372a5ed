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

"""Reading files: a video beside the bare pipeline, and a folder with one process and with two."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fer_ros.perception.images import encode_jpeg
from fer_ros.reading.finding import find_sources
from fer_ros.reading.pool import read_here, read_in_processes
from fer_ros.reading.reader import Reader
from fer_ros.reading.recordings import Part
from fer_ros.reading.tables import TableFile
from fer_ros.reading.work import Event, FrameRead, Work
from fer_ros.sources.scene import demo_scene
from fer_ros.sources.video import Video, pyav

FRAMES, ROUNDS = 120, 3

_WORK = Work(Part(0.0, 0.0, float("inf")))


def measure_files(pictures: int) -> dict[str, Any]:
    """Measure both, in turns, several rounds.

    Args:
        pictures: How many lie in the folder.

    Returns:
        Medians. Of the video: rate of `fer-ros read` to that of the bare pipeline, which is given
        decoded frames, by the clock and by the processor time of the thread that finds the faces
        (decoding has another). Of the folder: how many times as fast two processes are as one, and
        the processor time of both to that of one.

    Raises:
        CameraError: PyAV is not installed.
    """
    reader = Reader()
    with TemporaryDirectory() as name:
        folder = Path(name)
        return {
            "frames": FRAMES,
            "pictures": pictures,
            "video": _measure_video(reader, folder),
            "folder": _measure_folder(reader, folder, pictures),
        }


def _measure_video(reader: Reader, folder: Path) -> dict[str, float]:
    clip = _clip(folder / "clip.mp4")
    frames = list(Video(clip).frames())

    def bare() -> None:
        for _ in reader.follow(frames, "clip"):
            pass

    def read() -> None:
        (source,) = sources = find_sources([str(clip)])
        _to_table(
            folder / f"{source.path.stem}.csv", reader, read_here(sources, reader, _WORK, _NEVER)
        )

    wall, cpu = [], []
    for _ in range(ROUNDS):
        one, other = _seconds(bare), _seconds(read)
        wall.append(one[0] / other[0])
        cpu.append(one[1] / other[1])
    return {"rate_ratio": statistics.median(wall), "thread_ratio": statistics.median(cpu)}


def _measure_folder(reader: Reader, folder: Path, count: int) -> dict[str, float]:
    scene = demo_scene()
    jpegs = [encode_jpeg(scene.render(index / 3)[0], 90) for index in range(30)]
    home = folder / "pictures"
    home.mkdir()
    for index in range(count):
        (home / f"{index:05}.jpg").write_bytes(jpegs[index % len(jpegs)])
    sources = find_sources([str(home)])

    def read(processes: int) -> None:
        events = read_in_processes(sources, {}, _WORK, processes, _NEVER)
        _to_table(folder / "pictures.csv", reader, events)

    faster, dearer = [], []
    for _ in range(ROUNDS):
        one, two = _seconds(lambda: read(1)), _seconds(lambda: read(2))
        faster.append(one[0] / two[0])
        dearer.append(two[2] / one[2])
    return {"speed_up": statistics.median(faster), "processor_ratio": statistics.median(dearer)}


_NEVER = threading.Event()


def _to_table(path: Path, reader: Reader, events: Iterator[Event]) -> None:
    table = TableFile(path, reader.origin.labels)
    for event in events:
        if isinstance(event, FrameRead):
            table.write_rows(event.rows)
    table.keep()


def _seconds(call: Callable[[], None]) -> tuple[float, float, float]:
    """Return the time of a call by the clock, of this thread, and of all processes [s]."""
    before = time.perf_counter(), time.thread_time(), _processor_seconds()
    call()
    after = time.perf_counter(), time.thread_time(), _processor_seconds()
    wall, thread, processor = (end - start for start, end in zip(before, after))
    return wall, thread, processor


def _processor_seconds() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _clip(path: Path) -> Path:
    """Write a 720p H.264 video of three faces that move and change."""
    av, scene = pyav(), demo_scene(1280, 720)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 30)
        for index in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(scene.render(index / 30)[0], format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def print_files(results: dict[str, Any]) -> None:
    """Print the figures."""
    video, folder = results["video"], results["folder"]
    print(
        f"\nfer-ros read, 720p H.264, {results['frames']} frames: {video['rate_ratio']:.2f} of the "
        f"bare pipeline's rate ({video['thread_ratio']:.2f} by processor time of its thread)\n"
        f"{results['pictures']} pictures: two processes {folder['speed_up']:.2f} times as fast as "
        f"one, with {folder['processor_ratio']:.2f} of its processor time"
    )
