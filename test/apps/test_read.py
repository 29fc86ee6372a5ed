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

"""``fer-ros read``: files in; tables, pictures and videos out, whole or not at all."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from reading_samples import FAST, TIMES, read, rows_of, showing
from videos import av, write_video

from fer_ros.apps.cli import main
from fer_ros.perception.cut_out import cut_out
from fer_ros.reading.reader import Reader
from fer_ros.transport import codec, messages
from fer_ros.transport.bag import BagWriter
from fer_ros.transport.base import Qos


def test_a_video_becomes_a_table_and_an_annotated_video(film: Path, tmp_path: Path, capsys) -> None:
    table, drawn = tmp_path / "talk.csv", tmp_path / "faces.mp4"
    assert read(film, "--out", table, "--out", drawn) == 0
    reader = Reader(models="fer-lite", detector="fer-face")
    readings = list(reader.read_video(film))
    assert rows_of(table) == [r.to_dict() for reading in readings for r in reading.records()]
    assert [row["time"] for row in rows_of(table)] == [time / 1000 for time in TIMES]
    with av.open(str(drawn)) as container:
        frames = list(container.decode(video=0))
    assert [round(frame.time * 1000) for frame in frames] == TIMES
    image = frames[0].to_ndarray(format="bgr24")
    drawn_in = np.abs(image.astype(int) - readings[0].annotated()).mean()
    assert drawn_in < 6
    assert np.abs(image.astype(int) - readings[0].image).mean() > drawn_in + 2
    assert {path.name for path in tmp_path.iterdir()} == {
        "talk.csv",
        "faces.mp4",
    }
    assert "10 frames, 10 faces" in capsys.readouterr().out


def test_at_the_end_stands_what_each_person_showed(film: Path, tmp_path: Path, capsys) -> None:
    table, summary = tmp_path / "talk.csv", tmp_path / "talk.json"
    assert read(film, "--out", table, "--summary", summary) == 0
    out = capsys.readouterr().out
    (found,) = json.loads(summary.read_text())["summaries"]
    (person,) = found["people"]
    assert found["length"] == pytest.approx(0.49)
    assert person["seen"] == pytest.approx(0.49)
    assert sum(person["shown"].values()) == pytest.approx(1)
    rows = rows_of(table)
    steps = np.diff([*(row["time"] for row in rows), 0.49])
    for label, share in person["shown"].items():
        own = sum(step for step, row in zip(steps, rows) if row["label"] == label)
        assert share == pytest.approx(own / 0.49)
    assert person["track"] in out
    assert "first face after 0.0 s" in out


def test_a_resumed_run_summarizes_what_was_read_before(film: Path, tmp_path: Path, capsys) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    table = tmp_path / "t.csv"
    assert read(film, "--out", table, "--summary", first) == 0
    assert read(film, "--out", table, "--summary", second, "--resume") == 0
    one, other = (json.loads(path.read_text())["summaries"] for path in (first, second))
    assert one[0]["people"][0]["shown"] == pytest.approx(other[0]["people"][0]["shown"], abs=1e-3)


def test_the_surest_moments_are_pictured_on_request(film: Path, tmp_path: Path) -> None:
    plain, summary, folder = (tmp_path / name for name in ("t.csv", "s.json", "moments"))
    assert read(film, "--out", plain) == 0
    assert not list(tmp_path.rglob("*.jpg"))
    assert read(film, "--summary", summary, "--moments", folder) == 0
    (person,) = json.loads(summary.read_text())["summaries"][0]["people"]
    names = {f"talk/{person['track']}-{label}.jpg" for label in person["surest"]}
    assert {str(path.relative_to(folder)) for path in folder.rglob("*.*")} == names
    readings = {r.frame: r for r in Reader(models="fer-lite", detector="fer-face").read_video(film)}
    for label, moment in person["surest"].items():
        picture = cv2.imread(str(folder / "talk" / f"{person['track']}-{label}.jpg"))
        part = cut_out(readings[moment["frame"]].image, readings[moment["frame"]][0].face.box)
        small = cv2.resize(part, picture.shape[1::-1], interpolation=cv2.INTER_AREA)
        assert np.abs(small.astype(int) - picture).mean() < 6
    assert read(film, "--moments", folder) == 2
    assert read(film, "--moments", folder, "--overwrite") == 0


def test_pictures_have_no_summary(photos: Path, tmp_path: Path, capsys) -> None:
    assert read(photos / "0.png", "--out", tmp_path / "t.csv") == 0
    assert "first face" not in capsys.readouterr().out


def test_pictures_that_are_read_are_not_taken_for_faces_of_an_earlier_run(
    photos: Path, tmp_path: Path, capsys
) -> None:
    picture = tmp_path / "talk" / "face_1.png"
    picture.parent.mkdir()
    picture.write_bytes(next(photos.glob("*.png")).read_bytes())
    jpeg = picture.with_suffix(".jpg")
    cv2.imwrite(str(jpeg), cv2.imread(str(picture)))
    assert read(tmp_path / "talk", "--faces", tmp_path, "--overwrite") == 2
    assert "name another folder" in capsys.readouterr().err
    assert {path.name for path in picture.parent.iterdir()} == {"face_1.png", "face_1.jpg"}


def test_no_frame_is_an_error_and_leaves_nothing(film: Path, tmp_path: Path, capsys) -> None:
    sound = tmp_path / "sound.mp4"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 4410), np.float32), "fltp", "mono")
        silence.rate = 44100
        container.mux([*stream.encode(silence), *stream.encode()])
    strange = tmp_path / "strange.mp4"
    strange.write_bytes(film.read_bytes().replace(b"avc1", b"xyz1"))
    cases = (
        ((film, "--from", "100"), "has no frame from 100 s to its end"),
        ((film, "--from", "0.45", "--to", "0.46"), ""),
        ((film, "--from", "0.46", "--to", "0.5"), "has no frame from 0.46 s to 0.5 s"),
        ((sound,), "holds no video"),
        ((strange,), "codec"),
    )
    for words, reason in cases:
        outputs = tmp_path / "t.csv", tmp_path / "faces.mp4", tmp_path / "s.json"
        status = read(*words, "--out", outputs[0], "--out", outputs[1], "--summary", outputs[2])
        said = capsys.readouterr().err.splitlines()
        assert status == (2 if reason else 0)
        assert [reason in line for line in said] == ([True] if reason else [])
        assert [path.exists() for path in outputs] == [not reason] * 3
        for path in outputs:
            path.unlink(missing_ok=True)
        assert {path.name for path in tmp_path.iterdir()} == {"sound.mp4", "strange.mp4"}


def test_a_part_of_a_video_and_one_frame_a_period(film: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.jsonl"
    assert read(film, "--every", "0.1", "--from", "0.08", "--to", "0.4", "--out", table) == 0
    times = [json.loads(line)["time"] for line in table.read_text().splitlines()]
    assert times == [0.09, 0.12, 0.3]


def test_processes_give_the_same_table_and_bad_pictures_are_named(
    photos: Path, tmp_path: Path, capsys
) -> None:
    bad = photos / "3-bad.png"
    bad.write_text("no picture")
    try:
        one, two = tmp_path / "one.csv", tmp_path / "two.csv"
        faces, drawn = tmp_path / "faces", tmp_path / "drawn"
        assert read(photos, "--out", one) == 2
        assert (
            read(photos, "--out", two, "--jobs", "2", "--faces", faces, "--annotated", drawn) == 2
        )
    finally:
        bad.unlink()
    assert two.read_bytes() == one.read_bytes()
    sources = [Path(row["source"]).name for row in rows_of(one)]
    assert sources == ["0.png", "2.png", "4.png", "1.png", "3.png", "5.png"]
    errors = capsys.readouterr().err.splitlines()
    assert [line.partition(" cannot")[0] for line in errors] == [f"fer-ros read: {bad}"] * 2
    assert {str(p.relative_to(drawn)) for p in drawn.rglob("*.png")} == {
        "0.png", "2.png", "4.png", "sub/1.png", "sub/3.png", "sub/5.png",
    }  # fmt: skip
    crop = cv2.imread(str(faces / "sub" / "3" / "face_1.jpg"))
    assert 120 < crop.shape[1] < 300
    assert len(list(faces.rglob("*.jpg"))) == 6


def test_a_file_that_changes_while_it_is_read_is_not_relied_on(
    film: Path, tmp_path: Path, after_events, capsys
) -> None:
    growing = tmp_path / "growing.mp4"
    growing.write_bytes(film.read_bytes())
    after_events(3, lambda: growing.write_bytes(film.read_bytes() + b"more"))
    out = tmp_path / "out"
    assert read(growing, "--out", out / "t.csv", "--out", out / "t.mp4") == 2
    assert "was changed while it was read" in capsys.readouterr().err
    assert {path.name for path in out.iterdir()} <= {"t.partial.csv", "t.partial.options.json"}


@pytest.mark.parametrize(("leap_ms", "words"), [(59_000, ""), (36_000_000, "leap by up to 36000")])
def test_a_leap_in_the_times_of_a_video_is_remarked_on(
    tmp_path: Path, capsys, leap_ms: int, words: str
) -> None:
    grey = [np.full((48, 64, 3), 90, np.uint8)] * 10
    times = [i * 100 + leap_ms * (i >= 5) for i in range(10)]
    film = write_video(tmp_path / "film.mkv", grey, times)
    assert read(film, "--out", tmp_path / "t.csv") == 0
    said = capsys.readouterr().err
    assert words in said
    assert ("leap" in said) == bool(words)


def test_a_video_that_is_cut_short_is_read_as_far_as_it_goes(tmp_path: Path, capsys) -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 255, (120, 160, 3), np.uint8) for _ in range(40)]
    whole = write_video(tmp_path / "whole.mkv", noise, [i * 50 for i in range(40)])
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert read(whole, "--out", tmp_path / "whole.csv") == 0
    assert read(cut, "--out", tmp_path / "cut.csv") == 3
    assert "before its head says" in capsys.readouterr().err
    part = rows_of(tmp_path / "cut.csv")
    assert 5 < len(part) < 35


def test_a_recording_is_read_as_its_cameras(tmp_path: Path) -> None:
    writer = BagWriter(tmp_path / "drive")
    writer.add_topic("/cam/image_raw", messages.IMAGE, Qos())
    start = 1_700_000_000_000_000_000
    for index in range(6):
        stamp = start + index * 100_000_000
        data = codec.encode(messages.image(showing("happy"), stamp, "cam"))
        writer.write("/cam/image_raw", stamp, data[: 40 if index == 2 else None])
    writer.close()
    table = tmp_path / "t.csv"
    assert read(tmp_path / "drive", "--from", "0.1", "--out", table) == 3
    rows = rows_of(table)
    assert {row["source"] for row in rows} == {f"{tmp_path / 'drive'}#/cam/image_raw"}
    assert [row["frame"] for row in rows] == [1, 3, 4, 5]
    assert [row["time"] for row in rows][:2] == [start / 1e9 + 0.1, start / 1e9 + 0.3]
    assert {(row["track"], row["label"]) for row in rows} == {("face_1", "happy")}


def test_pictures_that_are_left_out_are_told_and_the_rest_is_read(tmp_path: Path, capsys) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), showing("happy"))
    (folder / "b.webp").write_bytes(b"RIFF....WEBP")
    (folder / "notes.txt").write_text("no picture")
    assert read(folder, "--out", tmp_path / "t.csv") == 0
    error = capsys.readouterr().err
    assert f"warning: 1 file left out of folders: {folder / 'b.webp'}; convert" in error
    assert len(rows_of(tmp_path / "t.csv")) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("bad.jpg", "--out", "t.csv"), "bad.jpg cannot be read"),
        (("junk.mp4", "--out", "t.csv", "--out", "t.mp4"), "junk.mp4 cannot be opened"),
        (("sound.wav", "--out", "t.csv"), "holds no video"),
        (("empty", "--out", "t.csv"), "empty holds no pictures"),
        (("good.png", "--out", "t.xlsx"), "its ending must be one of .csv"),
        (("good.png", "--out", "t.mp4"), "is a video, but good.png is none"),
        (("good.png", "--out", "good.png", "--overwrite"), "good.png is read, and cannot be"),
        (("good.png", "--annotated", ".", "--overwrite"), "good.png is read, and cannot be"),
        (("good.png", "--out", "there.csv"), "there.csv is there already; --overwrite"),
        (("good.png", "bad.jpg", "--out", "x.jpg"), "for one source"),
        (("good.png", "--out", "good.png/t.csv"), "cannot write"),
        (("good.png", "--out", "t.jsonl", "--summary", "t.jsonl"), "for two outputs"),
        (("good.png", "--out", "t.csv", "--out", "./t.csv"), "for two outputs"),
        (("good.png", "--out", "t.png", "--annotated", "drawn"), "draw the same"),
        (("good.png", "--out", "t.csv", "--summary", "empty", "--overwrite"), "empty is a folder"),
        (("good.png", "--out", "t.csv", "--summary", "bad.jpg/s.json"), "cannot write"),
        (("good.png", "--faces", "bad.jpg", "--overwrite"), "bad.jpg is a file; name a folder"),
        (("good.png", "--resume"), "--resume needs --out"),
        (("good.png", "--every", "-1"), "makes no sense"),
        (("good.png", "--jobs", "0"), "--jobs"),
        (("good.png", "--model", "fer-bas"), "fer-bas"),
        ((), "SOURCE"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch, capfd, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("good.png", showing("happy"))
    Path("bad.jpg").write_text("<html>")
    Path("junk.mp4").write_bytes(bytes(range(256)) * 40)
    Path("there.csv").write_text("mine")
    Path("empty").mkdir()
    from wave import open as open_wave

    with open_wave("sound.wav", "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(8000))
    before = {path: path.stat().st_size for path in tmp_path.rglob("*")}
    try:
        status = main(["read", *words, *(() if "--model" in words else FAST)])
    except SystemExit as ended:
        status = ended.code
    assert status == 2
    lines = [line for line in capfd.readouterr().err.splitlines() if "usage:" not in line]
    assert said in lines[-1]
    assert len([line for line in lines if "fer-ros" in line]) == 1, lines
    assert {path: path.stat().st_size for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("out", ["t.csv", "t.parquet", "t.mp4"])
def test_a_full_disk_is_named_and_leaves_nothing(film, tmp_path, capsys, out: str) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        assert read(film, "--out", tmp_path / out) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert f"cannot write {tmp_path / out}" in (error := capsys.readouterr().err)
    assert "File too large" in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_without_an_output_it_is_shown(film: Path, photos: Path, capsys, monkeypatch) -> None:
    assert read(film) == 0
    shown = capsys.readouterr().out
    assert "0.000 s  face_1" in shown
    assert "happy" in shown
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLORTERM", "truecolor")
    assert read(photos / "0.png") == 0
    shown = capsys.readouterr().out
    assert "happy" in shown
    assert "\u2580" in shown  # the picture, of half blocks


def test_the_columns_are_those_of_the_page(film: Path, tmp_path: Path) -> None:
    assert read(film, "--to", "0.05", "--out", tmp_path / "t.csv") == 0
    with (tmp_path / "t.csv").open(newline="") as file:
        head = next(csv.reader(file))
    page = (Path(__file__).resolve().parents[2] / "docs" / "results.md").read_text()
    for name in head:
        assert f"`{name}`" in page or name.startswith(("raw_", "smoothed_"))


def test_a_picture_that_changes_while_it_is_read_gives_no_row(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), showing("happy"))
    original = Reader.read

    def growing(self: Reader, picture: str, *order: str) -> Any:
        reading = original(self, picture, *order)
        if picture.endswith("a.png"):
            with Path(picture).open("ab") as file:
                file.write(b"more")
        return reading

    monkeypatch.setattr(Reader, "read", growing)
    assert read(tmp_path, "--out", tmp_path / "t.csv", "--annotated", tmp_path / "drawn") == 2
    assert "a.png was changed while it was read" in capsys.readouterr().err
    assert [Path(row["source"]).name for row in rows_of(tmp_path / "t.csv")] == ["b.png"]
    assert [path.name for path in (tmp_path / "drawn").iterdir()] == ["b.png"]


def test_faces_and_moments_are_those_of_this_run(film: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "people.png"), np.hstack([showing("happy")] * 3))
    people, faces, moments = (tmp_path / name for name in ("people.png", "faces", "moments"))
    assert read(people, film, "--faces", faces, "--moments", moments) == 0
    shown = {path.name for path in (moments / "talk").iterdir()}
    assert len(list((faces / "people").iterdir())) == 3
    assert len(list((faces / "talk").iterdir())) == 10
    for folder in (faces / "people", faces / "talk", moments / "talk"):
        (folder / "notes.txt").write_text("mine")
    (faces / "people" / "face_2.partial.jpg").write_text("of a run that was killed")
    (faces / "people" / "face_of_me.jpg").write_text("mine")
    (moments / "talk" / "face_7-happy.jpg").write_text("of an earlier run")
    words = ("--faces", faces, "--moments", moments, "--overwrite", "--every", "0.2")
    line = ["read", *map(str, (people, film, *words)), *FAST, "-p", "max_faces:=1"]
    assert main(line) == 0
    assert {path.name for path in (faces / "people").iterdir()} == {
        "face_1.jpg", "face_of_me.jpg", "notes.txt",
    }  # fmt: skip
    assert len(list((faces / "talk").glob("*.jpg"))) == 3
    left = {path.name for path in (moments / "talk").iterdir()} - {"notes.txt"}
    assert left
    assert left <= shown


def test_only_what_is_there_is_named_at_the_end(photos: Path, tmp_path: Path, capsys) -> None:
    table, faces, drawn = tmp_path / "t.csv", tmp_path / "faces", tmp_path / "drawn"
    words = (photos / "0.png", "--out", table)
    assert read(*words) == 0
    assert read(*words, "--resume", "--faces", faces, "--annotated", drawn) == 0
    out, said = capsys.readouterr()
    assert out.splitlines()[-1].endswith(f"-> {table}")
    assert "1 of 1 sources were read before, and are not drawn or cut out again" in said
    assert read(*words, "--overwrite", "--faces", faces, "--annotated", drawn) == 0
    assert f"-> {table}, {drawn}, {faces}" in capsys.readouterr().out
