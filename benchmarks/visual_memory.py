"""Peak memory against the number of images, at one batch size: processes of their own, weighed when they end.

Ours is the command a user gives, `robustmel perturb`, from images on disk to images on disk. The peer's calls take tensors:
its process holds the images and what comes back, and attacks them in batches as large.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Lines

STEPS = 2
BATCH = 32
"""What `perturb` takes at a time."""
SIDE = 224
NAMES = [f"card {number}" for number in range(10)]


def measure_memory(quick: bool, lines: Lines) -> None:
    """Two data sets, one several times the size of the other."""
    few, many = (64, 192) if quick else (64, 512)
    peaks: dict[str, dict[int, float]] = {"robustmel": {}, "torchattacks": {}}
    with tempfile.TemporaryDirectory() as folder:
        for count in (few, many):
            data = Path(folder) / str(count)
            write_data(data, count)
            ours = [sys.executable, "-m", "robustmel", "perturb", json_table(data), "--linker", "clip-world"]
            ours += ["--attack", f'{{name = "pgd", steps = {STEPS}, step_size = "2/255"}}', "--candidates", "all"]
            ours += ["--out", str(data / "out"), "--store", str(data / "store")]
            theirs = [sys.executable, str(Path(__file__).resolve()), str(data)]
            for library, command in (("robustmel", ours), ("torchattacks", theirs)):
                peak = _peak(command)
                if peak is None:
                    lines.tell(library, "memory", images=count, skipped="its process failed")
                    continue
                peaks[library][count] = peak
                lines.tell(library, "memory", images=count, batch=BATCH, peak_mib=round(peak, 1))
    for library, found in peaks.items():
        if len(found) == 2:
            grown = (found[many] - found[few]) / (many - few) * 1024
            lines.tell(library, "memory", images=many - few, kib_per_further_image=round(grown, 1))
            if library == "robustmel":
                held = 3 * SIDE * SIDE * 4 / 1024
                lines.expect(
                    "memory", f"{grown:.0f} KiB a further image, below a quarter of the {held:.0f} it takes", grown < held / 4
                )
    if all(many in found for found in peaks.values()):
        lines.ratio(
            "memory", peaks["torchattacks"][many], peaks["robustmel"][many], peer="torchattacks", unit=f"peak at {many} images"
        )


def json_table(folder: Path) -> str:
    """The data set as an inline table."""
    return f'{{name = "jsonl", path = "{folder.as_posix()}"}}'


def _peak(command: list[str]) -> float | None:
    """MiB that a process held at most; None where it failed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss / 1024 if running.returncode == 0 else None


def write_data(folder: Path, count: int) -> None:
    """A data set of `count` drawn images of `SIDE` pixels, in the project's own format."""
    from benchmarks.visual_victim import drawn_images

    from robustmel.images import write_png

    folder.mkdir()
    pixels = drawn_images(8)
    for place in range(count):
        picture = (pixels[place % 8] * 255).byte().permute(1, 2, 0).numpy().copy()
        picture[0, 0] = (place % 256, place // 256, 0)
        write_png(folder / f"{place}.png", picture)
    entities = [{"id": f"E{number}", "name": name} for number, name in enumerate(NAMES)]
    mentions = [
        {
            "id": f"m{place}",
            "surface": "card",
            "text": "a card",
            "gold": f"E{place % 10}",
            "image": f"{place}.png",
            "split": "test",
        }
        for place in range(count)
    ]
    for name, rows in (("entities", entities), ("mentions", mentions)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _torchattacks(folder: Path) -> None:
    """What a user of the library writes: all images in a tensor, attacked batch by batch."""
    import numpy as np
    import torch
    import torchattacks as library

    from robustmel.datasets.jsonl import JSONL
    from robustmel.images import decode
    from robustmel.linkers import LINKERS

    dataset = JSONL(folder).load("test")
    linker = LINKERS.create("clip-world", dataset.kb)
    queries = [mention.query(mention.id, dataset.kb.ids) for mention in dataset.mentions]
    pixels = torch.empty(len(queries), 3, SIDE, SIDE)
    for row, query in zip(pixels, queries, strict=True):
        row.copy_(torch.from_numpy(decode(str(query.image))).permute(2, 0, 1).float() / 255)
    gold = torch.tensor([dataset.kb.ids.index(mention.gold) for mention in dataset.mentions])

    class Scores(torch.nn.Module):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            scores: torch.Tensor = linker.logits(batch, queries[: len(batch)])  # all mentions have the same candidates
            return scores

    attack = library.PGD(Scores().eval(), eps=8 / 255, alpha=2 / 255, steps=STEPS)
    found = torch.empty_like(pixels)
    for start in range(0, len(pixels), BATCH):
        found[start : start + BATCH] = attack(pixels[start : start + BATCH], gold[start : start + BATCH])
    np.save(folder / "found.npy", found.numpy())


if __name__ == "__main__":
    _torchattacks(Path(sys.argv[1]))
