#!/bin/sh
# ONNX Runtime's static quantisation, given a QDQ file, writes one that ONNX Runtime cannot load.
#
# Versions: onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6. Linux x86-64, Python 3.11 to 3.13.
# Input: a graph of two convolutions and a ReLU, quantised once by quantize_static (QDQ); the checker of
# onnx accepts that file, and ONNX Runtime runs it. It goes through quantize_static again.
# Seen: quantize_static returns and writes a file, in which each QuantizeLinear and DequantizeLinear is there
# twice under one name with one output. onnx.checker raises ValidationError ("single static assignment"),
# InferenceSession raises ("two nodes with same node name"). With QuantFormat.QOperator instead the second
# call changes nothing: its file predicts as the first one does.
# Why it matters: a build step that quantises "whatever network it is given" succeeds on one that came as an
# int8 file already, and the robot that loads the result fails. Look for QuantizeLinear nodes before
# quantising, and check files after it.
# Exits 0 while this is so, and 1 once the call raises, or its file is sound.
set -eu
changed=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check onnxruntime==1.32.0 \
    onnx==1.23.2 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON' || changed=1
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import quantization

rng = np.random.default_rng(0)
kernels = [rng.normal(size=shape).astype(np.float32) for shape in ((4, 1, 3, 3), (4, 4, 3, 3))]
graph = helper.make_graph(
    [
        helper.make_node("Conv", ["x", "w0"], ["a"], pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w1"], ["y"], pads=[1] * 4),
    ],
    "two_convolutions",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 8, 8])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4, 8, 8])],
    [numpy_helper.from_array(kernel, f"w{number}") for number, kernel in enumerate(kernels)],
)
opset = [helper.make_opsetid("", 17)]
onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), "float.onnx")
images = rng.normal(size=(2, 1, 8, 8)).astype(np.float32)


class Calibration(quantization.CalibrationDataReader):
    def __init__(self):
        self.left = [{"x": images}]

    def get_next(self):
        return self.left.pop() if self.left else None


def quantised(source, target, form):
    """Quantise a file, and return what the checker and ONNX Runtime make of the result."""
    quantization.quantize_static(source, target, Calibration(), quant_format=form)
    try:
        onnx.checker.check_model(target)
        checked = "sound"
    except onnx.checker.ValidationError as error:
        checked = str(error)
    try:
        session = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"])
        return checked, session.run(None, {"x": images})[0]
    except Exception as error:
        return checked, str(error)


found = {}
for form in (quantization.QuantFormat.QDQ, quantization.QuantFormat.QOperator):
    once = quantised("float.onnx", f"{form}-1.onnx", form)
    twice = quantised(f"{form}-1.onnx", f"{form}-2.onnx", form)
    found[str(form)] = (*once, *twice)
    print(form, "| once:", once[0], "| twice:", twice[0].split(",")[0])
first, predicted, second, error = found["QDQ"]
print("ONNX Runtime on the second QDQ file:", error)
plain = found["QOperator"]
held = (
    first == "sound"
    and isinstance(predicted, np.ndarray)
    and "single static assignment" in second
    and "two nodes with same node name" in str(error)
    and plain[0] == plain[2] == "sound"
    and np.array_equal(plain[1], plain[3])
)
sys.exit(0 if held else 1)
PYTHON
if [ "$changed" -ne 0 ]; then
    echo "changed: the second call raises or its file is sound, or the run failed" >&2
    exit 1
fi
