"""A mark for tests that need Haar cascades, which OpenCV 5 lacks."""

import cv2
import pytest

needs_cascades = pytest.mark.skipif(
    not hasattr(cv2, "CascadeClassifier"), reason=f"OpenCV {cv2.__version__} has no Haar cascades"
)
