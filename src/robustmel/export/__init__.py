"""Data sets written out: in the project's own format, or as a folder for the Hugging Face hub."""

from robustmel.export.hub import export_hub
from robustmel.export.own import export_own

__all__ = ["export_hub", "export_own"]
