"""Where data sets lie on this machine."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "ROBUSTMEL_DATA"


def data_folder() -> Path:
    """The folder that holds a folder a data set: $ROBUSTMEL_DATA, or `data` in the working directory."""
    return Path(os.environ.get(VARIABLE) or "data").expanduser()
