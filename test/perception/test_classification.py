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

"""Emotion networks: what is computed, what is fused, and which files are refused."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from networks import metadata, write_network
from numpy.typing import NDArray

from fer_ros.perception.calibration import calibrated, softmax
from fer_ros.perception.classification import EmotionClassifier, EmotionNetwork, fuse
from fer_ros.perception.emotions import FER2013, FERPLUS
from fer_ros.perception.errors import ModelError
from fer_ros.perception.known_answer import average_faces, known_crops

SHIPPED = Path(__file__).parents[2] / "fer_ros" / "models" / "arch1.onnx"

GAINS = [0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 1.0]
WHITE = np.full((48, 48), 255, np.uint8)
BLACK = np.zeros((48, 48), np.uint8)


def test_probabilities_follow_mean_scale_temperature_and_softmax(tmp_path: Path) -> None:
    network = EmotionNetwork(write_network(tmp_path / "a.onnx", GAINS, metadata(temperature=0.5)))
    white, black = network.classify([WHITE, BLACK])
    expected = np.exp(np.array(GAINS) / 0.5)
    np.testing.assert_allclose(white, expected / expected.sum(), rtol=1e-5)
    np.testing.assert_allclose(black, np.full(7, 1 / 7), rtol=1e-5)


def test_a_file_with_two_temperatures_is_read_so(tmp_path: Path) -> None:
    about = metadata(temperature=0.5, undecided_temperature=2.0)
    network = EmotionNetwork(write_network(tmp_path / "a.onnx", GAINS, about))
    expected = calibrated(np.array([GAINS], np.float32), 0.5, 2.0)
    np.testing.assert_allclose(network.classify([WHITE]), expected, rtol=1e-5)


def test_a_sure_face_has_the_first_temperature_and_an_undecided_one_the_second() -> None:
    sure = np.array([[8.0, 0.0, -1.0]], np.float32)
    undecided = np.array([[0.01, 0.0, 0.0]], np.float32)
    between = np.array([[1.5, 1.0, -3.0]], np.float32)

    def ratio(logits: NDArray[np.float32]) -> float:
        """Return the temperature that a face has had."""
        first, second, _ = calibrated(logits, 0.5, 2.0)[0]
        return float((logits[0, 0] - logits[0, 1]) / np.log(first / second))

    assert ratio(sure) == pytest.approx(0.5, rel=1e-3)
    assert ratio(undecided) == pytest.approx(2.0, rel=1e-2)
    assert 0.6 < ratio(between) < 1.9


def test_temperatures_change_no_label() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (500, 7)).astype(np.float32)
    found = calibrated(logits, 0.7, 1.4)
    np.testing.assert_array_equal(found.argmax(1), logits.argmax(1))
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-5)
    np.testing.assert_array_equal(calibrated(logits, 0.7), softmax(logits / np.float32(0.7)))


def test_no_faces_give_no_rows(tmp_path: Path) -> None:
    network = EmotionNetwork(write_network(tmp_path / "a.onnx", GAINS, metadata()))
    assert network.classify([]).shape == (0, 7)


def test_probability_outputs_are_tempered_as_logarithms(tmp_path: Path) -> None:
    about = metadata(output="probabilities", temperature=2.0)
    network = EmotionNetwork(write_network(tmp_path / "a.onnx", GAINS, about))
    p = np.array([[0.64, 0.16, 0.04, 0.04, 0.04, 0.04, 0.04]], np.float32)
    root = np.sqrt(p[0])
    np.testing.assert_allclose(network.probabilities(p)[0], root / root.sum(), rtol=1e-5)


def test_the_sum_rule_is_the_mean_and_the_product_rule_is_normalised() -> None:
    a = np.array([[0.7, 0.2, 0.1]], np.float32)
    b = np.array([[0.1, 0.6, 0.3]], np.float32)
    np.testing.assert_allclose(fuse([a, b], "sum"), [[0.4, 0.4, 0.2]], rtol=1e-5)
    product = np.array([0.07, 0.12, 0.03])
    np.testing.assert_allclose(fuse([a, b], "product")[0], product / product.sum(), rtol=1e-5)


def test_networks_with_another_order_of_labels_are_fused_by_name(tmp_path: Path) -> None:
    turned = tuple(reversed(FER2013))
    one = write_network(tmp_path / "one.onnx", GAINS, metadata())
    other = write_network(tmp_path / "other.onnx", GAINS[::-1], metadata(labels=turned))
    alone = EmotionClassifier.from_files([one]).classify([[WHITE]])
    fused = EmotionClassifier.from_files([one, other]).classify([[WHITE], [WHITE]])
    np.testing.assert_allclose(fused, alone, rtol=1e-5)


def test_a_mirrored_prediction_is_the_mean_of_both_and_blind_to_sides(shipped) -> None:
    spec = shipped.metadata.input
    crops = list(known_crops(spec)[:3])
    crops[0] = np.roll(crops[0], 5, axis=1)  # not symmetric
    mirrored = [np.ascontiguousarray(crop[:, ::-1]) for crop in crops]
    classifier = EmotionClassifier((shipped,), mirror=True)
    expected = (shipped.classify(crops) + shipped.classify(mirrored)) / 2
    np.testing.assert_allclose(classifier.classify([crops]), expected, atol=1e-6)
    np.testing.assert_allclose(classifier.classify([mirrored]), expected, atol=1e-6)
    assert np.abs(shipped.classify(crops) - expected).max() > 1e-3
    assert classifier.model_id.endswith("+mirror")
    assert classifier.classify([[]]).shape == (0, len(classifier.labels))


def test_networks_that_know_other_classes_are_not_fused(tmp_path: Path) -> None:
    one = write_network(tmp_path / "one.onnx", GAINS, metadata())
    other = write_network(tmp_path / "other.onnx", [0.0] * 8, metadata(labels=FERPLUS))
    with pytest.raises(ModelError, match="same classes"):
        EmotionClassifier.from_files([one, other])


def test_identity_and_digest_name_all_networks(tmp_path: Path) -> None:
    one = write_network(tmp_path / "one.onnx", GAINS, metadata())
    other = write_network(tmp_path / "other.onnx", GAINS, metadata(model_id="second"))
    classifier = EmotionClassifier.from_files([one, other], fusion="product")
    assert classifier.model_id == "tiny-1.0.0*second-1.0.0"
    assert [len(part) for part in classifier.model_digest.split(",")] == [64, 64]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere\.onnx"):
        EmotionNetwork(tmp_path / "nowhere.onnx")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    whole = write_network(tmp_path / "a.onnx", GAINS, metadata()).read_bytes()
    half = tmp_path / "half.onnx"
    half.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=r"half\.onnx"):
        EmotionNetwork(half)


def test_a_network_without_metadata_is_refused(tmp_path: Path) -> None:
    path = write_network(tmp_path / "a.onnx", GAINS, None)
    with pytest.raises(ModelError, match=r"fer\.schema"):
        EmotionNetwork(path)


def test_metadata_that_does_not_fit_the_tensors_is_refused(tmp_path: Path) -> None:
    small = write_network(tmp_path / "small.onnx", GAINS, metadata(), size=32)
    with pytest.raises(ModelError, match="metadata promises"):
        EmotionNetwork(small)
    few = write_network(tmp_path / "few.onnx", GAINS[:5], metadata())
    with pytest.raises(ModelError, match="7 labels do not fit"):
        EmotionNetwork(few)


def test_output_that_is_not_finite_is_an_error_not_an_emotion(tmp_path: Path) -> None:
    gains = [float("nan"), *GAINS[1:]]
    network = EmotionNetwork(write_network(tmp_path / "a.onnx", gains, metadata()))
    with pytest.raises(ModelError, match="not finite"):
        network.classify([WHITE])


def test_a_provider_that_is_not_there_is_reported(tmp_path: Path) -> None:
    path = write_network(tmp_path / "a.onnx", GAINS, metadata())
    report = EmotionNetwork(path, providers=("tensorrt", "cpu")).providers
    assert report.asked == ("tensorrt", "cpu")
    assert report.used == ("cpu",)
    assert report.fell_back


@pytest.fixture(scope="module")
def shipped() -> EmotionNetwork:
    return EmotionNetwork(SHIPPED)


def test_the_shipped_network_gives_the_same_result_alone_and_in_a_batch(shipped) -> None:
    crops = [face[16:144:1, 16:144:1][::3, ::3][:48, :48] for face in average_faces()]
    crops = [np.pad(c, ((0, 48 - c.shape[0]), (0, 48 - c.shape[1])), "edge") for c in crops] * 3
    together = shipped.classify(crops[:16])
    alone = np.concatenate([shipped.classify([crop]) for crop in crops[:16]])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_the_shipped_network_says_where_it_comes_from(shipped) -> None:
    about = shipped.metadata
    assert about.labels == FER2013
    assert about.dataset["name"]
    assert len(about.dataset["sha256"]) == 64
    assert "seed" in str(about.recipe)
    assert about.metrics


def test_softmax_survives_large_logits() -> None:
    p = softmax(np.array([[1000.0, 0.0]], np.float32))
    np.testing.assert_allclose(p, [[1.0, 0.0]])


def altered(tmp_path: Path, change: Callable[[onnx.ModelProto], None]) -> Path:
    """Write a copy of a shipped network that was changed after its export."""
    model = onnx.load(SHIPPED)
    change(model)
    path = tmp_path / "altered.onnx"
    onnx.save(model, path)
    return path


def set_property(model: onnx.ModelProto, key: str, value: object) -> None:
    (entry,) = [entry for entry in model.metadata_props if entry.key == f"fer.{key}"]
    entry.value = json.dumps(value)


def swap_labels(model: onnx.ModelProto) -> None:
    set_property(model, "labels", [FER2013[i] for i in (3, 1, 2, 0, 4, 5, 6)])


def flip_weights(model: onnx.ModelProto) -> None:
    weights = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    data = bytearray(weights.raw_data)
    data[3::400] = bytes(byte ^ 0x41 for byte in data[3::400])
    weights.raw_data = bytes(data)


def other_temperature(model: onnx.ModelProto) -> None:
    set_property(model, "temperature", 30.0)


@pytest.mark.parametrize("change", [swap_labels, flip_weights, other_temperature])
def test_a_network_that_no_longer_predicts_as_at_its_export_is_refused(tmp_path, change) -> None:
    with pytest.raises(ModelError, match=r"altered\.onnx (predicts otherwise|put out)"):
        EmotionNetwork(altered(tmp_path, change))


def test_a_network_without_known_predictions_is_still_read(tmp_path: Path) -> None:
    def forget(model: onnx.ModelProto) -> None:
        set_property(model, "known_answer", {})

    assert EmotionNetwork(altered(tmp_path, forget)).metadata.known_answer == {}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e38])
def test_outputs_that_are_no_numbers_are_never_passed_on(tmp_path: Path, value: float) -> None:
    network = EmotionNetwork(
        write_network(tmp_path / "a.onnx", [0.0] * 7, metadata(temperature=0.02))
    )
    output = np.zeros((2, 7), np.float32)
    output[1, 3] = value
    with pytest.raises(ModelError, match=r"a\.onnx"):
        network.probabilities(output)


@pytest.mark.parametrize("row", [[0.9] * 7, [-0.5, 1.5, 0, 0, 0, 0, 0], [0.0] * 7])
def test_promised_probabilities_are_checked(tmp_path: Path, row: list[float]) -> None:
    about = metadata(output="probabilities")
    network = EmotionNetwork(write_network(tmp_path / "a.onnx", GAINS, about))
    with pytest.raises(ModelError, match="no probabilities"):
        network.probabilities(np.array([row], np.float32))
