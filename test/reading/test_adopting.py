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

"""Networks of others: as FER+ and hsemotion make them, in small."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from fer_ros.apps.adopt import _CROPS
from fer_ros.apps.cli import main
from fer_ros.perception.classification import EmotionNetwork
from fer_ros.perception.emotions import FER2013, FERPLUS
from fer_ros.perception.known_answer import average_faces
from fer_ros.reading.adopting import CROPS, fitted_temperature, negative_log_likelihood
from fer_ros.reading.reader import Reader
from fer_ros.sources.scene import Actor, Scene

HSEMOTION = ("Anger", "Contempt", "Disgust", "Fear", "Happiness", "Neutral", "Sadness", "Surprise")
PLAIN = ("angry", "contempt", "disgust", "fear", "happy", "neutral", "sad", "surprise")
SIDE = 48


def templates(labels: tuple[str, ...], gain: float) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and offsets by which each class looks for its averaged face."""
    faces = {
        name: cv2.resize(face, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
        for name, face in zip(FER2013, average_faces())
    }
    mean = np.mean(list(faces.values()), axis=0)
    columns, offsets = [], []
    for label in labels:
        column = faces.get(label, mean) - mean
        column = column - column.mean()
        columns.append(gain * column / max(float((column**2).sum()), 1.0))
        offsets.append(-(columns[-1] * mean).sum() - (label not in faces))
    weights = np.stack([c.ravel() for c in columns], axis=1)
    return weights.astype(np.float32), np.array(offsets, np.float32)


def save(path: Path, nodes, shape, outputs, weights, opset: int = 13) -> Path:
    graph = helper.make_graph(
        nodes, "foreign",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, s) for name, s in outputs],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def like_ferplus(path: Path) -> Path:
    """Grey, raw pixels, one face at a time by a reshape in its midst, an old opset."""
    nodes = [
        helper.make_node("Reshape", ["input", "flat"], ["row"]),
        helper.make_node("MatMul", ["row", "weight"], ["product"]),
        helper.make_node("Add", ["product", "offset"], ["logits"]),
    ]
    weight, offset = templates(FERPLUS, 8.0)
    weights = {"weight": weight, "offset": offset, "flat": np.array([1, SIDE * SIDE])}
    outputs = [("logits", [1, 8])]
    return save(path, nodes, [1, 1, SIDE, SIDE], outputs, weights, opset=9)


def like_hsemotion(path: Path) -> Path:
    """RGB, normalised, any batch and size, eight classes with valence and arousal behind them.

    Only red is looked at, so that a wrong order of colours shows.
    """
    weight = np.zeros((3 * SIDE * SIDE, 10), np.float32)
    own, offset = templates(PLAIN, 8.0)
    weight[: SIDE * SIDE, :8] = own / 0.017125  # the averaged faces are pixels
    offset = np.concatenate([offset, np.zeros(2, np.float32)])
    nodes = [
        helper.make_node("Flatten", ["input"], ["row"], axis=1),
        helper.make_node("MatMul", ["row", "weight"], ["product"]),
        helper.make_node("Add", ["product", "offset"], ["scores"]),
        helper.make_node("Identity", ["row"], ["features"]),
    ]
    outputs = [("scores", ["b", 10]), ("features", ["b", "f"])]
    return save(path, nodes, ["b", 3, "h", "w"], outputs, {"weight": weight, "offset": offset})


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labelled")
    for number in range(35):
        label = FER2013[number % 7]
        scene = Scene(200, 200, (Actor(95 + number % 9, 100, 130 + number % 5, (label,)),))
        (folder / label).mkdir(exist_ok=True)
        cv2.imwrite(str(folder / label / f"{number}.png"), scene.render(0.0)[0])
    return folder


FERPLUS_WORDS = ("--labels", ",".join(FERPLUS), "--mean", "0", "--scale", "1")
HSEMOTION_WORDS = (
    "--labels", ",".join(HSEMOTION), "--mean", "123.675,116.28,103.53",
    "--scale", "0.017125,0.017507,0.017429", "--colours", "rgb", "--size", f"{SIDE}x{SIDE}",
    "--output", "scores", "--columns", "0:8",
)  # fmt: skip


def adopt(*words: object) -> int:
    return main(["models", "adopt", *map(str, words)])


