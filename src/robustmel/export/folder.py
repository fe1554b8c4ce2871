"""What both formats share: what may be exported, and checksums as `sha256sum -c` reads them."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from robustmel.datasets.dataset import Dataset
from robustmel.errors import UsageError

T = TypeVar("T")
CHECKSUMS = "checksums.sha256"


def check_publishable(dataset: Dataset) -> None:
    """Whether a data set may be written out with its images.

    Raises:
        UsageError: There are no mentions, or an image is a link out of the data set's folders: the file it leads to may be private.
    """
    if not dataset.mentions:
        raise UsageError(f"data set {dataset.name} has no mentions; there is nothing to export.")
    named = (mention.image for mention in dataset.mentions if mention.image)
    for image in (*named, *(image for entity in dataset.kb for image in entity.images)):
        if dataset.outside(image):
            raise UsageError(f"image {image} is a link to a file outside the data set; put a copy of it in its place.")


def checksums(folder: Path) -> dict[str, str]:
    """Path below the folder -> SHA-256, for every file, in order."""
    digests = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            digests[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests


def write_checksums(folder: Path) -> dict[str, str]:
    """Writes what `sha256sum -c` reads; returns it."""
    digests = checksums(folder)
    (folder / CHECKSUMS).write_text("".join(f"{digest}  {name}\n" for name, digest in digests.items()), "utf-8")
    return digests


def told(items: Iterable[T], of: int, progress: Callable[[int, int], None]) -> Iterator[T]:
    """The items, and after each how many of them are done to `progress`."""
    for number, item in enumerate(items, 1):
        yield item
        progress(number, of)


def silent(done: int, of: int) -> None:
    """Progress that nobody follows."""
