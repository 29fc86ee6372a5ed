"""Errors of the perception layer that code must be able to name without loading its libraries."""


class ModelError(RuntimeError):
    """A model file cannot be used; the message names the file, the reason and a remedy."""
