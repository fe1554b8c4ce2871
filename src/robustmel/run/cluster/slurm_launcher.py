"""Workers as jobs of Slurm."""

import shlex
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from robustmel.errors import MissingError
from robustmel.run.cluster.options import ClusterOptions

UNKNOWN = "Invalid job id"
"""What squeue says of jobs that it has forgotten: they ended."""


class SlurmLauncher:
    """Submits workers by sbatch, and cancels by scancel.

    Slurm requeues a job whose node fails or that is preempted; it comes back as a new worker.

    Args:
        options: What a job asks for.
        logs: Folder for the jobs' output.
    """

    poll = 5.0

    def __init__(self, options: ClusterOptions, logs: Path) -> None:
        if shutil.which("sbatch") is None:
            raise MissingError("--executor slurm needs sbatch, squeue and scancel; run this on a machine that submits jobs.")
        self.options, self.logs, self.jobs = options, logs, list[str]()

    def start(self, count: int, order: Path) -> None:
        """Submits one job array of so many workers."""
        self.logs.mkdir(parents=True, exist_ok=True)
        slurm, cpus = self.options.slurm, self.options.cpus
        command = [*slurm.container, self.options.python or sys.executable, "-m", "robustmel.run.cluster.worker", str(order)]
        script = "\n".join(["#!/bin/sh", *slurm.setup, f"exec {shlex.join(command)}", ""])
        asked = {
            "--job-name": "robustmel",
            "--array": f"0-{count - 1}",
            "--output": str(self.logs / "%A_%a.log"),
            "--open-mode": "append",
            "--cpus-per-task": str(cpus),
            "--mem": f"{round(1024 * self.options.memory_gb)}M" if self.options.memory_gb else "",
            "--gres": f"gpu:{self.options.gpus}" if self.options.gpus else "",
            "--partition": slurm.partition,
            "--account": slurm.account,
            "--time": slurm.time,
        }
        flags = [f"{name}={value}" for name, value in asked.items() if value]
        submitted = self._run("sbatch", "--parsable", *flags, *slurm.extra, script=script)
        if submitted.returncode:
            raise MissingError(f"Slurm refuses the workers: {_sentence(submitted.stderr)}")
        self.jobs.append(submitted.stdout.strip().split(";")[0])

    def living(self) -> int | None:
        """By squeue."""
        if not self.jobs:
            return 0
        listed = self._run("squeue", "--noheader", "--array", f"--jobs={','.join(self.jobs)}", "--format=%t")
        if listed.returncode:
            return 0 if UNKNOWN in listed.stderr else None
        return sum(state not in ("CG", "CD", "F", "TO", "CA", "NF", "OOM") for state in listed.stdout.split())

    def last_words(self) -> str:
        """The end of the newest output."""
        with suppress(OSError, ValueError):
            newest = max(self.logs.glob("*.log"), key=lambda path: path.stat().st_mtime)
            return f"{newest.read_text('utf-8', errors='replace').strip()[-400:]} ({newest})"
        return f"they wrote nothing into {self.logs}"

    def stop(self) -> None:
        """Cancels what still waits or runs."""
        if self.jobs:
            self._run("scancel", "--quiet", *self.jobs)

    def _run(self, program: str, *arguments: str, script: str | None = None) -> "subprocess.CompletedProcess[str]":
        try:
            return subprocess.run([program, *arguments], input=script, capture_output=True, text=True, timeout=120, check=False)
        except (OSError, subprocess.TimeoutExpired) as problem:
            return subprocess.CompletedProcess([program], 1, "", str(problem))


def _sentence(text: str) -> str:
    return " ".join(text.replace("sbatch: error:", "").split()) or "it does not say why."
