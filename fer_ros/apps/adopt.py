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

"""``fer-ros models adopt``: an ONNX network of somebody else as a network of this package."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from fer_ros.perception.errors import ModelError
from fer_ros.transport.arguments import RosArgs

_CROPS = ("box", "fer2013")
"""Keys of `reading.adopting.CROPS`, which would load OpenCV for `models list`."""

_EPILOG = """\
A file does not say what its values mean; whoever trained it does. Of each pixel (0 to 255),
(pixel - mean) * scale enters the network. Networks with the means and deviations of ImageNet:
  --mean 123.675,116.28,103.53 --scale 0.017125,0.017507,0.017429 --colours rgb

examples:
  fer-ros models adopt emotion-ferplus-8.onnx --mean 0 --scale 1 --pictures labelled/ \\
    --labels neutral,happiness,surprise,sadness,anger,disgust,fear,contempt
  fer-ros models adopt enet_b0_8.onnx --size 224x224 --colours rgb --crop box \\
    --mean 123.675,116.28,103.53 --scale 0.017125,0.017507,0.017429 --pictures labelled/ \\
    --labels anger,contempt,disgust,fear,happiness,neutral,sadness,surprise

labelled/ holds a folder a class, as labelled/happiness/1.jpg; of each picture the largest face
counts. Thirty and more of them set the temperature and show whether the order of --labels is right.
"""


def add_parser(actions: Any) -> None:
    """Add the action ``adopt`` of ``models``."""
    parser = actions.add_parser(
        "adopt",
        help="make an ONNX network of somebody else one that the node takes",
        description="Checks input, output and order of the classes of an ONNX network, fits a "
        "temperature on labelled pictures, and writes a file with everything that the node needs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("file", type=Path, help="the network (.onnx)")
    add("--labels", required=True, metavar="A,B,…", help="classes in the order of its output")
    add("--mean", required=True, type=_numbers, metavar="M[,M,M]", help="subtracted from pixels; "
        "one, or one a channel in the file's order")  # fmt: skip
    add("--scale", required=True, type=_numbers, metavar="S[,S,S]", help="then multiplied by")
    add("--colours", choices=("rgb", "bgr"), default="", help="order of its channels, if three")
    add("--size", type=_size, metavar="WxH", help="of its input, where the file does not say it")
    add("--crop", choices=_CROPS, default="fer2013", help="which crops it was trained on: "
        "as in FER2013 (the default), or the detector's box alone")  # fmt: skip
    add("--output", default="", metavar="NAME", help="which of several outputs holds the classes")
    add("--columns", type=_columns, metavar="A:B", help="which of its values are the classes")
    add("--pictures", type=Path, metavar="DIR", help="labelled pictures, a folder a class")
    add("--name", default="", help="of the network (default: of the file)")
    add(
        "--out", type=Path, metavar="FILE", help="where it goes (default: beside it, NAME-fer.onnx)"
    )
    add("--overwrite", action="store_true", help="replace what is there")
    parser.set_defaults(func=_adopt)


def _adopt(args: argparse.Namespace, _: RosArgs) -> int:
    from fer_ros.reading.adopting import Adoption, Description
    from fer_ros.runtime.assembly import assemble
    from fer_ros.runtime.settings import PerceptionSettings

    out = args.out or args.file.with_name(f"{args.file.stem}-fer.onnx")
    if out.exists() and not args.overwrite:
        raise ModelError(f"{out} is there already; --overwrite replaces it")
    about = Description(
        labels=tuple(args.labels.split(",")), mean=args.mean, scale=args.scale,
        colours=args.colours, size=args.size, crop=args.crop, output=args.output,
        columns=args.columns, name=args.name,
    )  # fmt: skip
    adoption = Adoption(args.file, about)
    labelled = None
    if args.pictures is not None:
        labelled = adoption.crops_of(args.pictures, assemble(PerceptionSettings()).detector)
    metadata, remarks = adoption.describe(labelled)
    adoption.write(out, metadata)
    for remark in remarks:
        print(remark)
    print(f"{out} is ready: fer-ros read SOURCE --model {out}, or -p models:=[{out}]")
    return 0


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} holds other than numbers") from None


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    try:
        return int(width), int(height or width)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 224x224") from None


def _columns(text: str) -> slice:
    start, _, end = text.partition(":")
    try:
        return slice(int(start or 0), int(end))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no range such as 0:8") from None
