"""Accuracy by what kind of mention it is: entity type, popularity, surface, likeness of the candidates."""

from robustmel.report.slices.grouping import BY, POISONED_DEMOS, Grouping, grouping
from robustmel.report.slices.slice import Slice, slices

__all__ = ["BY", "POISONED_DEMOS", "Grouping", "Slice", "grouping", "slices"]
