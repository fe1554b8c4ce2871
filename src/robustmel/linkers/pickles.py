"""Pickled weights, which may run code when they are read: only one file, only by its digest, only as tensors."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from robustmel.errors import MissingError, UsageError

PICKLE = "pytorch_model.bin"
"""The one file that may be allowed; weights in several pickled files are not read."""

SAFE_SINCE = (2, 10)
"""The first torch whose `weights_only` has no known hole (CVE-2025-32434 before 2.6, CVE-2026-24747 before 2.10)."""

_PIN = re.compile(r"sha256:([0-9a-f]{64})")


def allowed_pickle(folder: Path, model: str, pin: str) -> Path:
    """The pickled weights of a folder, if they are the very ones that were allowed.

    Args:
        folder: Of the model.
        model: As the user named it.
        pin: "sha256:" and the digest of the file, in 64 hexadecimal digits.

    Raises:
        UsageError: The pin is no digest.
        MissingError: There is no such file, it is another one, or the installed torch reads pickles unsafely.
    """
    wanted = _PIN.fullmatch(pin)
    if wanted is None:
        raise UsageError(f'allow_pickle = "{pin}" is no pin; write "sha256:" and the 64 hexadecimal digits of {PICKLE}.')
    file = folder / PICKLE
    if not file.is_file():
        raise MissingError(f"{model} has neither *.safetensors nor {PICKLE} in {folder}; allow_pickle reads no other pickle.")
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != wanted[1]:
        raise MissingError(f"{file} has the digest sha256:{found}, not the one that allow_pickle names; it is not read.")
    import torch

    numbers = tuple(int(one) for one in re.findall(r"\d+", torch.__version__)[:2])
    if numbers < SAFE_SINCE:
        raise MissingError(
            f"torch {torch.__version__} reads pickles unsafely; allow_pickle needs torch {'.'.join(map(str, SAFE_SINCE))} or later."
        )
    return file
