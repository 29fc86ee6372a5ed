"""What a replay reads: images, labels, recorded answers, and in which order."""
