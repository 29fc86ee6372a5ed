"""Records of seeds, robustness and latency, made by their commands, and the card they end in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (PyTorch)")

import synthetic_faces

from fer_ros.perception.model_store import digest_of
from fer_training.commands.cli import main
from fer_training.measure import seeds
from fer_training.ship import card, latency


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, two runs that differ in their seed, and the first one's file."""
    folder = tmp_path_factory.mktemp("card")
    data = str(synthetic_faces.save_npz(synthetic_faces.dataset(70), folder / "data.npz"))
    for seed in ("0", "1"):
        arguments = ["--data", data, "--seed", seed, "--set", "epochs=6", "batch_size=8", "ema=0.0"]
        assert main(["train", "arch1", "--out", str(folder / f"run{seed}"), *arguments]) == 0
    assert main(["export", str(folder / "run0"), str(folder / "a.onnx"), "--data", data]) == 0
    return folder


def record_of(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def test_records_in_the_run_folder_become_sections(made: Path) -> None:
    run, file, data = made / "run0", str(made / "a.onnx"), str(made / "data.npz")
    networks.write_network(made / "tiny.onnx", [0.1] * 7, networks.metadata())
    bare = (made / "a.md").read_text(encoding="utf-8")
    assert not any(f"## {name}" in bare for name in ("Seeds", "Robustness", "Latency"))

    runs = [str(run), str(made / "run1")]
    assert main(["seeds", *runs, "--json", str(run / "seeds.json")]) == 0
    out = ["--json", str(run / "robustness.json")]
    assert main(["robustness", "--model", file, "--data", data, *out]) == 0
    out = ["--untrained", "fer-lite", "--rounds", "5", "--json", str(run / "latency.json")]
    assert main(["latency", "--model", str(made / "tiny.onnx"), file, *out]) == 0
    assert main(["export", str(run), file, "--data", data]) == 0

    text = (made / "a.md").read_text(encoding="utf-8")
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        "Data and terms", "Recipe", "Figures", "Calibration", "Seeds", "Robustness", "Latency",
        "Limits", "Intended use", "Excluded use",
    ]  # fmt: skip
    drop = record_of(run / "robustness.json")["models"][0]["conditions"]["crop ±10 %"]["drop"]
    assert f"({100 * drop:+.2f} ± " in text
    times = record_of(run / "latency.json")["files"][1]["batches"]["16"]
    assert f"| {times['median_ms']:.2f} ms ({times['p95_ms']:.2f}) | {times['ratio']:.2f} |" in text
    mean = record_of(run / "seeds.json")["figures"]["single crop"]["mean"]
    assert "| `fer-lite.onnx` (untrained) |" in text
    assert f"**{100 * mean:.2f} ± " in text
    for name in (
        "seeds run0 run1",
        "robustness --model a.onnx",
        "latency --model tiny.onnx a.onnx",
    ):
        assert f"Measured by `fer-train {name}" in text
    measured, untrained = (
        digest_of(made / "a.onnx")[:12],
        record_of(run / "latency.json")["files"][2],
    )
    assert text.count(f"`a` {measured}") == text.count(f"`a.onnx` {measured}") == 1
    assert untrained["sha256"][:12] not in text
    assert f"minutes on {record_of(run / 'metrics.json')['device']}" in text
    assert "$" not in text
    assert "\n\n\n" not in text
    assert str(made) not in text.replace(data, ""), "paths of this machine stay out"


