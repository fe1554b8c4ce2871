"""The commands, one line each: what they do is in the files beside this one."""

from functools import cache
from typing import Any

import typer
from typer.exceptions import TyperException

from robustmel.cli import (
    audit,
    components,
    data,
    datasets,
    detect,
    export,
    fetch,
    init,
    kb,
    make,
    poison,
    results,
    running,
    selftest,
)
from robustmel.version import __version__

app = typer.Typer(
    name="robustmel",
    help="Measure how robust a multimodal entity linker is under attack, and see which mentions break.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"robustmel {__version__}")
        raise typer.Exit


@app.callback(epilog="--debug, anywhere on the line, shows tracebacks.")
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


app.command(rich_help_panel="Run")(running.demo)
app.command("init", rich_help_panel="Run")(init.init)
app.command("plan", rich_help_panel="Run")(running.plan_command)
app.command("run", rich_help_panel="Run")(running.run_command)
app.command("reproduce", rich_help_panel="Run")(running.reproduce_command)
app.command("store", rich_help_panel="Run")(running.store_command)
app.command("selftest", rich_help_panel="Run")(selftest.selftest)
app.command("report", rich_help_panel="Results")(results.report)
app.command("view", rich_help_panel="Results")(results.view)
app.command("datasets", rich_help_panel="Look")(datasets.datasets)
app.command("linkers", rich_help_panel="Look")(components.linkers)
app.command("attacks", rich_help_panel="Look")(components.attacks)
app.command("defences", rich_help_panel="Look")(components.defences)
app.command("schema", rich_help_panel="Look")(init.schema)
app.command("check", rich_help_panel="Data")(data.check)
app.command("detect", rich_help_panel="Data")(detect.detect)
app.command("audit", rich_help_panel="Data")(audit.audit)
app.command("export", rich_help_panel="Data")(export.export)
app.command("fetch-images", rich_help_panel="Data")(fetch.fetch_images)
app.command("unpack", rich_help_panel="Data")(data.unpack)
app.add_typer(kb.kb, name="kb", rich_help_panel="Data")
app.command("perturb", rich_help_panel="Make")(make.perturb)
app.command("poison", rich_help_panel="Make")(poison.poison)
app.add_typer(make.train, name="train", rich_help_panel="Make")


PLAIN = {
    "Value error, ": "",
    "Input should be a valid integer, unable to parse string as an integer": "it must be a whole number",
    "Input should be greater than or equal to": "it must be at least",
}
"""What the library that reads options says -> what a reader is told."""


@cache
def _command(application: typer.Typer) -> Any:
    """Built once a process: reading the signatures of all commands takes longer than most of them."""
    return typer.main.get_command(application)


def usage_exit(application: typer.Typer, arguments: list[str]) -> int:
    """Runs the application; bad usage is told in its own words, with exit code 2."""
    try:
        code = _command(application)(arguments, standalone_mode=False)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # the reader of our output has seen enough: `| head`
            raise BrokenPipeError from None
        raise
    except typer.Abort:
        raise KeyboardInterrupt from None
    except TyperException as problem:
        for residue, plain in PLAIN.items():
            problem.message = problem.message.replace(residue, plain)
        problem.show()  # type: ignore[attr-defined]
        return 2
    if code == 130:  # the library turns Ctrl-C into this code, and says nothing
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0
