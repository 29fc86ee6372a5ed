"""From a run to a file that the node loads: export, int8, latency, model card."""
