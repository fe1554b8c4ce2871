"""Consistency training: texts of one entity's mentions are views of it, and views must agree."""

import torch
from torch import Tensor

from robustmel.training.batches import Batch
from robustmel.training.dual_encoder_recipe import Consistency
from robustmel.training.encoder import Encoder


def consistency_loss(encoder: Encoder, batch: Batch, queries: Tensor, labels: Tensor, how: Consistency) -> Tensor:
    """The weighted terms between the query texts of each entity; a mention alone of its entity has a made view.

    Beliefs of a view are a softmax over the batch's entity texts at the learnt temperature. Each view counts once, however many
    others its entity has: terms are means over its partners, then over views. `queries` (B, D) and `labels` (U, D) are the unit
    embeddings of the batch's texts.

    Source:
        Liang et al., "R-Drop: Regularized Dropout for Neural Networks", NeurIPS 2021, equation 2, between mentions rather than dropouts;
        Khosla et al., "Supervised Contrastive Learning", NeurIPS 2020, equation 2.
    """
    gold = batch.gold.to(queries.device)
    views, entity = queries, gold
    if batch.made_views is not None:
        alone = batch.alone.to(queries.device)
        views, entity = torch.cat((queries, encoder.texts(batch.made_views))), torch.cat((gold, gold[alone]))
    pairs = (entity[:, None] == entity[None, :]).fill_diagonal_(False)
    total = views.new_zeros(())
    if how.divergence:
        total = total + how.divergence * symmetric_divergence(encoder.scale * encoder.cosines(None, views, labels), pairs)
    if how.contrast:
        total = total + how.contrast * supervised_contrast(views, pairs, how.temperature)
    return total


def symmetric_divergence(logits: Tensor, pairs: Tensor) -> Tensor:
    """Mean over views of the mean over their partners of (KL(p, q) + KL(q, p)) / 2.

    Args:
        logits: Float (V, U).
        pairs: bool (V, V), symmetric: which views belong together; every view has a partner.
    """
    beliefs = logits.log_softmax(1)
    chances = beliefs.exp()
    divergence = (chances * beliefs).sum(1)[:, None] - chances @ beliefs.T
    return _mean_over_partners((divergence + divergence.T) / 2, pairs)


def supervised_contrast(views: Tensor, pairs: Tensor, temperature: float) -> Tensor:
    """Mean over views of the mean over their partners of -log softmax of the cosine to the partner among those to all others.

    `views` are unit vectors, float (V, D); `pairs` as for `symmetric_divergence`.
    """
    itself = torch.eye(len(views), dtype=torch.bool, device=views.device)
    likeness = (views @ views.T / temperature).masked_fill(itself, -torch.inf)
    return _mean_over_partners(likeness.logsumexp(1, keepdim=True) - likeness, pairs)


def _mean_over_partners(values: Tensor, pairs: Tensor) -> Tensor:
    return (values.masked_fill(~pairs, 0.0).sum(1) / pairs.sum(1)).mean()