def test_a_network_like_ferplus_is_adopted(tmp_path: Path, labelled: Path, capsys) -> None:
    path = like_ferplus(tmp_path / "plus.onnx")
    assert adopt(path, *FERPLUS_WORDS, "--pictures", labelled) == 0
    assert "labelled faces right; temperature" in capsys.readouterr().out
    network = EmotionNetwork(tmp_path / "plus-fer.onnx")
    assert network.metadata.labels == FERPLUS
    assert network.metadata.output == "logits"
    crops = [np.random.default_rng(i).integers(0, 255, (SIDE, SIDE), np.uint8) for i in range(3)]
    original = onnxruntime.InferenceSession(str(path))
    expected = [original.run(None, {"input": c[None, None].astype(np.float32)})[0] for c in crops]
    found = network.run(network.preprocess(crops))
    np.testing.assert_allclose(found, np.concatenate(expected), rtol=1e-3, atol=1e-3)
    picture = cv2.imread(str(labelled / "happy" / "3.png"))
    (face,) = Reader(models=str(tmp_path / "plus-fer.onnx"), uncertain_threshold=0.0).read(picture)
    assert face.label == "happy"


def test_a_network_like_hsemotion_is_adopted(tmp_path: Path, labelled: Path) -> None:
    path = like_hsemotion(tmp_path / "hse.onnx")
    out = tmp_path / "mine.onnx"
    assert adopt(path, *HSEMOTION_WORDS, "--pictures", labelled, "--out", out) == 0
    network = EmotionNetwork(out)
    assert network.metadata.labels == PLAIN
    crop = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    rgb = crop[:, :, ::-1].astype(np.float32)
    normal = (rgb - [123.675, 116.28, 103.53]) * [0.017125, 0.017507, 0.017429]
    original = onnxruntime.InferenceSession(str(path))
    batch = normal.transpose(2, 0, 1)[None].astype(np.float32)
    (expected,) = original.run(["scores"], {"input": batch})
    found = network.run(network.preprocess([crop]))
    np.testing.assert_allclose(found, expected[:, :8], rtol=1e-3, atol=1e-3)


def test_another_order_of_the_classes_is_found_out(tmp_path: Path, labelled: Path, capsys) -> None:
    path = like_ferplus(tmp_path / "plus.onnx")
    words = ("--labels", ",".join(sorted(FERPLUS)), *FERPLUS_WORDS[2:])
    assert adopt(path, *words, "--pictures", labelled) == 2
    assert f"--labels {','.join(FERPLUS)}" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("make", "words", "said"),
    [
        (like_hsemotion, ("--size", "48"), "--colours"),
        (like_hsemotion, ("--colours", "rgb"), "--size"),
        (like_hsemotion, ("--colours", "rgb", "--size", "48"), "--output"),
        (like_hsemotion, ("--colours", "rgb", "--size", "48", "--output", "scores"), "--columns"),
        (like_ferplus, ("--size", "64x64"), "takes 48x48 pixels, not 64x64"),
        (like_ferplus, ("--mean", "1,2,3"), "--mean has 3 values for 1 channels"),
        (like_ferplus, ("--labels", "happy,joy"), "different classes"),
        (like_ferplus, ("--labels", "happy,bored"), "unknown expression 'bored'"),
        (like_ferplus, ("--labels", "happy,sad"), "gives 8 values a face for 2 labels"),
        (like_ferplus, ("--pictures", "nowhere"), "nowhere"),
        (like_ferplus, ("--out", "plus.onnx"), "--overwrite"),
    ],
)
def test_what_is_missing_is_asked_for(
    tmp_path: Path, monkeypatch, capsys, make, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    make(Path("plus.onnx"))
    assert adopt("plus.onnx", *FERPLUS_WORDS, *words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["plus.onnx"]


def test_a_wrong_scale_shows_and_no_network_is_named(tmp_path: Path, capsys) -> None:
    path = like_ferplus(tmp_path / "plus.onnx")
    words = (*FERPLUS_WORDS[:2], "--mean", "0", "--scale", "0")
    assert adopt(path, *words) == 0
    assert "--scale or --colours may be wrong" in capsys.readouterr().out
    (tmp_path / "text.onnx").write_text("no network")
    assert adopt(tmp_path / "text.onnx", *FERPLUS_WORDS) == 2
    assert "is no whole ONNX file" in capsys.readouterr().err


def test_the_temperature_is_that_of_the_least_loss() -> None:
    rng = np.random.default_rng(0)
    truths = rng.integers(0, 7, 4000)
    logits = rng.normal(0, 1, (4000, 7)).astype(np.float32)
    sampled = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truths = np.array([rng.choice(7, p=row / row.sum()) for row in sampled.astype(np.float64)])
    assert fitted_temperature(3 * logits, truths) == pytest.approx(3.0, rel=0.1)
    best = negative_log_likelihood(3 * logits, truths, 3.0)
    assert best < negative_log_likelihood(3 * logits, truths, 1.0)


def test_the_option_names_every_crop() -> None:
    assert set(_CROPS) == CROPS.keys()
