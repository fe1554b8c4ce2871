"""What the full grid of the visual-attack paper costs, as `robustmel plan` counts it: GPU hours and terabytes, with and without `keep`.

Usage: python benchmarks/paper_grid.py --dual SECONDS --mllm SECONDS [--images N] [--seeds N]

22,000 images, nine victims, two tasks, PGD, APGD and CW at both strengths, three seeds. The seconds of a pass (one image, forward and
back) on one GPU are yours to state, for a dual encoder and for a multimodal language model; the passes are those of the settings'
table, counted over the sets that the plan would make. The embedded linkers stand for the victims: passes and images do not depend on
weights. A perturbed image is taken to have 100 kB, which is an 8-bit PNG of 224 pixels a side.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Lines
from benchmarks.report_memory import write_data

DUAL = ("align-world", "blip-world", "clip-world", "flava-world", "owlvit-world", "siglip-world")
MLLM = ("llava-world", "minigpt4-world", "qwen2.5-vl-world")


def write_grid(data: Path, seeds: int, keep: str) -> Path:
    """The paper's grid on a data set; the grid's path."""
    attacks = [f'{{name = "{name}", strength = "{how}"}}' for name in ("pgd", "apgd", "cw") for how in ("normal", "strong")]
    path = data / f"{keep}.toml"
    path.write_text(
        f'datasets = [{{name = "jsonl", path = "{data.as_posix()}"}}]\ntasks = ["I2T", "IT2T"]\n'
        f'linkers = {json.dumps(DUAL + MLLM)}\nattacks = ["clean", {", ".join(attacks)}]\n'
        f'seeds = {list(range(seeds))}\nkeep = "{keep}"\n'
    )
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dual", type=float, required=True, help="seconds of a pass of a dual encoder")
    parser.add_argument("--mllm", type=float, required=True, help="seconds of a pass of a multimodal language model")
    parser.add_argument("--images", type=int, default=22_000)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    lines, paces = Lines(), dict.fromkeys(DUAL, asked.dual) | dict.fromkeys(MLLM, asked.mllm)
    options = [part for linker, pace in paces.items() for part in ("--pace", f"{linker}={pace}")]
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        write_data(data, asked.images, 0, asked.images)
        for keep in ("all", "sample", "none"):
            command = [sys.executable, "-m", "robustmel", "plan", str(write_grid(data, asked.seeds, keep)), *options]
            said = subprocess.run([*command, "--store", f"{folder}/store"], capture_output=True, text=True, check=True).stdout
            told = [line for line in said.splitlines() if line.startswith(("disk:", "time:")) or " cells, " in line]
            lines.tell("robustmel", "plan", images=asked.images, seeds=asked.seeds, keep=keep, said=told)
    sys.exit(lines.end())


if __name__ == "__main__":
    main()
