"""Verdicts in the XML form that build servers read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree


def render(
    verdicts: Mapping[str, Mapping[str, Any]], errors: Mapping[str, str] | None = None
) -> str:
    """Return a JUnit document with one suite per recording and one case per criterion.

    Args:
        verdicts: By the name of the recording.
        errors: Recordings that could not be replayed, and why.
    """
    root = ElementTree.Element("testsuites", name="fer-ros replay")
    for name, verdict in verdicts.items():
        checks = verdict["criteria"]
        suite = _suite(root, name, len(checks) or 1)
        suite.set("failures", str(sum(not check["passed"] for check in checks)))
        for check in checks:
            case = _case(suite, name, f"{check['metric']} {check['condition']}")
            if not check["passed"]:
                said = check["reason"] or f"is {check['value']:.6g}"
                failure = ElementTree.SubElement(
                    case, "failure", message=f"{check['metric']} {said}"
                )
                failure.text = f"{check['metric']} {said}, asked was {check['condition']}"
        if not checks:
            _case(suite, name, "replayed, no criteria given")
    for name, reason in (errors or {}).items():
        suite = _suite(root, name, 1)
        suite.set("errors", "1")
        ElementTree.SubElement(_case(suite, name, "replay"), "error", message=reason)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(
        root, encoding="unicode"
    )


def _suite(root: ElementTree.Element, name: str, tests: int) -> ElementTree.Element:
    suite = ElementTree.SubElement(root, "testsuite", name=name, tests=str(tests))
    suite.set("failures", "0")
    suite.set("errors", "0")
    return suite


def _case(suite: ElementTree.Element, recording: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=f"replay.{recording}", name=name)
