"""The transfer matrix: images made on every source, shown to every victim."""

from robustmel.report.transfer.matrix import Matrix, TransferCell, matrices

__all__ = ["Matrix", "TransferCell", "matrices"]
