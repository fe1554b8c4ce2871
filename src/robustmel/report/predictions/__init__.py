"""Predictions made elsewhere on published perturbed sets: read, checked, scored like our own."""

from robustmel.report.predictions.report import outside_report

__all__ = ["outside_report"]
