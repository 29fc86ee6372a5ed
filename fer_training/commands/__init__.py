"""The command line ``fer-train``."""
