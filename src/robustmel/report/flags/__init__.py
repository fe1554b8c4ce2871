"""Flags: what speaks against taking a robust accuracy at its word."""

from robustmel.report.flags.examine import flags
from robustmel.report.flags.flag import TITLES, Flag

__all__ = ["TITLES", "Flag", "flags"]
