from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.conftest import make_colour_data
from tests.warm_python import Process, start

COLOUR_LINKER = Path(__file__).parents[1] / "colour_linker.py"


@dataclass(frozen=True)
class Job:
    """A grid in a folder of its own, and what one machine makes of it."""

    folder: Path
    local: Path

    def start(self, name: str, *options: str, **environment: str) -> Process:
        """`run` with these options, into a run folder and a store called `name`."""
        command = [
            "-m",
            "robustmel",
            "run",
            "grid.toml",
            "--device",
            "cpu",
            "--out",
            name,
            "--store",
            f"{name}-store",
            *options,
        ]
        surroundings = os.environ | {"OMP_NUM_THREADS": "1"} | environment
        return start(command, cwd=self.folder, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def shards(self, name: str) -> list[Path]:
        """Finished shards of the perturbed set that is being made."""
        return list((self.folder / f"{name}-store").glob("variant/*/*.partial/shards/*.parquet"))

    def alone(self, name: str) -> bool:
        """Whether no worker of this run is left on this machine."""
        listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        return str(self.folder / f"{name}-store") not in listed


@pytest.fixture(scope="session")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    folder = tmp_path_factory.mktemp("cluster")
    data = make_colour_data(folder / "colours")
    (folder / "grid.toml").write_text(
        f'datasets = [{{name = "jsonl", path = "{data}"}}]\ntasks = ["I2T"]\nbatch_size = 2\n'
        'attacks = [{name = "pgd", eps = 0.6, step_size = 0.1, steps = 3}]\n'
        f'linkers = [{{name = "{COLOUR_LINKER}:ColourLinker", label = "colour", pause = 0.15}}]\n'
    )
    whole = Job(folder, folder / "local-store")
    process = whole.start("local")
    assert process.wait(timeout=200) == 0, process.communicate()
    return whole
