#!/bin/sh
# mcap-ros2-support 0.5.7 cannot write an array whose field has a default in the message definition.
#
# Versions: mcap-ros2-support 0.5.7, mcap 1.4.0. Linux x86-64, Python 3.10 to 3.13.
# Input: a message definition with `int32[] samples [-200, -100, 0, 100, 200]`, which ROS 2's page on
# interfaces has as its example of an array's default, and the message {"samples": [7, 8]}.
# Seen: mcap_ros2.writer.Writer raises ValueError "Default value for primitive types cannot be an array"
# for every message that fills the field; left out of the message, an empty array is written instead of
# the default. A scalar's default is no obstacle, and is written where the field is left out. The
# package reads such messages, whoever wrote them.
# Why it matters: a program that copies or trims recordings with this writer stops at the first message of
# such a type, though it has just read it without complaint. Removing defaults from the definition
# before it is registered is a way round: they are no part of what is sent.
# Exits 0 while this is so, and 1 once the message is written (or one of the others is not).
set -eu
changed=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check mcap==1.4.0 \
    mcap-ros2-support==0.5.7
"$folder/venv/bin/python" - <<'PYTHON' || changed=1
import io
import sys

from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from mcap_ros2.writer import Writer


def written(definition, message):
    """Return the message as it is read back, or what the writer raises."""
    file = io.BytesIO()
    writer = Writer(file)
    try:
        writer.write_message("/a", writer.register_msgdef("pkg/msg/A", definition), message, 1, 1)
    except ValueError as error:
        return str(error)
    writer.finish()
    file.seek(0)
    reader = make_reader(file, decoder_factories=[DecoderFactory()])
    return [found.decoded_message for found in reader.iter_decoded_messages()][0]


with_default = "int32[] samples [-200, -100, 0, 100, 200]\nuint8 x 42\n"
refused = written(with_default, {"samples": [7, 8], "x": 1})
left_out = written(with_default, {})
plain = written("int32[] samples\nuint8 x 42\n", {"samples": [7, 8], "x": 1})
print("filled:", refused)
print("left out:", left_out.samples, left_out.x, "without a default:", plain.samples)
held = (
    refused == "Default value for primitive types cannot be an array"
    and (list(left_out.samples), left_out.x) == ([], 42)
    and list(plain.samples) == [7, 8]
)
sys.exit(0 if held else 1)
PYTHON
if [ "$changed" -ne 0 ]; then
    echo "changed: the message is written, or the run failed" >&2
    exit 1
fi
