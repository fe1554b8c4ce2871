"""Benchmarks are run as files; their folder's parent goes on the path as it does there."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
