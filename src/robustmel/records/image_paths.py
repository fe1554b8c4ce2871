"""Image paths of a record, kept within their folder."""

import hashlib
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from itertools import product
from pathlib import Path
from urllib.parse import unquote

from robustmel.records.load_report import LoadReport

WRITTEN = ("utf-8", "gb18030", "big5", "shift_jis", "euc_kr", "cp866", "cp1251", "cp1252")
"""Encodings that archives have names in without saying so."""
READ = ("cp437", "latin-1", "cp1252")
"""What programs that unpack them take them for."""

_SUFFIX = re.compile(r"(\.(?:jpg|jpeg|png|svg|JPG|JPEG|PNG|SVG))$")


def image_path(folder: Path, named: str, place: str, report: LoadReport) -> Path | None:
    """The file that a record names, relative to the image folder; None where it names none that may be read.

    A path that leaves the folder (`..`, or an absolute one elsewhere) and a web address are refused and counted as
    `image_outside` and `image_url`: a data set must not make a linker read other files of the machine. Where no file has the name but
    one is another spelling of it (Unicode's other form, letter case, backslashes, percent-encoding, or what an archive's name became
    when it was read in another encoding), that one is meant; counted as `image_respelt`. Names that no encoding explains beside a
    missing one are counted as `image_names_garbled`.
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
        if not named.isascii() and _holds_garbled(base, _changed(base)):
            report.remark("image_names_garbled", f"{place}: {named}")
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
            names = _listing(here, _changed(here))
            likely = names.get(_plain_name(part).casefold()) or _misread(part, names)
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


def _misread(part: str, names: Mapping[str, list[str]]) -> list[str]:
    """Those names of a folder that are what a program makes of `part` which takes its bytes for another encoding's, or leaves them."""
    if part.isascii():
        return []
    likely: dict[str, None] = {}
    for form, encoding in product((unicodedata.normalize("NFC", part), unicodedata.normalize("NFD", part)), WRITTEN):
        with suppress(UnicodeEncodeError):
            raw = form.encode(encoding)
            for read in (os.fsdecode(raw), *(raw.decode(code, "surrogateescape") for code in READ)):
                likely |= dict.fromkeys(names.get(_plain_name(read).casefold(), []))
    return list(likely)


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


@lru_cache(maxsize=256)
def _holds_garbled(folder: Path, changed: int) -> bool:
    """Whether a folder, or one right in it, has a name that is not UTF-8: `unzip` leaves some that nothing brings back."""
    entries: list[Path] = []
    with suppress(OSError):
        for listed in (folder, *(entry for entry in folder.iterdir() if entry.is_dir())):
            with suppress(OSError):  # one that may not be read tells nothing
                entries += listed.iterdir()
    names = (entry.name for entry in entries)
    return any(not name.isprintable() and any("\udc80" <= letter <= "\udcff" for letter in name) for name in names)


def _plain_name(name: str) -> str:
    return unicodedata.normalize("NFC", unquote(name))


def stays_inside(path: Path, folders: Iterable[Path]) -> bool:
    """Whether a file, its links followed, lies in one of these folders (their links followed too).

    What is published must: an image that is a link to somewhere else on the disk would copy that file. See `Dataset.folders`.
    """
    real = path.resolve()
    return any(real.is_relative_to(folder.resolve()) for folder in folders)
