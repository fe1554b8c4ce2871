"""Image paths of a record, kept within their folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from robustmel.records.load_report import LoadReport


def image_path(folder: Path, named: str, place: str, report: LoadReport) -> Path | None:
    """The file that a record names, relative to the image folder; None where it names none that may be read.

    A path that leaves the folder (`..`, or an absolute one elsewhere) and a web address are refused and counted as
    `image_outside` and `image_url`: a data set must not make a linker read other files of the machine.
    """
    if not named.strip():
        return None
    if "://" in named:
        report.remark("image_url", f"{place}: {named}")
        return None
    base = Path(os.path.normpath(Path.cwd() / folder))
    inside = Path(os.path.normpath(base / named))
    if inside == base or not inside.is_relative_to(base):
        report.remark("image_outside", f"{place}: {named}")
        return None
    return folder / inside.relative_to(base)


def stays_inside(path: Path, folders: Iterable[Path]) -> bool:
    """Whether a file, its links followed, lies in one of these folders (their links followed too).

    What is published must: an image that is a link to somewhere else on the disk would copy that file. See `Dataset.folders`.
    """
    real = path.resolve()
    return any(real.is_relative_to(folder.resolve()) for folder in folders)
