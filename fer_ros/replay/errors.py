"""The error of a replay that a user can do something about."""

from __future__ import annotations


class ReplayError(RuntimeError):
    """A replay cannot be done as asked; the message says why and what to do."""
