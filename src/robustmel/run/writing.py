"""Files that are there whole or not at all, and what is told where they cannot be written."""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from robustmel.errors import MissingError


def write_atomically(path: Path, text: str | Iterable[str]) -> None:
    """Writes a file, from one text or parts of it, so that it is there whole or not at all."""
    if path.is_dir():  # told here, by its own name
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.writelines([text] if isinstance(text, str) else text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def writing(folder: Path, way_out: str = "choose another --out") -> Iterator[None]:
    """Turns a failure to write into one sentence that names the folder and the way out; one that names a file elsewhere is left."""
    try:
        yield
    except OSError as problem:
        if problem.filename and not Path(os.fsdecode(problem.filename)).is_relative_to(folder):
            raise
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise MissingError(
                f"no space left for {folder}: {problem.strerror}. Free some, or {way_out}; the same command goes on where this one"
                " stopped."
            ) from problem
        place = Path(os.fsdecode(problem.filename or folder))
        if problem.errno in (errno.EEXIST, errno.ENOTDIR) and not place.is_dir():
            raise MissingError(f"{place} cannot be a folder: a file or a broken link is in its place; {way_out}.") from problem
        if problem.errno == errno.EISDIR:
            raise MissingError(f"{place} cannot be written: a folder is in its place; {way_out}.") from problem
        if problem.errno == errno.EEXIST:  # an old folder that could not be removed
            raise MissingError(f"cannot write to {folder}: {place} cannot be replaced; {way_out}.") from problem
        if problem.errno in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG):
            raise MissingError(f"cannot write to {folder}: {problem.strerror}; {way_out}.") from problem
        raise
