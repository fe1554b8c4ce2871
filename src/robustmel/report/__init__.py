"""From rows and gold to tables, a plot and a page. No model is loaded here."""

from robustmel.report.build import Report, build
from robustmel.report.summary import Summary

__all__ = ["Report", "Summary", "build"]
