"""EmotionArray in topics that others already use; a bridge is one file and off by default."""
