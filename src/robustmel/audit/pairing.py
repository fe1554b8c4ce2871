"""Which clean image stands beside which image of a set."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from robustmel.audit.audited_image import IMAGES, TENSORS, AuditedImage, places, read_image
from robustmel.errors import ImageError, MissingError


@dataclass(frozen=True)
class Folder:
    """The images of a folder, opened when they are looked at.

    Args:
        files: Name -> file, and place in a tensor that holds several; the name is the path below the folder without its suffix, and
            that place.
        broken: Name -> why a tensor file cannot be read.
    """

    files: Mapping[str, tuple[Path, int | None]]
    broken: Mapping[str, str]

    def names(self) -> list[str]:
        """All of them, in order."""
        return sorted({*self.files, *self.broken})

    def read(self, name: str) -> AuditedImage:
        """An image.

        Raises:
            ImageError: It cannot be read.
        """
        if name in self.broken:
            raise ImageError("image_refused", self.broken[name])
        return read_image(*self.files[name])


def read_folder(folder: Path) -> Folder:
    """The images below a folder, or of one file. A published set has its own in `images/`.

    Raises:
        MissingError: There are none.
    """
    place = folder / "images" if (folder / "mentions.jsonl").is_file() and (folder / "images").is_dir() else folder
    paths = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
    paths = [path for path in paths if path.suffix.lower() in (*IMAGES, *TENSORS)]
    if not paths:
        raise MissingError(f"no images in {place}; expected {', '.join((*IMAGES, *TENSORS))} files.")
    root = place.parent if place.is_file() else place
    stems = Counter(_stem(path, root) for path in paths)
    files: dict[str, tuple[Path, int | None]] = {}
    broken: dict[str, str] = {}
    for path in paths:
        stem = _stem(path, root)
        name = path.relative_to(root).as_posix() if stems[stem] > 1 else stem
        try:
            files |= {name if at is None else f"{name}[{at}]": (path, at) for at in places(path)}
        except ImageError as problem:
            broken[name] = str(problem)
    return Folder(files, broken)


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
