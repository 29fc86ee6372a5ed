"""Training of the face detector `fer-face`: data, network, targets, loop and measures."""
