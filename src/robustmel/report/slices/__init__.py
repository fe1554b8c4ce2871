"""Accuracy by what kind of mention it is: entity type, popularity, surface, likeness of the candidates."""

from robustmel.report.slices.grouping import BY, Grouping, grouping
from robustmel.report.slices.slice import Slice, slices

__all__ = ["BY", "Grouping", "Slice", "grouping", "slices"]
