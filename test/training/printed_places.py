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

"""Where a recipe says a figure stands, looked up in the texts of the papers.

A place is what a recipe's ``paper`` block names: ``p. 11``, ``section 4.2``, ``section V.B``,
``table 4``, ``figure 8``, ``equation 1``, ``algorithm 1``. Several may follow one another, and a
remark after a semicolon may name a place of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

_NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")
PLACE = re.compile(
    r"\b(p\.|section|table|figure|equation|algorithm) ([IVX]+(?:\.[A-Z])?|\d+(?:\.\d+)*)",
    re.IGNORECASE,
)
_ROMAN = re.compile(r"([IVX]+)\. [A-Z][A-Z ]+")
_LETTER = re.compile(r"([A-Z])\. [A-Z][\w ]+")
_NUMBERED = re.compile(r"(\d(?:\.\d)*)[.:]? +[A-Z][^.]{3,80}")


@dataclass(frozen=True)
class Quotation:
    """What is said to stand somewhere."""

    what: str
    value: object
    """Number, or None where only the remark quotes."""
    place: str
    words: tuple[str, ...] = ()
    """What stands there of a value that is no number; any of them will do."""
    without: tuple[str, ...] = ()
    """What does not stand there, where the value is that of a thing not named."""


def numbers(words: str) -> set[float]:
    """Return every number of a text, whatever its commas and final zeros."""
    return {float(found.replace(",", "")) for found in _NUMBER.findall(words)}


def missing(quotation: Quotation, words: str) -> list[str]:
    """Return what of a quotation does not stand where it says, in words; nothing where all does."""
    found: list[str] = []
    value = quotation.value
    last: list[str] = []
    for number, part in enumerate(quotation.place.split(";")):
        named = [match.groups() for match in PLACE.finditer(part)]
        own = [(f"{kind} {where}", text_at(words, kind, where)) for kind, where in named]
        found += [f"{quotation.what}: there is no {name}" for name, text in own if not text]
        texts = [text for _, text in own if text] or last
        if not number and isinstance(value, int | float) and not isinstance(value, bool):
            found += [
                f"{quotation.what} = {value:g} does not stand in {name}"
                for name, text in own
                if text and float(value) not in numbers(text)
            ]
        if not number and quotation.words:
            found += [
                f"{quotation.what}: {name} has none of {quotation.words}"
                for name, text in own
                if text and not any(one.lower() in text.lower() for one in quotation.words)
            ]
        found += [
            f"{quotation.what}: {name} has {one!r} after all"
            for name, text in own
            for one in quotation.without
            if not number and one.lower() in text.lower()
        ]
        quoted = numbers(PLACE.sub("", part).replace("FER2013", ""))
        found += [
            f"{quotation.what}: {figure:g} of the remark {part.strip()!r} does not stand there"
            for figure in sorted(quoted)
            if texts and not any(figure in numbers(text) for text in texts)
        ]
        last = texts
    return found


def text_at(words: str, kind: str, where: str) -> str:
    """Return the text of a place; empty where there is no such place."""
    readers = {"p.": _page, "section": _section, "table": _table}
    reader = readers.get(kind.lower())
    return reader(words, where) if reader else _around(words, kind, where)


def _page(words: str, where: str) -> str:
    """Return a page of a text whose pages begin with ``Page N of M``."""
    parts = re.split(r"Page (\d+) of \d+", words)
    return dict(zip(parts[1::2], parts[2::2], strict=True)).get(where, "")


def _section(words: str, where: str) -> str:
    """Return what stands under a heading, up to the next one of any depth."""
    lines = words.splitlines()
    heads = list(_headings(lines))
    starts = [index for index, name in heads if name == where]
    if not starts:
        return ""
    start = starts[-1]  # the first may be in a list of contents
    ends = [index for index, _ in heads if index > start]
    return "\n".join(lines[start : ends[0] if ends else len(lines)])


def _headings(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Yield line and name of every heading: ``4.2``, or ``V`` and ``V.B``."""
    roman = ""
    for index, line in enumerate(lines):
        if match := _ROMAN.fullmatch(line.strip()):
            roman = match[1]
            yield index, roman
        elif roman and (match := _LETTER.fullmatch(line.strip())):
            yield index, f"{roman}.{match[1]}"
        elif match := _NUMBERED.fullmatch(line):
            yield index, match[1]


def _table(words: str, where: str) -> str:
    """Return the rows beside a caption: below it, or above where none are below."""
    lines = words.splitlines()
    for index, line in enumerate(lines):
        if re.match(rf"\s*table {re.escape(where)}(?!\w|\.\d)", line, re.IGNORECASE):
            rows = _rows(lines[index + 1 :]) or _rows(lines[:index][::-1])
            if rows:
                return "\n".join([line, *rows])
    return ""


def _rows(lines: list[str]) -> list[str]:
    """Return the lines from the first with a tab, which a title may precede, to a blank one."""
    starts = [number for number, line in enumerate(lines[:5]) if "\t" in line]
    return list(takewhile(str.strip, lines[starts[0] :])) if starts else []


_NEAR: dict[str, tuple[str, range]] = {
    "figure": (r"\bfig(?:ure)?s?\.?[\s\d,]*\b{}\b", range(2)),
    "equation": (r"\({}\)\W*$", range(-1, 2)),
    "algorithm": (r"^algorithm {}:", range(5)),
}
"""How a paragraph names each, and which paragraphs beside it count."""


def _around(words: str, kind: str, where: str) -> str:
    """Return the paragraphs that name a figure, an equation or an algorithm, and those beside."""
    name, steps = _NEAR[kind.lower()]
    paragraphs = re.split(r"\n\s*\n", words)
    pattern = re.compile(name.format(re.escape(where)), re.IGNORECASE | re.MULTILINE)
    named = [index for index, text in enumerate(paragraphs) if pattern.search(text.strip())]
    near = sorted({index + step for index in named for step in steps})
    return "\n".join(paragraphs[index] for index in near if 0 <= index < len(paragraphs))
