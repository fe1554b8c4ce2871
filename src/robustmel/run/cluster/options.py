"""What a piece needs of a cluster: read from a TOML file of its own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from robustmel.errors import MissingError, UsageError
from robustmel.records.toml_text import bounded_text, toml_table
from robustmel.run.grid_file import complaints


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RayOptions(_Table):
    """Of Ray alone."""

    resources: dict[str, float] = Field(default={}, description="Resources of your own that a worker's node must have.")


class SlurmOptions(_Table):
    """Of Slurm alone."""

    partition: str = Field(default="", description="The partition; Slurm's default where empty.")
    account: str = Field(default="", description="The account that is charged.")
    time: str = Field(
        default="", description="The time limit of a worker, as sbatch reads it; a job that runs out is replaced."
    )
    extra: list[str] = Field(default=[], description='More options of sbatch, such as "--qos=low".')
    setup: list[str] = Field(default=[], description='Shell lines before the worker, such as "module load cuda".')
    container: list[str] = Field(default=[], description='The command in front of Python: ["apptainer", "exec", "image.sif"].')


class ClusterOptions(_Table):
    """The engine, how many workers, and what each needs."""

    executor: str = Field(default="ray", pattern="^(ray|slurm|ray://.+)$", description="ray, ray://HOST:PORT, or slurm.")
    workers: int = Field(default=1, ge=1, description="Workers at once.")
    cpus: int = Field(default=1, ge=1, description="Processor cores of a worker.")
    gpus: int = Field(default=0, ge=0, le=1, description="GPUs of a worker: 0 or 1. Several GPUs take several workers.")
    memory_gb: float = Field(default=0, ge=0, description="Memory of a worker in GB; 0 asks for none.")
    host: str = Field(default="", description="The name or address by which workers reach this process.")
    python: str = Field(default="", description="Python on the nodes; this one where empty.")
    tries: int = Field(default=3, ge=1, description="How often a piece is tried before it is given up.")
    ray: RayOptions = RayOptions()
    slurm: SlurmOptions = SlurmOptions()


def read_options(executor: str, path: Path | None = None, workers: int | None = None) -> ClusterOptions | None:
    """The options of a file, or the defaults; None for this machine.

    Args:
        executor: "local", "ray", "ray://HOST:PORT" or "slurm".
        path: A TOML file.
        workers: Instead of the file's.

    Raises:
        MissingError: The file cannot be read.
        UsageError: It is no TOML, a key or value of it is wrong, or there is no such executor.
    """
    if executor == "local":
        if path is not None:
            raise UsageError("--executor-options are those of a cluster; name it by --executor ray or slurm.")
        return None
    if executor not in ("ray", "slurm") and not executor.startswith("ray://"):
        raise UsageError(f'--executor "{executor}" is unknown; it is one of local, ray, ray://HOST:PORT, slurm.')
    table: Mapping[str, Any] = {}
    if path is not None:
        try:
            table = toml_table(bounded_text(path), f"executor options {path} are not valid TOML")
        except (OSError, UnicodeDecodeError) as problem:
            raise MissingError(f"executor options {path} cannot be read: {problem}.") from None
    stated = {"executor": executor} | ({} if workers is None else {"workers": workers})
    try:
        return ClusterOptions.model_validate(dict(table) | stated)
    except ValidationError as problem:
        raise UsageError(f"executor options {path}: {complaints(problem)}.") from None
