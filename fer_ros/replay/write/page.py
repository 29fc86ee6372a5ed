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

"""Pages as one HTML file that needs nothing else, escaped by the template engine alone.

The content of a page can be untrusted: names in recordings, track ids of foreign results.
Every value is escaped by Jinja2, and the content security policy names the page's own style and
script by their hashes, so that nothing else could run even if it got in.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from fer_ros.replay import records
from fer_ros.replay.display_text import shown

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Figure:
    """A number of a page with its path in the results, so that it can be found again."""

    path: str
    value: float | None
    text: str


@dataclass(frozen=True)
class Marked:
    """A word of a table with what it means."""

    text: str
    kind: str


def formatted(value: float | None, kind: str) -> str:
    """Return a number as people read it.

    Args:
        value: The number; None is "n/a".
        kind: ``share`` (0..1), ``number``, ``seconds``, ``count`` or ``ms``.
    """
    if value is None:
        return "n/a"
    return {
        "share": f"{100 * value:.1f}\N{NO-BREAK SPACE}%",
        "number": f"{value:.3f}",
        "seconds": f"{value:.2f}\N{NO-BREAK SPACE}s",
        "count": f"{value:,.0f}",
        "ms": f"{value:.2f}\N{NO-BREAK SPACE}ms",
    }[kind]


def render(template: str, script: str = "", **context: Any) -> str:
    """Return a page.

    Args:
        template: Name of its template.
        script: Name of its script; empty for a page without one.
        context: What the template shows.
    """
    style, code = _file("style.css"), _file(script) if script else ""
    # Only constants and digests: the policy needs no escaping.
    policy = (
        f"default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src 'sha256-{_hash(style)}'; script-src "
        + (f"'sha256-{_hash(code)}'" if code else "'none'")
    )
    return _environment().get_template(template).render(
        style=Markup(style), script=Markup(code), policy=Markup(policy), **context
    )  # fmt: skip


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _file(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = formatted
    environment.filters["shown"] = shown
    return environment


def lookup(results: Any, path: str, kind: str) -> Figure:
    """Return the figure at a dotted path of a record, or of a mapping of records."""
    number = records.number(results, path)
    return Figure(path, number, formatted(number, kind))
