"""The families' own losses, for batches in which an entity may occur more than once."""

import torch
from torch import Tensor
from torch.nn import functional


def symmetric_cross_entropy(cosines: Tensor, same: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
    """CLIP's loss; a row with several right columns spreads its target evenly over them.

    With one right column a row it is the loss of the paper. Treating a second occurrence of the same entity as a wrong
    answer, as the paper's large batches may, would punish the model for being right.

    Args:
        cosines: float (B, U).
        same: bool (B, U): which belong together; every row and every column holds at least one True.
        scale: What multiplies the cosines, already exponentiated.
        bias: Not used by this family.

    Source:
        Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021, figure 3.
    """
    del bias
    logits = scale * cosines
    targets = same.to(logits.dtype)
    rows = functional.cross_entropy(logits, targets / targets.sum(1, keepdim=True))
    columns = functional.cross_entropy(logits.T, targets.T / targets.T.sum(1, keepdim=True))
    return (rows + columns) / 2


def pairwise_sigmoid(cosines: Tensor, same: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
    """SigLIP's loss: every pair is judged on its own; summed over the columns, averaged over the rows.

    Args:
        cosines: float (B, U).
        same: bool (B, U): which belong together.
        scale: What multiplies the cosines, already exponentiated.
        bias: Added to every logit; negative at first, so that the many wrong pairs do not swamp the first steps.

    Source:
        Zhai et al., "Sigmoid Loss for Language Image Pre-Training", ICCV 2023, algorithm 1.
    """
    logits = scale * cosines
    if bias is not None:
        logits = logits + bias
    signs = torch.where(same, 1.0, -1.0)
    return -functional.logsigmoid(signs * logits).sum(1).mean()
