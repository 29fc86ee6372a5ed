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

"""Records of seeds, robustness and latency, made by their commands, and the card they end in."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

import synthetic_faces
import synthetic_records

from fer_ros.perception.model_store import digest_of
from fer_training.commands.cli import main
from fer_training.measure import seeds
from fer_training.recipes.recipe import Distill
from fer_training.records import files
from fer_training.records import run as records
from fer_training.records.figures import ClassFigures
from fer_training.records.run import DataOrigin, Parity, RunRecord
from fer_training.records.tables import LatencyRecord, RobustnessRecord, SeedsRecord
from fer_training.ship import card, heldout, latency
from fer_training.ship.heldout import HeldOut


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, two runs that differ in their seed, and the first one's file."""
    folder = tmp_path_factory.mktemp("card")
    data = str(synthetic_faces.save_npz(synthetic_faces.dataset(70), folder / "data.npz"))
    for seed in ("0", "1"):
        arguments = ["--data", data, "--seed", seed]
        arguments += ["--set", "epochs=1", "batch_size=16", "amp=float32", "optimizer.lr=0.02"]
        arguments.append("ema=0.0")
        assert main(["train", "arch1", "--out", str(folder / f"run{seed}"), *arguments]) == 0
    assert main(["export", str(folder / "run0"), str(folder / "a.onnx"), "--data", data]) == 0
    return folder


def headings(text: str) -> list[str]:
    return [line[3:] for line in text.splitlines() if line.startswith("## ")]


def test_the_file_that_times_are_compared_with_comes_first() -> None:
    paths = [Path("b.onnx"), Path("a.onnx"), Path("c.onnx")]
    assert latency.led_by("c", paths) == [paths[2], paths[0], paths[1]]
    assert latency.led_by(None, paths) == paths
    with pytest.raises(ValueError, match="--against names d, which is not timed; timed are b, a"):
        latency.led_by("d", paths)


def test_records_in_the_run_folder_become_sections(made: Path) -> None:
    run, file, data = made / "run0", str(made / "a.onnx"), str(made / "data.npz")
    tiny = str(networks.write_network(made / "tiny.onnx", [0.1] * 7, networks.metadata()))
    bare = (made / "a.md").read_text(encoding="utf-8")
    assert headings(bare) == ["Calibration", "Origin"]

    runs = [str(run), str(made / "run1")]
    assert main(["seeds", *runs, "--json", str(run / "seeds.json")]) == 0
    out = ["--json", str(run / "robustness.json")]
    assert main(["robustness", "--model", tiny, file, "--data", data, *out]) == 0
    out = ["--untrained", "fer-lite", "--rounds", "5", "--json", str(run / "latency.json")]
    assert main(["latency", "--model", tiny, file, *out]) == 0
    assert main(["export", str(run), file, "--data", data]) == 0

    text = (made / "a.md").read_text(encoding="utf-8")
    assert headings(text) == ["Calibration", "Seeds", "Robustness", "Latency", "Origin"]
    degraded = files.read(RobustnessRecord, run / "robustness.json")
    own = degraded.models[1].conditions["crop ±10 %"]
    assert f"{100 * own.accuracy:.2f} % ({100 * own.drop:+.2f} ± " in text
    timed = files.read(LatencyRecord, run / "latency.json").files[1]
    times = timed.batches["16"]
    assert f"| {times.median_ms:.2f} ms ({times.p95_ms:.2f}) | {times.ratio:.2f} |" in text
    mean = files.read(SeedsRecord, run / "seeds.json").figures["single crop"].mean
    assert f"**{100 * mean:.2f} ± " in text
    assert "| `tiny.onnx` |" not in text, "no other file's rows"
    assert "(untrained)" not in text
    for name in ("seeds run0 run1", "robustness --model tiny.onnx a", "latency --model tiny.onnx"):
        assert f"Measured by `fer-train {name}" in text
    record = records.read(run)
    assert f"minutes on {record.device}" in text
    assert f"names another class in\n{100 * record.data.disagreement['all']:.0f} % of" in text
    for unwanted in ("$", "\n\n\n", "```", str(made)):
        assert unwanted not in text, "no path of this machine, no list of defaults"


def card_of(made: Path, folder: Path, record: RunRecord) -> str:
    """Write the card of the exported file as if its run had left another record."""
    for name in ("run0/best.pt", "a.onnx"):
        (folder / Path(name).name).write_bytes((made / name).read_bytes())
    records.write(record, folder)
    parity = Parity(10, 0.0, 0.0, 0.5, 0.5, 0.5)
    return card.write(folder, folder / "a.onnx", parity).read_text(encoding="utf-8")


def test_card_names_weak_classes_and_teachers(made: Path, tmp_path: Path) -> None:
    record = records.read(made / "run0")
    record.recipe.distill = Distill(["runs/large-0", "runs/large-1"])
    record.recipe.init = "runs/fer-base-second"
    single = record.results.single_crop
    single.macro_f1 = 0.45
    single.per_class = {
        name: ClassFigures(0.5, 0.5, 0.3 + 0.1 * number, 2)
        for number, name in enumerate(single.per_class)
    }
    text = card_of(made, tmp_path, record)
    assert "below the mean of all: angry 0.30, disgust 0.40." in text
    assert "the mean prediction of large-0, large-1, softened by 2" in text
    assert "Needs finished runs of fer-base-start, fer-base-second" in text
    assert "\nFollows Chowanda 2021. " in text
    assert "Settings, epoch, temperatures and threshold" in text
    record.recipe.keep = "last"
    text = card_of(made, tmp_path, record)
    assert "The last epoch is reported; settings, temperatures and threshold" in text


