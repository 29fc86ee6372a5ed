"""The commands of ``fer-ros``: thin, each calls the layers below."""
