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
