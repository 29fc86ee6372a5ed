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

"""Providers, their options, and what of a network they leave to the CPU."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest

from fer_ros.perception import model_store
from fer_ros.perception.classification import EmotionNetwork
from fer_ros.perception.detection import DetectorSettings
from fer_ros.perception.detection.fer_face import FerFaceDetector
from fer_ros.perception.inference import ProviderReport, parse_provider
from fer_ros.runtime.parameter_rows import ParameterError
from fer_ros.runtime.settings import PerceptionSettings
from fer_ros.sources.scene import crowd_scene

COMPILING = ProviderReport(asked=("tensorrt",), used=("tensorrt", "cpu"))
CROPS = list(np.random.default_rng(0).integers(0, 256, (5, 48, 48), np.uint8))
needs_openvino = pytest.mark.skipif(
    "OpenVINOExecutionProvider" not in onnxruntime.get_available_providers(),
    reason="this ONNX Runtime has no OpenVINO provider (pip install onnxruntime-openvino)",
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cpu", ("cpu", {})),
        ("openvino:device_type=GPU", ("openvino", {"device_type": "GPU"})),
        (
            "tensorrt:trt_fp16_enable=1, trt_engine_cache_path=/a:b=c",
            ("tensorrt", {"trt_fp16_enable": "1", "trt_engine_cache_path": "/a:b=c"}),
        ),
    ],
)
def test_options_follow_the_name(text: str, expected: tuple[str, dict[str, str]]) -> None:
    assert parse_provider(text) == expected


@pytest.mark.parametrize("text", ["npu", "", "cpu:fast", "cuda:=1", "CPUExecutionProvider"])
def test_what_is_no_provider_is_refused_with_the_parameters(text: str) -> None:
    with pytest.raises(ParameterError, match="provider"):
        PerceptionSettings().with_values({"providers": ["cpu", text]})


def test_a_report_says_what_falls_short() -> None:
    report = replace(COMPILING, nodes={"tensorrt": 80, "cpu": 3}, on_cpu={"Cast": 2, "Resize": 1})
    assert report.warning == "3 of 83 nodes run on the CPU: Cast 2, Resize 1"
    assert report.values()["providers.nodes"] == "tensorrt 80, cpu 3"
    assert COMPILING.values()["providers.nodes"].startswith("not reported")
    refused = ProviderReport(("cuda", "cpu"), ("cpu",), reason="no device")
    assert refused.warning == "cuda was asked for, cpu is used (no device)"


def test_a_batch_of_any_number_of_faces_is_predicted_alike() -> None:
    network = EmotionNetwork(model_store.shipped_models()["fer-lite"])
    expected = network.classify(CROPS)
    network.providers = COMPILING
    for count in range(1, 6):
        found = network.classify(CROPS[:count])
        assert found.shape == (count, 7)
        assert np.allclose(found, expected[:count], atol=1e-5)


def test_windows_of_the_search_take_the_whole_images_input() -> None:
    scene = crowd_scene(640, 480, 1).render(0.0)[0]
    plain = FerFaceDetector(DetectorSettings(detection_size=640))
    few = FerFaceDetector(DetectorSettings(detection_size=640))
    few.providers = COMPILING
    for side in (480, 416, 352, 320):
        left, top = 320 - side // 2, 240 - side // 2
        window = scene[top : top + side, left : left + side]
        best, expected = (
            max(one.candidates(window, 0.5, 1.0).tolist(), key=lambda row: row[14])
            for one in (few, plain)
        )
        assert best == pytest.approx(expected, abs=2.0)
    assert set(few._inputs) == {(64, 64), (480, 480)}
    assert len(plain._inputs) == 5


@needs_openvino
@pytest.mark.parametrize("name", ["fer-lite", "fer-base-int8"])
def test_openvino_runs_every_node_and_agrees(name: str) -> None:
    path = model_store.shipped_models()[name]
    there = EmotionNetwork(path, ("openvino:device_type=CPU", "cpu"))
    assert there.providers.used[0] == "openvino"
    assert there.providers.warning == ""
    assert np.abs(there.classify(CROPS) - EmotionNetwork(path).classify(CROPS)).max() < 0.1


@needs_openvino
def test_an_option_that_openvino_does_not_know_is_named() -> None:
    path = model_store.shipped_models()["fer-lite"]
    report = EmotionNetwork(path, ("openvino:nonsense=1",)).providers
    assert report.used == ("cpu",)
    assert "nonsense" in report.warning
