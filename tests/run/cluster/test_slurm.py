"""Workers as jobs of a real Slurm on this machine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.run.cluster.conftest import Job
from tests.run.test_executors import contents, until

SCRIPT = Path(__file__).parent / "slurm.sh"
DAEMONS = os.environ["PATH"] + ":/usr/sbin:/sbin"

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(shutil.which(name, path=DAEMONS) for name in ("slurmctld", "slurmd", "munged", "sbatch")),
    reason="needs root, and Slurm with munge (Debian: slurmctld slurmd slurm-client munge)",
)


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which sbatch finds the cluster."""
    folder = tmp_path_factory.mktemp("slurm")
    subprocess.run(["bash", SCRIPT, "start", folder], check=True, timeout=60)
    yield {"SLURM_CONF": str(folder / "slurm.conf"), "FOLDER": str(folder)}
    subprocess.run(["bash", SCRIPT, "stop", folder], check=True, timeout=60)


def squeue(slurm: dict[str, str], *options: str) -> list[str]:
    listed = subprocess.run(
        ["squeue", "--noheader", "--array", *options], env=os.environ | slurm, capture_output=True, text=True, check=True
    )
    return listed.stdout.split()


def test_a_cancelled_job_and_a_killed_daemon_change_nothing(job: Job, slurm: dict[str, str]) -> None:
    process = job.start("slurm", "--executor", "slurm", "--workers", "2", **slurm)
    until(lambda: job.shards("slurm"), process)
    running = squeue(slurm, "--states=R", "--format=%i")  # all: one alone may be between two pieces
    subprocess.run(["scancel", *running], env=os.environ | slurm, check=True)
    os.kill(int(Path(slurm["FOLDER"], "slurmd.pid").read_text()), signal.SIGKILL)
    subprocess.run(["bash", SCRIPT, "slurmd", slurm["FOLDER"]], check=True, timeout=60)
    _, said = process.communicate(timeout=200)
    assert process.returncode == 0, said
    assert contents(job.folder / "slurm-store") == contents(job.local)
    work = json.loads((job.folder / "slurm" / "run.json").read_text())["work"]
    assert (work["executor"], work["workers"]) == ("slurm", 2)
    assert sum(work["lost"].values()) == said.count("trying again") >= 1
    assert not list((job.folder / "slurm-store" / "workers").iterdir()), "the token does not outlive the run"


def test_an_interrupt_leaves_no_job_and_the_same_command_goes_on(job: Job, slurm: dict[str, str]) -> None:
    process = job.start("stopped", "--executor", "slurm", "--workers", "1", **slurm)
    until(lambda: job.shards("stopped"), process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, "interrupted" in said) == (130, True)
    assert not squeue(slurm, "--states=PD,R", "--format=%i")
    done = len(job.shards("stopped"))
    assert done
    process = job.start("stopped")
    assert process.wait(timeout=200) == 0
    assert contents(job.folder / "stopped-store") == contents(job.local)


@pytest.mark.skipif(not shutil.which("bindfs") or not Path("/dev/fuse").exists(), reason="needs bindfs and FUSE")
def test_nodes_that_see_the_store_late_change_nothing(job: Job, slurm: dict[str, str]) -> None:
    """Every worker has a mount of its own in front of the store, which holds names, sizes and absences for two seconds."""
    store = job.folder / "late-store"
    store.mkdir()
    late = "negative_timeout=2,entry_timeout=2,attr_timeout=2"
    mount = f'bindfs -o {late} {store} {store} && exec "$@"'
    (job.folder / "late.toml").write_text(
        f"workers = 2\n[slurm]\ncontainer = {json.dumps(['unshare', '--mount', 'sh', '-c', mount, 'worker'])}\n"
    )
    process = job.start("late", "--executor", "slurm", "--executor-options", "late.toml", **slurm)
    _, said = process.communicate(timeout=250)
    subprocess.run(["pkill", "-f", f"bindfs .*{store}"], check=False)  # a mount's daemon outlives the job that asked for it
    assert process.returncode == 0, said
    assert contents(store) == contents(job.local)


def test_a_full_disk_is_named_and_nothing_is_lost(job: Job, slurm: dict[str, str]) -> None:
    store = job.folder / "full-store"
    store.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=120k", "none", store], check=False).returncode:
        pytest.skip("needs the right to mount")
    try:
        process = job.start("full", "--executor", "slurm", **slurm)
        _, said = process.communicate(timeout=200)
        assert (process.returncode, "No space left" in said.splitlines()[-1]) == (3, True), said
        subprocess.run(["mount", "-o", "remount,size=20m", store], check=True)
        assert job.start("full").wait(timeout=200) == 0
        assert contents(store) == contents(job.local)
    finally:
        subprocess.run(["umount", store], check=True)


@pytest.mark.parametrize("partition", ["absent", "closed"])
def test_a_partition_that_may_not_be_used_is_named(job: Job, slurm: dict[str, str], partition: str) -> None:
    (job.folder / "options.toml").write_text(f'[slurm]\npartition = "{partition}"\ntime = "5"\n')
    process = job.start("refused", "--executor", "slurm", "--executor-options", "options.toml", **slurm)
    _, said = process.communicate(timeout=100)
    assert process.returncode == 3
    assert said.splitlines()[-1].startswith("error: Slurm refuses the workers: ")


def test_workers_that_never_come_are_explained_by_their_last_words(job: Job, slurm: dict[str, str]) -> None:
    options = job.folder / "no-python.toml"
    options.write_text('tries = 1\npython = "/nowhere/python"\n')
    process = job.start("none", "--executor", "slurm", "--executor-options", str(options), **slurm)
    _, said = process.communicate(timeout=100)
    assert process.returncode == 3
    assert "no worker could be reached" in said
    assert "/nowhere/python" in said.splitlines()[-1]
