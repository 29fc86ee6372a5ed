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

"""Output folders: whole or not there, written by one replay at a time, and checked on --resume."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import time

import pytest
from bags import CAMERA, START, blank, one_actor, recording, scene_bag
from test_faults import start

from fer_ros.replay.write.folder import locked, whole_folder
from fer_ros.transport import codec, messages


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def digests_hold(out):
    known = json.loads((out / "run.json").read_text())["sha256"]
    assert {"results.jsonl", "metrics.json", "report.html", "bag/bag.mcap"} <= known.keys()
    return all(
        hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
        for name, digest in known.items()
    )


def test_two_replays_cannot_write_one_folder(happy_bag, tmp_path, tmp_path_factory):
    bag = scene_bag(tmp_path_factory.mktemp("bags") / "bag", one_actor(), 240)
    out = tmp_path / "out"
    first = start("replay", bag, "--out", out)
    end = time.monotonic() + 60
    while not [*tmp_path.glob(".out.partial-*/results.jsonl")]:
        assert time.monotonic() < end
        assert first.poll() is None, first.communicate()
        time.sleep(0.02)
    first.send_signal(signal.SIGSTOP)
    for option in ("--overwrite", "--resume"):
        second = start("replay", happy_bag, "--out", out, option)
        _, error = second.communicate(timeout=60)
        assert second.returncode == 2
        assert "another replay is writing" in error
    first.send_signal(signal.SIGCONT)
    _, error = first.communicate(timeout=120)
    assert first.returncode == 0, error
    assert digests_hold(out)
    assert len((out / "results.jsonl").read_text().splitlines()) == 240
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize(
    ("name", "damage"),
    [("results.jsonl", "emptied"), ("report.html", "lost"), ("bag/bag.mcap", "flipped")],
)
def test_resume_does_not_take_damaged_results(
    command, happy_bag, happy_result, tmp_path, capsys, name, damage
):
    out = tmp_path / "out"
    shutil.copytree(happy_result, out)
    path = out / name
    whole = path.read_bytes()
    if damage == "lost":
        path.unlink()
    else:
        path.write_bytes(b"" if damage == "emptied" else bytes([whole[0] ^ 1]) + whole[1:])
    assert command("replay", happy_bag, "--out", out, "--with-crops", "--resume") == 0
    captured = capsys.readouterr()
    assert f"{name} was changed or lost since it was written; replayed anew" in captured.err
    assert "finished before" not in captured.out
    assert digests_hold(out)


@pytest.mark.parametrize("content", ["", "[" * 100_000, '{"job_sha256": 5}'])
def test_resume_over_a_damaged_record_replays_anew(
    command, happy_bag, happy_result, tmp_path, capsys, content
):
    out = tmp_path / "out"
    shutil.copytree(happy_result, out)
    (out / "run.json").write_text(content)
    assert command("replay", happy_bag, "--out", out, "--with-crops", "--resume") == 0
    assert "run.json" in capsys.readouterr().err
    assert digests_hold(out)


def test_resume_does_not_replace_a_folder_that_is_no_result(command, happy_bag, tmp_path, capsys):
    out = tmp_path / "documents"
    out.mkdir()
    (out / "precious").write_text("")
    assert command("replay", happy_bag, "--out", out, "--resume") == 2
    assert "exists already" in capsys.readouterr().err
    assert (out / "precious").exists()


@pytest.mark.parametrize("name", ["replay", "label"])
def test_the_options_for_a_folder_that_is_there_are_the_commands_own(
    command, happy_bag, tmp_path, capsys, name
):
    (tmp_path / "out").mkdir()
    assert command(name, happy_bag, "--out", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert "--overwrite" in error
    assert ("--resume" in error) == (name == "replay")


def test_what_killed_replays_left_is_tidied_up(tmp_path):
    out = tmp_path / "out"
    for name in (".out.replaced-0badcafe", ".out.partial-0badcafe", "out.replaced", ".outer"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "old").write_text(name)
    with locked(out), whole_folder(out, True, "") as folder:
        # Killed between its two renames: what was there before comes back first.
        assert (out / "old").read_text() == ".out.replaced-0badcafe"
        (folder / "new").write_text("")
    assert names(tmp_path) == [".outer", "out", "out.replaced"]
    assert names(out) == ["new"]


def test_results_never_replace_or_enter_what_they_are_made_of(command, happy_bag, tmp_path, capsys):
    bag = tmp_path / "here" / "bag"
    shutil.copytree(happy_bag, bag)
    labels = tmp_path / "here" / "labels.csv"
    labels.write_text("start,end,label\n+0,+1,happy\n")
    for out, said in (
        (bag, "lies inside the recording"),
        (bag / "out", "lies inside the recording"),
        (tmp_path / "here", "holds bag, which this replay reads"),
    ):
        assert command("replay", bag, "--out", out, "--overwrite") == 2
        assert said in capsys.readouterr().err
    arguments = ("--labels", labels, "--out", tmp_path / "here", "--overwrite")
    assert command("replay", happy_bag, *arguments) == 2
    assert "holds labels.csv" in capsys.readouterr().err
    assert (bag / "metadata.yaml").exists()
    assert labels.exists()


def test_a_file_in_the_way_is_found_out_before(command, happy_bag, tmp_path, capsys):
    (tmp_path / "out").write_text("mine")
    assert command("replay", happy_bag, "--out", tmp_path / "out", "--overwrite") == 2
    assert "no folder that can be replaced" in capsys.readouterr().err
    assert command("replay", happy_bag, "--out", tmp_path / "out" / "deeper") == 2
    assert "cannot write" in capsys.readouterr().err
    assert command("replay", happy_bag, "--out", tmp_path / ("x" * 250)) == 2
    assert "cannot write" in capsys.readouterr().err
    assert (tmp_path / "out").read_text() == "mine"


def test_strange_names_of_recordings_do_no_harm(command, tmp_path, capsys):
    whole = tmp_path / "whole"
    with recording(whole) as bag:
        bag.image(blank(), START)
    bags = []
    for name in (b"b\xff\xfe", b"c\x01\x1b[31m", b"line\nbreak"):
        bags.append(tmp_path / os.fsdecode(name))
        shutil.copytree(whole, bags[-1])
    out = tmp_path / "out"
    assert command("replay", *bags, "--out", out, "--jobs", 2) == 0
    captured = capsys.readouterr()
    for shown in ("b\\xff\\xfe", "c\\x01\\x1b[31m", "line\\x0abreak"):
        assert shown in captured.out
    assert "\x1b" not in captured.out + captured.err
    folders = [entry for entry in out.iterdir() if entry.is_dir()]
    assert len(folders) == 3
    for folder in folders:
        assert folder.name.isprintable()
        assert digests_hold(folder)
        assert f'href="{folder.name}/' in (out / "index.html").read_text()


def only_images(folder, source):
    from fer_ros.transport.bag import BagReader

    with recording(folder) as bag:
        for message in BagReader(source).messages([CAMERA]):
            bag.raw(message.topic, message.type_name, message.data, message.time_ns)
    return folder


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            "0,1,happy",
            "none of 1 labelled spans holds at any image: the images run from 1700000000",
        ),
        ("+0,+1,happy\n+50,+60,sad", "1 of 2 labelled spans hold at no image"),
        ("+0,+1,", "1 rows of the label files have no label yet"),
        ("+0,+1,bored", "1 labelled spans are no class of this network: bored"),
    ],
)
def test_labels_that_gave_nothing_are_told_of(command, happy_bag, tmp_path, capsys, rows, said):
    bag = only_images(tmp_path / "bag", happy_bag)
    labels = tmp_path / "labels.csv"
    labels.write_text(f"start,end,label\n{rows}\n")
    assert command("replay", bag, "--out", tmp_path / "out", "--labels", labels) == 0
    assert f"warning: {bag}: {said}" in capsys.readouterr().err
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert any(said in warning for warning in metrics["recording"]["warnings"])


def test_images_that_gave_nothing_are_told_of(command, tmp_path, capsys):
    with recording(tmp_path / "h264") as bag:
        for index in range(4):
            message = messages.compressed_image(bytes(99), START + index, "")
            message.format = "h264"
            bag.raw("/c/compressed", messages.COMPRESSED_IMAGE, codec.encode(message), START)
    assert command("replay", tmp_path / "h264", "--out", tmp_path / "out") == 1
    captured = capsys.readouterr()
    assert "none of 4 images could be processed: " in captured.err
    assert "0 of 4 images answered" in captured.out
    with recording(tmp_path / "empty") as bag:
        bag.image(blank(), START)
        bag.image(blank(), 0, time_ns=START + 1)
    (tmp_path / "empty" / "metadata.yaml").unlink()
    assert command("replay", tmp_path / "empty", "--out", tmp_path / "two") == 0
    error = capsys.readouterr().err
    for said in ("metadata.yaml is missing", "no face was found", "1 images have no stamp"):
        assert said in error


def test_stamps_that_no_message_can_hold_do_no_harm(command, tmp_path):
    with recording(tmp_path / "bag", storage="sqlite3") as bag:
        for stamp, time_ns in ((0, 2**62), (-5 * 10**9, START), (START, 2**63 - 1)):
            bag.image(blank(), stamp, time_ns=time_ns)
    assert command("replay", tmp_path / "bag", "--out", tmp_path / "out") == 0
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["recording"]["answered"] == 3
