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

"""Compiled conditions give what Python gives for the same text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_ros.behaviors.conditions import parse

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


@settings(max_examples=300, deadline=None)
@given(
    conditions,
    st.lists(st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.75]), min_size=6, max_size=6),
    st.sampled_from([0.0, 0.25]),
)
def test_a_condition_holds_where_python_says_so(text, numbers, slack):
    values = dict(zip(NAMES, map(np.float32, numbers)))
    condition = parse(text, NAMES)
    with np.errstate(all="ignore"):
        strict = condition.holds(values, np.float32(0))
        relaxed = condition.holds(values, np.float32(slack))
        names = {"__builtins__": {}, "min": min, "max": max}
        assert strict == bool(eval(text, names, values))
    assert relaxed or not strict, "what is enough to begin is enough to go on"
    assert condition.names <= set(NAMES)


@pytest.mark.parametrize(
    ("text", "values", "holds"),
    [
        ("happy > 0.6", {"happy": 0.6}, False),
        ("happy >= 0.6", {"happy": 0.6}, True),
        ("happy + sad > 0.9", {"happy": 0.7, "sad": 0.2}, False),
        ("happy > 0.1", {"happy": np.nan}, False),
        ("not happy > 0.1", {"happy": np.nan}, True),
        ("min(happy, sad) >= 0", {"happy": np.nan, "sad": 0.2}, False),
        ("min(sad, happy) >= 0", {"happy": np.nan, "sad": 0.2}, False),
        ("max(happy, sad, 0.1) >= 0", {"happy": 0.3, "sad": np.nan}, False),
        ("1 / happy > 100", {"happy": 0.0}, True),
        ("0.1 < happy < 0.9", {"happy": 0.5}, True),
        ("0.1 < happy < 0.4", {"happy": 0.5}, False),
    ],
)
def test_single_precision_nan_and_infinity(text, values, holds):
    """Evaluated as numpy does with the float32 of the message."""
    given_values = {name: np.float32(value) for name, value in values.items()}
    with np.errstate(all="ignore"):
        assert parse(text, NAMES).holds(given_values, np.float32(0)) is holds
