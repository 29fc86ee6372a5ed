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

"""``fer-ros models``: the shipped emotion networks and the detectors that can be fetched."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fer_ros.apps import adopt
from fer_ros.perception import model_store
from fer_ros.perception.errors import ModelError
from fer_ros.perception.model_metadata import MetadataError, ModelMetadata
from fer_ros.perception.onnx_file import read_properties
from fer_ros.perception.strings import in_one_line, shortened
from fer_ros.transport.arguments import RosArgs


def add_parser(subparsers: Any) -> None:
    """Add the ``models`` command."""
    parser = subparsers.add_parser(
        "models",
        description="The emotion networks and the face detector fer-face come with the package; "
        "YuNet, another detector under its own licence, is fetched from its official address and "
        "checked by SHA-256.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    listing = actions.add_parser("list", help="list the networks, and where they are")
    listing.set_defaults(func=_list)
    fetch = actions.add_parser("fetch", help="get YuNet, another face detector")
    fetch.add_argument(
        "name", nargs="?", default=model_store.DEFAULT_DETECTOR,
        choices=sorted(model_store.EXTERNAL), help="which one (default: %(default)s)",
    )  # fmt: skip
    fetch.set_defaults(func=_fetch)
    verify = actions.add_parser(
        "verify",
        help="check every file against its SHA-256, and networks against their results at export",
    )
    verify.add_argument(
        "files", nargs="*", type=Path, help="also check that these can serve as emotion networks"
    )
    verify.set_defaults(func=_verify)
    adopt.add_parser(actions)


def _list(_: argparse.Namespace, __: RosArgs) -> int:
    shipped = sorted(model_store.shipped_models().items())
    print("emotion networks (parameter models):")
    _print_columns([_network_row(name, path) for name, path in shipped])
    print("face detectors (parameters detector, detector_model):")
    others = [_detector_row(name) for name in sorted(model_store.EXTERNAL)]
    _print_columns([*_own_detector_rows(), *others])
    return 0


def _network_row(name: str, path: Path) -> tuple[str, ...]:
    about = _metadata(path)
    spec = about.input
    return (
        name,
        about.version,
        f"{len(about.labels)} classes",
        f"{spec.width}x{spec.height}x{spec.channels}",
        f"{path.stat().st_size / 1e6:.2f} MB",
    )


def _own_detector_files() -> list[Path]:
    own = model_store.shipped_detector()
    return [path for path in (own, model_store.verifier_of(own)) if path is not None]


def _own_detector_rows() -> list[tuple[str, ...]]:
    own = model_store.shipped_detector()
    rows: list[tuple[str, ...]] = []
    for path in _own_detector_files():
        version = json.loads(read_properties(path).get("fer.version", '"?"'))
        about = "comes with the package" if path == own else f"looks again at what {own.stem} finds"
        rows.append((path.stem, str(version), f"{path.stat().st_size / 1e3:.0f} kB", about))
    return rows


def _detector_row(name: str) -> tuple[str, ...]:
    model, found = model_store.EXTERNAL[name], model_store.locate(name)
    place = str(found) if found else f"not here; fer-ros models fetch {name}"
    return name, model.licence, f"{model.size / 1e3:.0f} kB", place


def _print_columns(rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows with every column as wide as its widest entry."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths))
        print(f"  {'  '.join(cells)}".rstrip())


def _metadata(path: Path) -> ModelMetadata:
    try:
        return ModelMetadata.from_props(read_properties(path))
    except MetadataError as error:
        raise ModelError(f"{path} is no emotion network of this package: {error}") from error


def _fetch(args: argparse.Namespace, _: RosArgs) -> int:
    model = model_store.EXTERNAL[args.name]
    with tqdm(total=model.size, unit="B", unit_scale=True, desc=args.name, leave=False) as bar:
        path = model_store.fetch(args.name, progress=lambda done: bar.update(done - bar.n))
    print(f"{args.name} ({model.licence}) is at {path}")
    return 0


def _verify(args: argparse.Namespace, _: RosArgs) -> int:
    from fer_ros.perception.classification import EmotionNetwork  # brings ONNX Runtime

    def shipped(path: Path) -> None:
        model_store.check_shipped(path)
        EmotionNetwork(path)

    failed = 0
    for name, path in sorted(model_store.shipped_models().items()):
        failed += _report(name, partial(shipped, path))
    for path in _own_detector_files():
        failed += _report(path.stem, partial(model_store.check_shipped, path))
    for name in sorted(model_store.EXTERNAL):
        if model_store.locate(name):
            failed += _report(name, partial(model_store.verify, name))
    for path in args.files:
        failed += _report(str(path), partial(EmotionNetwork, path), _remark(path))
    return 1 if failed else 0


def _remark(path: Path) -> str:
    """Return what could not be checked."""
    try:
        known = ModelMetadata.from_props(read_properties(path)).known_answer
    except (MetadataError, ModelError):
        return ""  # the check itself reports it
    return (
        "" if known else " (it holds no predictions for known faces, so only its form was checked)"
    )


def _report(name: str, check: Callable[[], object], remark: str = "") -> int:
    try:
        check()
    except ModelError as error:
        print(f"BAD  {shortened(name)}: {in_one_line(error)}")
        return 1
    print(f"ok   {shortened(name)}{remark}")
    return 0
