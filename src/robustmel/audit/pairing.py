"""Which clean image stands beside which image of a set."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from robustmel.audit.audited_image import IMAGES, TENSORS, AuditedImage, read_images
from robustmel.errors import ImageError, MissingError

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Folder:
    """The images of a folder.

    Args:
        images: Name -> image; the name is the path below the folder without its suffix, and the place in a tensor that holds several.
        broken: Name -> why it cannot be read.
    """

    images: Mapping[str, AuditedImage]
    broken: Mapping[str, str]

    def names(self) -> list[str]:
        """All of them, in order."""
        return sorted({*self.images, *self.broken})


def read_folder(folder: Path, progress: Progress = lambda done, of: None) -> Folder:
    """Reads every image below a folder, or of one file. A published set has its own in `images/`.

    Raises:
        MissingError: There are none.
    """
    place = folder / "images" if (folder / "mentions.jsonl").is_file() and (folder / "images").is_dir() else folder
    files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
    files = [path for path in files if path.suffix.lower() in (*IMAGES, *TENSORS)]
    if not files:
        raise MissingError(f"no images in {place}; expected {', '.join((*IMAGES, *TENSORS))} files.")
    root = place.parent if place.is_file() else place
    stems = Counter(_stem(path, root) for path in files)
    images: dict[str, AuditedImage] = {}
    broken: dict[str, str] = {}
    for number, path in enumerate(files, 1):
        stem = _stem(path, root)
        name = path.relative_to(root).as_posix() if stems[stem] > 1 else stem
        try:
            images |= {name + part: image for part, image in read_images(path)}
        except ImageError as problem:
            broken[name] = str(problem)
        progress(number, len(files))
    return Folder(images, broken)


def partners(names: Iterable[str], clean: Iterable[str]) -> dict[str, str]:
    """Name in the set -> name of its clean image: the same path, else the only clean file that is called so in any folder."""
    known = set(clean)
    by_last: dict[str, list[str]] = {}
    for name in known:
        by_last.setdefault(_last(name), []).append(name)
    pairs = {}
    for name in names:
        alike = by_last.get(_last(name), [])
        if name in known:
            pairs[name] = name
        elif len(alike) == 1:
            pairs[name] = alike[0]
    return pairs


def _stem(path: Path, root: Path) -> str:
    return path.relative_to(root).with_suffix("").as_posix()


def _last(name: str) -> str:
    last = PurePosixPath(name).name
    return last.rpartition(".")[0] if last.lower().endswith((*IMAGES, *TENSORS)) else last
