"""What a replay measures, and whether that is good enough."""
