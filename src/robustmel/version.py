"""The version: what artefacts, pages and cards say they were made with."""

__version__ = "0.1.0"
