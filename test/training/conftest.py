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

"""What the tests of training share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest


@pytest.fixture(scope="session", autouse=True)
def pictures() -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Let runs draw no pictures, which take longer than their training, except where asked.

    Yields:
        A context in which they are drawn.
    """
    pytest.importorskip("torch", reason="needs the train extra (PyTorch)")
    from fer_training.train import finish

    draw = finish.draw

    @contextmanager
    def drawn() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(finish, "draw", draw)
            yield

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finish, "draw", lambda *_: None)
        yield drawn
