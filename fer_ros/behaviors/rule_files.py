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

"""Rule files: YAML in, :class:`~fer_ros.behaviors.rules.RuleSet` out, every fault with its line.

The format is defined by ``config/rules.schema.json``, which editors understand too; what a schema
cannot express (expressions, conditions, names of plug-ins) is checked here. pydantic would do both,
but ROS 2 Humble and Jazzy bring its version 1, pip version 2.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from fer_ros import files
from fer_ros.behaviors.conditions import ConditionError, parse
from fer_ros.behaviors.rules import (
    ANY_EXPRESSION,
    TEXT_FIELDS,
    Action,
    Call,
    Rule,
    RuleSet,
    Run,
    Say,
    text_fields,
)
from fer_ros.perception.emotions import KNOWN, UNCERTAIN
from fer_ros.perception.strings import near_name, near_names
from fer_ros.resources import share_path

MOST_BYTES = 4_000_000
"""Size of the largest rule file."""

_MAX_DEPTH = 20
_MAX_FAULTS = 10
_LISTS = ("cameras", "expression", "at")
"""Keys whose value may also be one element alone."""

_Path = tuple[str | int, ...]


class RuleError(ValueError):
    """A rule file that cannot be used; the message has a line for every fault."""


def read_rules(path: Path) -> RuleSet:
    """Read a rule file.

    Raises:
        RuleError: It is missing, no YAML, or has unknown or invalid content.
    """
    try:
        text = files.read_text(path, MOST_BYTES)
    except UnicodeDecodeError as error:
        raise RuleError(f"{path} is not UTF-8: {error}") from None
    except OSError as error:
        raise RuleError(f"cannot read the rules {path}: {error.strerror or error}") from None
    return parse_rules(text, str(path), path.parent)


def parse_rules(text: str, name: str = "rules", folder: Path = Path()) -> RuleSet:
    """Parse the content of a rule file.

    Args:
        text: YAML.
        name: Name of the file in error messages.
        folder: Where relative paths of plug-ins start from.

    Raises:
        RuleError: As :func:`read_rules`.
    """
    content, lines = _load(text, name)
    faults = _Faults(name, lines)
    content = _wrapped(content)
    for error in _validator().iter_errors(content):
        faults.of_schema(error)
    faults.check()
    rules = [_rule(rule, ("rules", i), faults, folder) for i, rule in enumerate(content["rules"])]
    _check_names(content["rules"], faults)
    faults.check()
    properties = schema()["properties"]
    return RuleSet(
        rules=tuple(rule for rule in rules if rule is not None),
        silence_ns=_ns(content.get("silence", properties["silence"]["default"])),
        max_age_ns=_ns(content.get("max_age", properties["max_age"]["default"])),
    )


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    """Return the JSON schema of rule files."""
    text = share_path("config/rules.schema.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


@lru_cache(maxsize=1)
def _validator() -> Any:
    return jsonschema.Draft7Validator(schema())


class _Faults:
    def __init__(self, name: str, lines: Mapping[_Path, int]) -> None:
        self._name = name
        self._lines = lines
        self._found: list[tuple[int, str]] = []

    def add(self, path: _Path, text: str) -> None:
        """Note a fault at a place of the file."""
        while path and path not in self._lines:
            path = path[:-1]
        self._found.append((self._lines.get(path, 1), text))

    def of_schema(self, error: Any) -> None:
        """Note the faults that the schema finds, in plain words."""
        path = tuple(error.absolute_path)
        where = f"{path[-1]!r}" if path and isinstance(path[-1], str) else "this"
        value, limit = error.instance, error.validator_value
        if error.validator == "additionalProperties":
            known = list(error.schema["properties"])
            for key in value.keys() - set(known):
                self.add((*path, key), f"unknown key {key!r}; {near_name(str(key), known)}")
        elif error.validator == "required":
            strange = value.keys() - error.schema["properties"].keys()
            missing = next(key for key in limit if key not in value)
            if not near_names(missing, strange, 1):  # else the fault names the unknown key
                self.add(path, f"{missing!r} is missing" + (f" in {where}" if path else ""))
        elif error.validator == "enum":
            self.add(path, f"{_short(value)} cannot be; {near_name(str(value), limit)}")
        elif error.validator == "type":
            quotes = limit == "string" and not isinstance(value, dict | list)
            hint = "; put it in quotes" if quotes else ""  # YAML reads no, on and 1.0 its own way
            self.add(path, f"{where} must be {_KINDS[limit]}, not {_short(value)}{hint}")
        elif error.validator in ("minimum", "maximum"):
            least = "at least" if error.validator == "minimum" else "at most"
            self.add(path, f"{where} must be {least} {limit:g}, not {_short(value)}")
        elif error.validator in _SIZES:
            self.add(path, f"{where} {_SIZES[error.validator].format(limit)}")
        elif error.validator == "pattern":
            self.add(path, f"{_short(value)} cannot be {where}: {error.schema['description']}")
        else:
            self.add(path, f"{where} is not valid: {error.validator} {limit} ({_short(value)})")

    def check(self) -> None:
        """Raise when there are faults."""
        if self._found:
            found = sorted(set(self._found))
            shown = [f"{self._name}:{line}: {text}" for line, text in found[:_MAX_FAULTS]]
            if len(found) > _MAX_FAULTS:
                shown.append(f"{self._name}: and {len(found) - _MAX_FAULTS} more faults")
            raise RuleError("\n".join(shown))


_KINDS = {
    "object": "a mapping of keys to values",
    "array": "a list",
    "string": "a string",
    "number": "a number",
    "boolean": "true or false",
}


_SIZES = {
    "maxLength": "is longer than {} characters",
    "minLength": "is empty",
    "maxItems": "has more than {} elements",
    "minItems": "is empty",
}


def _short(value: Any) -> str:
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = repr(value) if not isinstance(value, bool) else str(value).lower()
    return text if len(text) <= 40 else text[:37] + "..."


def _load(text: str, name: str) -> tuple[Any, dict[_Path, int]]:
    """Return the content and the line of every key and element."""
    try:
        _check_events(text, name)
        node = yaml.compose(text, yaml.SafeLoader)
        if node is None:
            raise RuleError(f"{name}:1: the file is empty; it needs 'rules'")
        lines = dict(_lines(node, (), name))
        return yaml.SafeLoader("").construct_document(node), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise RuleError(f"{name}:{line}: no valid YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        if isinstance(error, RuleError):
            raise
        raise RuleError(f"{name}: no valid YAML: {' '.join(str(error).split())}") from None


def _check_events(text: str, name: str) -> None:
    """Refuse input that would exhaust memory or stack: aliases, and deep nesting."""
    depth = count = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            raise RuleError(f"{name}:{line}: aliases (*{event.anchor}) are not allowed here")
        count += isinstance(event, yaml.DocumentStartEvent)
        if count > 1:
            raise RuleError(f"{name}:{line}: a second document; a rule file has one")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MAX_DEPTH:
                raise RuleError(f"{name}:{line}: nested more than {_MAX_DEPTH} deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _lines(node: Any, path: _Path, name: str) -> Iterator[tuple[_Path, int]]:
    line = node.start_mark.line + 1
    yield path, line
    if node.tag == "tag:yaml.org,2002:float" and node.value.lower() == ".nan":
        raise RuleError(f"{name}:{line}: .nan is no number to work with")
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _lines(item, (*path, index), name)
    elif isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                shown = key.value if isinstance(key, yaml.ScalarNode) else "a collection"
                raise RuleError(f"{name}:{line}: {shown!r} is no key; keys are plain words")
            if key.value in seen:
                raise RuleError(f"{name}:{line}: the key {key.value!r} is given twice")
            seen.add(key.value)
            yield from _lines(value, (*path, key.value), name)
            yield (*path, key.value), line


def _wrapped(content: Any) -> Any:
    """Wrap single elements in lists where lists are allowed; give empty values their default."""
    if isinstance(content, dict):
        return {
            key: [value] if key in _LISTS and not isinstance(value, list | dict) else
            value if key == "options" else _wrapped(value)
            for key, value in content.items()
        }  # fmt: skip
    return [_wrapped(item) for item in content] if isinstance(content, list) else content


def _with_defaults(given: Mapping[str, Any], definition: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {k: v["default"] for k, v in definition["properties"].items() if "default" in v}
    return {**defaults, **given}


def _rule(given: Mapping[str, Any], path: _Path, faults: _Faults, folder: Path) -> Rule | None:
    values = _with_defaults(given, schema()["definitions"]["rule"])
    expressions = tuple(values["expression"])
    _check_expressions(expressions, path, faults)
    if values["faces"] in ("any", "all") and values["cooldown_per"] == "rule":
        faults.add((*path, "cooldown_per"), "'any' and 'all' have one cool-down anyway")
    if given.get("confidence") and not expressions:
        faults.add((*path, "confidence"), "'confidence' needs 'expression'; or use it in 'when'")
    condition = None
    if "when" in given:
        try:
            condition = parse(given["when"], KNOWN)
        except ConditionError as error:
            faults.add((*path, "when"), str(error))
            return None
    forever = math.isinf(values["cooldown"])
    return Rule(
        name=values["name"],
        faces=values["faces"],
        cameras=tuple(values["cameras"]),
        expressions=expressions,
        confidence=float(values["confidence"]),
        when=condition,
        hysteresis=float(values["hysteresis"]),
        hold_ns=_ns(values["for"]),
        release_ns=_ns(values["release"]),
        ongoing_ns=_ns(values["ongoing"]),
        cooldown_ns=None if forever else _ns(min(values["cooldown"], 1e9)),
        cooldown_per=values["cooldown_per"],
        publish=values["publish"],
        actions=tuple(
            action
            for index, each in enumerate(values["do"])
            if (action := _action(each, (*path, "do", index), faults, folder)) is not None
        ),
    )


def _check_expressions(expressions: Sequence[str], path: _Path, faults: _Faults) -> None:
    place = (*path, "expression")
    for name in expressions:
        if name == UNCERTAIN:
            faults.add(place, "nothing happens on 'uncertain'; name the expressions that count")
        elif name not in KNOWN and name != ANY_EXPRESSION:
            faults.add(place, f"{name!r} is no expression; {near_name(name, sorted(KNOWN))}")
    if ANY_EXPRESSION in expressions and len(expressions) > 1:
        faults.add(place, "'any' must be the only expression")
    if len(set(expressions)) < len(expressions):
        faults.add(place, "an expression is given twice")


def _action(given: Mapping[str, Any], path: _Path, faults: _Faults, folder: Path) -> Action | None:
    kinds = [kind for kind in ("say", "call", "run") if kind in given]
    if len(kinds) != 1:
        faults.add(path, "an action is one of 'say', 'call' and 'run'")
        return None
    definition = schema()["definitions"]["action"]
    at = tuple(_with_defaults(given, definition)["at"])
    values = _with_defaults(given[kinds[0]], definition["properties"][kinds[0]])
    if kinds[0] == "call":
        return Action(at, Call(values["service"], values["type"], values["value"]))
    if kinds[0] == "run":
        return Action(at, Run(values["plugin"], values["options"], folder))
    for name in text_fields(values["text"]):
        if name not in TEXT_FIELDS:
            place = (*path, "say", "text")
            faults.add(place, f"{{{name}}} cannot be filled in; {near_name(name, TEXT_FIELDS)}")
            return None
    return Action(at, Say(values["topic"], values["text"]))


def _check_names(rules: Sequence[Mapping[str, Any]], faults: _Faults) -> None:
    seen = set()
    for index, rule in enumerate(rules):
        if rule["name"] in seen:
            faults.add(("rules", index, "name"), f"there are two rules {rule['name']!r}")
        seen.add(rule["name"])


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
