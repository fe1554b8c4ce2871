"""The transfer matrix: images made on every source, shown to every victim."""

from robustmel.report.transfer.matrix import Matrix, Shown, matrices
from robustmel.report.transfer.sheet import sheets
from robustmel.report.transfer.words import sentence

__all__ = ["Matrix", "Shown", "matrices", "sentence", "sheets"]
