"""Words from outside, cut to a length that a log line and a status can hold."""

from __future__ import annotations

MOST_CHARACTERS = 200
"""Longest text from outside that is passed on in a message."""


def shortened(text: str, most: int = MOST_CHARACTERS) -> str:
    """Return a text of at most ``most`` characters; of a longer one the beginning and the length.

    Control characters become spaces, so that a text can neither end a line of the log nor
    paint on a terminal.
    """
    cut = text[:most]
    clean = "".join(character if character.isprintable() else " " for character in cut)
    return clean if len(text) <= most else f"{clean[: most - 1]}… ({len(text)} characters)"
