"""The emotion node: lifecycle, streams, worker, diagnostics and its one table of parameters."""
