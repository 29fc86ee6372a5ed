"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with the data sets and detector weights that are not part of the repository."""
    folder = Path(os.environ.get("FER_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "DATA.md").is_file():
        pytest.skip(f"no data folder at {folder} (set FER_SHARED to its place)")
    return folder
