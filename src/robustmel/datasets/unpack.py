"""Archives of data sets unpacked without trusting them."""

import logging
import os
import re
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from robustmel.errors import MissingError, UsageError, printable
from robustmel.records.new_folder import new_folder

MAX_FILES = 2_000_000
MAX_BYTES = 500 * 2**30
"""Of all files together, unpacked."""
MAX_RATIO = 200
"""Unpacked bytes a packed byte, of archives over `SMALL`; pictures and JSON stay far below."""
SMALL = 10 * 2**20
_BLOCK = 1 << 20
_log = logging.getLogger(__name__)


class _Entry(NamedTuple):
    name: str
    size: int
    source: IO[bytes]


def unpack(archive: Path, out: Path, encoding: str | None = None) -> int:
    """Unpacks a .zip or .tar (.gz, .bz2, .xz) into a new folder; returns the number of files.

    The whole archive is refused, and nothing is left behind, if one entry leads out of the folder (".." or an absolute path), is
    a link or a device, stands there twice, or if it holds more than it may (`MAX_FILES`, `MAX_BYTES`, `MAX_RATIO`; sizes are
    counted while unpacking, not believed).

    Args:
        archive: The file.
        out: The folder to write; must not exist yet.
        encoding: Of names that the archive does not say to be UTF-8 ("gbk", "shift_jis"). None reads them as UTF-8 where they are
            valid; else they stay as they are, and one warning says so.

    Raises:
        MissingError: The archive is absent, broken or refused, or `out` is there already; the sentence names the entry.
        UsageError: There is no such encoding.
    """
    if not archive.is_file():
        raise MissingError(f"no archive {archive}.")
    allowed = max(MAX_RATIO * archive.stat().st_size, SMALL)
    count = total = 0
    try:
        with new_folder(out) as unfinished:
            for entry in _entries(archive, encoding):
                target = _inside(unfinished, entry.name, archive)
                count += 1
                if count > MAX_FILES:
                    raise MissingError(f"{archive} is refused: it holds over {MAX_FILES:,} files.")
                if target.exists():
                    raise MissingError(f"{archive} is refused: {printable(entry.name)} appears in it twice.")
                with _new_file(target, entry.name, archive) as file:
                    while block := entry.source.read(_BLOCK):
                        total += len(block)
                        if total > min(allowed, MAX_BYTES):
                            raise MissingError(
                                f"{archive} is refused: {printable(entry.name)} brings it to over {total // 2**20:,} MB unpacked,"
                                " far more than its size suggests."
                            )
                        file.write(block)
    except (MissingError, UsageError):
        raise
    except Exception as problem:  # what zipfile, tarfile and their decompressors raise has no common base
        if isinstance(problem, tarfile.ReadError) and not tarfile.is_tarfile(archive):
            raise MissingError(
                f"{archive} is not a .zip or .tar (.gz, .bz2, .xz), or its first bytes are broken; fetch it again."
            ) from problem
        raise MissingError(f"{archive} cannot be unpacked: {printable(str(problem))}.") from problem
    return count


def _entries(archive: Path, encoding: str | None) -> Iterator[_Entry]:
    foreign = ""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                mode = info.external_attr >> 16
                if mode and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode) and stat.S_IFMT(mode):
                    raise MissingError(f"{archive} is refused: {printable(info.filename)} is a link or a device.")
                if info.is_dir():
                    continue
                if info.flag_bits & 1:
                    raise MissingError(f"{archive} is encrypted; unpack it with its password, and give the folder.")
                name = info.filename
                if not info.flag_bits & 0x800 and not name.isascii():
                    name, encoding_used = _decoded(name.encode("cp437"), name, encoding)
                    foreign = foreign or ("" if encoding_used else name)
                with opened.open(info) as source:
                    yield _Entry(name, info.file_size, source)
        _warn(archive, foreign)
        return
    with tarfile.open(archive, "r:*", encoding="utf-8", errors="surrogateescape") as tar:
        for member in tar:
            if member.isdir():
                continue
            held = tar.extractfile(member) if member.isreg() else None
            if held is None:
                raise MissingError(f"{archive} is refused: {printable(member.name)} is a link or a device.")
            name, encoding_used = _decoded(os.fsencode(member.name), member.name, encoding)
            foreign = foreign or ("" if encoding_used else name)
            with held:
                yield _Entry(name, member.size, held)
    _warn(archive, foreign)


def _decoded(raw: bytes, as_it_is: str, encoding: str | None) -> tuple[str, bool]:
    """A name as UTF-8 where that is valid, else in the encoding given; else as it is. And whether it is known what it says."""
    for candidate in ("utf-8", encoding):
        try:
            if candidate is not None:
                return raw.decode(candidate), True
        except UnicodeDecodeError:
            continue
        except LookupError as problem:
            raise UsageError(
                f'"{candidate}" is not a known encoding; write one like "gbk", "shift_jis" or "cp866".'
            ) from problem
    return as_it_is, False


def _warn(archive: Path, name: str) -> None:
    if name:
        _log.warning(
            "names in %s are not UTF-8 and stay as they are (first: %s); name their encoding, as in --encoding gbk",
            archive, printable(name),
        )  # fmt: skip


def _new_file(target: Path, name: str, archive: Path) -> IO[bytes]:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        return target.open("xb")
    except (FileExistsError, NotADirectoryError) as problem:
        raise MissingError(f"{archive} is refused: {printable(name)} has the name of a file for a folder.") from problem
    except OSError as problem:
        raise MissingError(
            f"{printable(name)[:80]} of {archive} cannot be written: {problem.strerror or problem}."
        ) from problem


def _inside(folder: Path, name: str, archive: Path) -> Path:
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or not parts.parts or re.match("[A-Za-z]:", parts.parts[0]) or "\x00" in name:
        raise MissingError(f"{archive} is refused: {printable(name)} leads out of its folder.")
    return folder.joinpath(*parts.parts)
