"""Flags: what speaks against taking a robust accuracy at its word."""

from robustmel.report.flags.examine import examine, flags
from robustmel.report.flags.flag import Examined, Flag
from robustmel.report.flags.kinds import KINDS, Kind
from robustmel.report.flags.verdict import verdict

__all__ = ["KINDS", "Examined", "Flag", "Kind", "examine", "flags", "verdict"]
