"""Image paths of a record, kept within their folder."""

import hashlib
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

from robustmel.records.load_report import LoadReport

_SUFFIX = re.compile(r"(\.(?:jpg|jpeg|png|svg|JPG|JPEG|PNG|SVG))$")


def image_path(folder: Path, named: str, place: str, report: LoadReport) -> Path | None:
    """The file that a record names, relative to the image folder; None where it names none that may be read.

    A path that leaves the folder (`..`, or an absolute one elsewhere) and a web address are refused and counted as
    `image_outside` and `image_url`: a data set must not make a linker read other files of the machine. Where no file has the name but
    one is another spelling of it (Unicode's other form, letter case, backslashes, percent-encoding), that one is meant; counted as `image_respelt`.
    """
    if not named.strip():
        return None
    if "://" in named:
        report.remark("image_url", f"{place}: {named}")
        return None
    base = _absolute(folder, Path.cwd())
    inside, within = os.path.normpath(base / named), str(base).rstrip(os.sep) + os.sep
    if inside == str(base) or not inside.startswith(within):
        report.remark("image_outside", f"{place}: {named}")
        return None
    named_file = folder / inside.removeprefix(within)
    if _is_there(named_file) or not base.is_dir():
        return named_file
    spelt = _spelt_otherwise(base, Path(inside.removeprefix(within)).as_posix())
    if spelt is None:
        return named_file
    report.remark("image_respelt", f"{place}: {named}")
    return folder / spelt


@lru_cache(maxsize=256)
def _absolute(folder: Path, here: Path) -> Path:
    return Path(os.path.normpath(here / folder))


def wikidiverse_name(address: str) -> str:
    """The file of an image address in WikiDiverse: the MD5 of the last part of the address, still percent-encoded, and its suffix.

    SVG files were stored as PNG. A suffix that the release's rule does not know ("gif", "webp", "tif", "Jpg") brings the whole
    last part in its place.
    """
    last = address.rsplit("/", 1)[-1]
    digest = hashlib.md5(last.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
    known = _SUFFIX.search(last)
    suffix = known.group(1) if known else last
    return digest + (".png" if suffix in (".svg", ".SVG") else suffix)


def _spelt_otherwise(base: Path, named: str) -> Path | None:
    """The one file that a path means where none is spelt like it: in Unicode's other form or another letter case, with backslashes, percent-encoded.

    Every part is looked up in the listing of its folder, so that no spelling leads out of it.
    """
    for written in dict.fromkeys((named, named.replace("\\", "/"), unquote(named).replace("\\", "/"))):
        here = base
        for part in written.split("/"):
            likely = _listing(here, _changed(here)).get(_plain_name(part).casefold(), [])
            meant = [name for name in likely if _plain_name(name) == _plain_name(part)] or likely
            if part not in ("", ".", "..") and _is_there(here / part):
                here /= part
            elif len(meant) == 1:
                here /= meant[0]
            else:
                break
        else:
            return here.relative_to(base)
    return None


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name too long for the file system
        return False


def _changed(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=256)
def _listing(folder: Path, changed: int) -> Mapping[str, list[str]]:
    """Plain name without its letter case -> the names in a folder that are spellings of it."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    if changed and folder.is_dir():
        for entry in folder.iterdir():
            names[_plain_name(entry.name).casefold()].append(entry.name)
    return dict(names)


def _plain_name(name: str) -> str:
    return unicodedata.normalize("NFC", unquote(name))


def stays_inside(path: Path, folders: Iterable[Path]) -> bool:
    """Whether a file, its links followed, lies in one of these folders (their links followed too).

    What is published must: an image that is a link to somewhere else on the disk would copy that file. See `Dataset.folders`.
    """
    real = path.resolve()
    return any(real.is_relative_to(folder.resolve()) for folder in folders)
