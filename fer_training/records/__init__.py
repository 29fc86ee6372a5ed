"""What a run leaves: checkpoints and where everything came from."""
