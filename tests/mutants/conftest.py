"""The mutants are tried by a file that is run; its folder goes on the path as it does then."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
