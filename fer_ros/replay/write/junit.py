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

"""Verdicts as JUnit XML, for build servers."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree

from fer_ros.replay.display_text import one_line, shown
from fer_ros.replay.verdicts import DOES_NOT_HOLD, NOT_ENOUGH, Check, Verdict


def render(verdicts: Mapping[str, Verdict], errors: Mapping[str, str] | None = None) -> str:
    """Return a JUnit document with one suite per recording and one case per criterion.

    What cannot be judged for lack of labels is "skipped", and so is a case that names what the
    recording lacks, where it does.

    Args:
        verdicts: By the name of the recording.
        errors: Recordings that could not be replayed, and why.
    """
    root = ElementTree.Element("testsuites", name="fer-ros replay")
    for name, verdict in verdicts.items():
        checks = verdict.criteria
        short = verdict.shortfalls
        suite = _suite(root, name, (len(checks) or 1) + bool(short))
        suite.set("failures", str(sum(check.result == DOES_NOT_HOLD for check in checks)))
        suite.set("skipped", str(sum(c.result == NOT_ENOUGH for c in checks) + bool(short)))
        if short:
            case = _case(suite, name, "the recording is whole")
            ElementTree.SubElement(case, "skipped", {"message": one_line("; ".join(short))})
        for check in checks:
            _check(_case(suite, name, f"{check.metric} {check.condition}"), check)
        if not checks:
            _case(suite, name, "replayed, no criteria given")
    for name, reason in (errors or {}).items():
        suite = _suite(root, name, 1)
        suite.set("errors", "1")
        message = {"message": one_line(reason)}
        ElementTree.SubElement(_case(suite, name, "replay"), "error", message)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(
        root, encoding="unicode"
    )


def _check(case: ElementTree.Element, check: Check) -> None:
    if check.result == NOT_ENOUGH:
        message = {"message": f"{NOT_ENOUGH}: {check.metric} {check.reason}"}
        ElementTree.SubElement(case, "skipped", message)
    elif check.result == DOES_NOT_HOLD:
        found = check.reason or f"is {check.value:.6g}"
        failure = ElementTree.SubElement(
            case, "failure", message=one_line(f"{check.metric} {found}")
        )
        failure.text = one_line(f"{check.metric} {found}, asked was {check.condition}")


def _suite(root: ElementTree.Element, name: str, tests: int) -> ElementTree.Element:
    suite = ElementTree.SubElement(root, "testsuite", name=shown(name), tests=str(tests))
    suite.set("failures", "0")
    suite.set("errors", "0")
    return suite


def _case(suite: ElementTree.Element, recording: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(
        suite, "testcase", classname=f"replay.{shown(recording)}", name=shown(name)
    )