def test_card_names_weak_classes_and_teachers(made: Path, tmp_path: Path) -> None:
    for name in ("best.pt", "recipe.yaml"):
        (tmp_path / name).write_bytes((made / "run0" / name).read_bytes())
    record = record_of(made / "run0" / "metrics.json")
    record["recipe"]["distill"] = {
        "teachers": ["runs/large-0", "runs/large-1"], "share": 0.5, "temperature": 2.0,
    }  # fmt: skip
    record["recipe"]["init"] = "runs/fer-base-second"
    for number, entry in enumerate(record["results"]["single_crop"]["per_class"].values()):
        entry |= {"f1": 0.3 + 0.1 * number, "support": 2}
    record["results"]["single_crop"]["macro_f1"] = 0.45
    (tmp_path / "metrics.json").write_text(json.dumps(record), encoding="utf-8")
    keys = ("max_difference", "max_difference_batch_1", "accuracy_reference", "accuracy_onnx")
    parity = dict.fromkeys((*keys, "accuracy_onnx_batch_1", "rows"), 0.0)
    (tmp_path / "b.onnx").write_bytes((made / "a.onnx").read_bytes())
    text = card.write(tmp_path, tmp_path / "b.onnx", parity).read_text(encoding="utf-8")
    assert "Weakest classes (F1, single crop): angry 0.30, disgust 0.40." in text
    assert "the mean answer of large-0, large-1, softened by 2" in text
    assert "Needs finished runs of fer-base-start, fer-base-second" in text
    assert "Settings, epoch, temperature and threshold" in text
    record["recipe"]["keep"] = "last"
    (tmp_path / "metrics.json").write_text(json.dumps(record), encoding="utf-8")
    text = card.write(tmp_path, tmp_path / "b.onnx", parity).read_text(encoding="utf-8")
    assert "The last epoch is reported; settings, temperature and threshold" in text


def write_run(folder: Path, seed: int, single: float, **changes: Any) -> Path:
    """A run's record with the entries that count."""
    folder.mkdir()
    recipe = {
        "name": "net",
        "seed": seed,
        "threads": seed,
        "epochs": 3,
        "data": {"path": f"{seed}"},
    }
    record = {
        "protocol": "official",
        "data": {"name": "fer2013", "sha256": "0"},
        "recipe": {**recipe, **changes},
        "results": {
            "single_crop": {
                "accuracy": single, "macro_f1": 0.5, "without_duplicates": {"accuracy": 0.6},
            },
        },
        "calibration": {"ece_cross_fitted": 0.02},
    }  # fmt: skip
    (folder / "metrics.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def test_mean_and_deviation_over_seeds(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / str(i), i, value) for i, value in enumerate((0.70, 0.71, 0.73))]
    result = seeds.summarize(runs)
    assert result["seeds"] == [0, 1, 2]
    single = result["figures"]["single crop"]
    assert single["mean"] == pytest.approx(0.71333, abs=1e-5)
    assert single["deviation"] == pytest.approx(np.std([0.70, 0.71, 0.73], ddof=1))
    assert "mean of crop and mirror image" not in result["figures"], "no run has it"
    table = seeds.markdown(result)
    assert "| single crop | 70.00 | 71.00 | 73.00 | **71.33 ± 1.53** |" in table
    assert "| expected calibration error, cross-fitted | 2.00 |" in table
    assert "go on from one run" not in table


def test_seeds_of_a_run_that_goes_on_from_another_say_so(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / str(i), i, 0.7, init="runs/first") for i in range(2)]
    table = seeds.markdown(seeds.summarize(runs))
    assert "All go on from one run, first; the rest varies." in table


def test_runs_that_cannot_be_averaged_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = write_run(tmp_path / "a", 0, 0.7)
    with pytest.raises(ValueError, match="at least two runs"):
        seeds.summarize([first])
    with pytest.raises(ValueError, match="seeds must differ: 0, 0"):
        seeds.summarize([first, write_run(tmp_path / "b", 0, 0.7)])
    longer = write_run(tmp_path / "c", 1, 0.7, epochs=9)
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
    assert (result["rounds"], result["threads"]) == (7, 1)
    for path, entry in zip(paths, result["files"], strict=True):
        assert entry["file"] == path.name
        assert entry["sha256"] == digest_of(path)
        assert entry["bytes"] == path.stat().st_size
        assert set(entry["batches"]) == {"1", "16"}
        for figures in entry["batches"].values():
            assert 0 < figures["median_ms"] <= figures["p95_ms"]
    assert [b["ratio"] for b in result["files"][0]["batches"].values()] == [1.0, 1.0]
    with pytest.raises(ValueError, match="at least one file and one round"):
        latency.measure(paths, rounds=0)


def test_latency_refuses_inputs_without_a_size(shared: Path) -> None:
    with pytest.raises(RuntimeError, match="no single input of fixed size"):
        latency.measure([shared / "models" / "yunet_s_dynamic.onnx"])
