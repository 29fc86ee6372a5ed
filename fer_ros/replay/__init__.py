"""Replay evaluation: a recording goes in, emotions, measures and a verdict come out."""
