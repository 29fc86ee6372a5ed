"""Facial expressions from camera images, on ROS 2 and without it."""

__version__ = "0.1.0"
