"""The systems of the five papers, and what was measured of them here."""
