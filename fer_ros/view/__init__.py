"""The live page: a subscriber that shows in a browser what the robot sees (docs/view.md)."""
