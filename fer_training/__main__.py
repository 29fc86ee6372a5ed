"""``python -m fer_training`` is ``fer-train``."""

import sys

from fer_training.cli import main

sys.exit(main())
