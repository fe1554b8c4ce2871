"""Images a second at the size of ViT-B/32 on a GPU: the forward pass in bfloat16, the gradient in the pixels in float32."""

from __future__ import annotations

import statistics
import time

import torch
from benchmarks.measure import Lines
from benchmarks.visual_peers import LIBRARIES, Run
from benchmarks.visual_victim import Victim, drawn_images

BATCH = 256
PGD = {"eps": 8 / 255, "step_size": 2 / 255, "steps": 20}


def measure_gpu(repetitions: int, lines: Lines) -> None:
    """PGD with 20 steps on one batch, libraries in turns; a line that says so where there is no GPU."""
    if not torch.cuda.is_available():
        lines.tell("robustmel", "gpu", skipped="no GPU")
        return
    victim = Victim("vit-b-32", low_precision=True).cuda()
    pixels = drawn_images(BATCH).cuda()
    with torch.no_grad():
        gold = victim(pixels).argmax(1)
    runs: dict[str, Run] = {}
    for library in ("bare", "robustmel", "torchattacks"):
        try:
            runs[library] = LIBRARIES[library](victim, "pgd", PGD)
        except ImportError as problem:
            lines.tell(library, "gpu", skipped=str(problem))
    seconds: dict[str, list[float]] = {library: [] for library in runs}
    for repetition in range(repetitions + 1):
        for library, run in runs.items():
            torch.cuda.reset_peak_memory_stats()
            torch.cuda.synchronize()
            began = time.perf_counter()
            run(pixels.clone(), gold)
            torch.cuda.synchronize()
            if repetition:
                seconds[library].append(time.perf_counter() - began)
    device = torch.cuda.get_device_name()
    for library, taken in seconds.items():
        each = statistics.median(taken) / BATCH
        lines.tell(library, "gpu", device=device, images=BATCH, images_per_second=round(1 / each, 1))
    if "torchattacks" in seconds:
        lines.ratio(
            "gpu",
            statistics.median(seconds["torchattacks"]),
            statistics.median(seconds["robustmel"]),
            peer="torchattacks",
            unit="seconds an image",
        )
