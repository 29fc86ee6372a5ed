"""``python -m fer_training`` is ``fer-train``."""

import sys

from fer_training.commands.cli import main

sys.exit(main())