def test_a_card_of_other_data_says_nothing_of_fer2013(made: Path, tmp_path: Path) -> None:
    record = records.read(made / "run0")
    record.protocol, record.selects, record.leaks = "random-20", False, "copies on both sides"
    record.data = DataOrigin("ckplus", "0" * 64, 70, 56, "for research only")
    record.calibration = None
    text = card_of(made, tmp_path, record)
    for absent in ("FER2013", "PublicTest", "PrivateTest", "noisy"):
        assert absent not in text
    assert "| test rows | 14 |" in text
    assert "Protocol: random-20.\nThese rows chose nothing: the last epoch is reported." in text
    assert "reported. Copies on both sides." in text


@pytest.mark.parametrize("known", [True, False])
def test_private_figures_belong_to_a_file(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    """A network that changes has none until it is measured again."""
    own = HeldOut("a.onnx", "9.8", 3589, 0.61, 0.62, 0.033)
    key = digest_of(made / "a.onnx") if known else "0" * 64
    files.write({"by_sha256": {key: own}}, tmp_path / "heldout.json")
    monkeypatch.setattr(heldout, "PLACE", tmp_path / "heldout.json")
    text = card_of(made, tmp_path, records.read(made / "run0"))
    row = "| PrivateTest, opened once for 9.8 | 3,589 | 61.00 % | 62.00 % |"
    assert (row in text) == known
    assert ("cross-fitted; on PrivateTest 3.3 %." in text) == known
    assert known or "PrivateTest" not in text


def test_mean_and_deviation_over_seeds(tmp_path: Path) -> None:
    runs = []
    for seed, accuracy in enumerate((0.70, 0.71, 0.73)):
        made = synthetic_records.record("arch1", accuracy, f"seed={seed}", f"threads={seed + 1}")
        made.results.flip = None
        runs.append(synthetic_records.write(tmp_path / str(seed), made))
    result = seeds.summarize(runs)
    assert result.seeds == [0, 1, 2]
    single = result.figures["single crop"]
    assert single.mean == pytest.approx(0.71333, abs=1e-5)
    assert single.deviation == pytest.approx(np.std([0.70, 0.71, 0.73], ddof=1))
    assert "mean of crop and mirror image" not in result.figures, "no run has it"
    table = seeds.markdown(result)
    assert "| single crop | 70.00 | 71.00 | 73.00 | **71.33 ± 1.53** |" in table
    assert "| expected calibration error, cross-fitted | 2.00 |" in table
    assert "go on from one run" not in table


def write_run(folder: Path, *overrides: str) -> Path:
    return synthetic_records.write(folder, synthetic_records.record("arch1", 0.7, *overrides))


def test_seeds_of_a_run_that_goes_on_from_another_say_so(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / str(i), f"seed={i}", "init=runs/first") for i in range(2)]
    table = seeds.markdown(seeds.summarize(runs))
    assert "All go on from one run, first; the rest varies." in table


def test_runs_that_cannot_be_averaged_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = write_run(tmp_path / "a")
    with pytest.raises(ValueError, match="at least two runs"):
        seeds.summarize([first])
    with pytest.raises(ValueError, match="seeds must differ: 0, 0"):
        seeds.summarize([first, write_run(tmp_path / "b")])
    longer = write_run(tmp_path / "c", "seed=1", "epochs=9")
    with pytest.raises(ValueError, match=r"more than its seed: recipe\.epochs"):
        seeds.summarize([first, longer])
    arguments = ["seeds", str(first), str(longer), "--json", str(tmp_path / "out.json")]
    assert main(arguments) == 1
    assert "recipe.epochs" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()


def test_latency_measures_files_in_turns(tmp_path: Path) -> None:
    paths = [
        networks.write_network(tmp_path / "grey.onnx", [0.1] * 7, networks.metadata()),
        networks.write_network(tmp_path / "large.onnx", [0.1] * 7, None, size=96, channels=3),
    ]
    result = latency.measure(paths, rounds=7)
    assert (result.rounds, result.threads) == (7, 1)
    for path, entry in zip(paths, result.files, strict=True):
        assert entry.file == path.name
        assert entry.sha256 == digest_of(path)
        assert entry.bytes == path.stat().st_size
        assert set(entry.batches) == {"1", "16"}
        for figures in entry.batches.values():
            assert 0 < figures.median_ms <= figures.p95_ms
    assert [b.ratio for b in result.files[0].batches.values()] == [1.0, 1.0]
    with pytest.raises(ValueError, match="at least one file and one round"):
        latency.measure(paths, rounds=0)


def test_latency_refuses_inputs_without_a_size(shared: Path) -> None:
    with pytest.raises(RuntimeError, match="no single input of fixed size"):
        latency.measure([shared / "models" / "yunet_s_dynamic.onnx"])
