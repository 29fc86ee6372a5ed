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

"""Conditions judged for many rules at once answer what Python answers for each alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_ros.behaviors.expressions import ConditionTable, parse

NAMES = ("happy", "sad", "angry", "confidence", "size", "age")

numbers = st.sampled_from(["0.1", "0.25", "0.5", "0.75", "2"])
terms = st.recursive(
    numbers | st.sampled_from(NAMES),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(
            lambda t: f"{t[0]}({t[1]}, {t[2]})"
        ),
    ),
    max_leaves=4,
)
comparisons = st.tuples(terms, st.sampled_from([">", ">=", "<", "<="]), terms).map(" ".join)
conditions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        inner.map(lambda t: f"not ({t})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda t: f"(({t[0]}) {t[1]} ({t[2]}))"
        ),
    ),
    max_leaves=4,
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(conditions, min_size=1, max_size=6),
    st.lists(st.lists(st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.75]), min_size=6, max_size=6)),
    st.sampled_from([0.0, 0.25]),
)
def test_many_at_once_answer_as_each_alone(texts, faces, slack):
    parsed = {row: parse(text, NAMES) for row, text in enumerate(texts)}
    table = ConditionTable(parsed, np.full(len(texts), slack, np.float32), NAMES)
    values = np.array(faces, np.float32).reshape(-1, len(NAMES)).T
    strict = np.ones((len(texts), len(faces)), np.bool_)
    relaxed = table.judge(values, strict)
    for row, text in enumerate(texts):
        for column, face in enumerate(faces):
            there = dict(zip(NAMES, (np.float32(v) for v in face)))
            alone = eval(text, {"__builtins__": {}, "min": min, "max": max}, there)
            assert strict[row, column] == bool(alone), text
    assert not (strict & ~relaxed).any(), "who may begin may go on"
    if slack == 0:
        assert (strict == relaxed).all()


def test_rules_of_one_form_share_one_evaluation():
    texts = [f"happy > {i / 1000} and sad < 0.5" for i in range(1000)]
    table = ConditionTable(
        {i: parse(text, NAMES) for i, text in enumerate(texts)}, np.zeros(1000, np.float32), NAMES
    )
    assert len(table._groups) == 1


def test_a_condition_on_what_is_not_there_never_holds():
    table = ConditionTable({0: parse("not sad > 0.5", NAMES)}, np.zeros(1, np.float32), ["happy"])
    strict = np.ones((1, 3), np.bool_)
    assert not table.judge(np.zeros((1, 3), np.float32), strict).any()
    assert not strict.any()
    assert table.unknown == [0]
