"""Flags: reasons to doubt a robust accuracy."""

from robustmel.report.flags.examine import examine
from robustmel.report.flags.flag import KINDS, Examination, Flag, verdict

__all__ = ["KINDS", "Examination", "Flag", "examine", "verdict"]
