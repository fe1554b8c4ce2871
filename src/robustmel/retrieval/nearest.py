"""The best of many scores, and the nearest of many unit vectors."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustmel.errors import MissingError

Search = Callable[[NDArray[np.float32]], Iterable[NDArray[np.intp]]]
"""Unit rows (n, D) -> for each the places of the nearest vectors, nearest first."""

LINKS = 32
"""Links a node of the graph; FAISS's usual."""
BREADTH = 128
"""Nodes looked at in building and searching, at least: recall of the exact neighbours is about 99 % at ten of them."""


def top(scores: NDArray[Any], k: int) -> NDArray[np.intp]:
    """Positions of the k highest scores, highest first; equal ones in their own order.

    Args:
        scores: (N,) numbers, none of them NaN.
        k: How many; all N where there are fewer.
    """
    if k < len(scores):
        threshold = np.partition(scores, len(scores) - k)[len(scores) - k]
        contenders = np.flatnonzero(scores >= threshold)
    else:
        contenders = np.arange(len(scores))
    order: NDArray[np.intp] = contenders[np.argsort(-scores[contenders], kind="stable")][:k]
    return order


def nearest(known: NDArray[np.float32], k: int) -> Search:
    """By every product; equal products keep the order of the vectors."""
    return lambda asked: (top(scores, k) for scores in asked @ known.T)


def nearest_by_graph(known: NDArray[np.float32], k: int) -> Search:
    """By a graph of neighbours (HNSW), which looks at few of them.

    Raises:
        MissingError: FAISS is not installed.

    Source:
        Malkov & Yashunin, "Efficient and Robust Approximate Nearest Neighbor Search Using Hierarchical Navigable Small World
        Graphs", TPAMI 2020.
    """
    try:
        import faiss
    except ImportError as problem:
        raise MissingError(
            'index = "faiss" needs the library; pip install "robustmel[faiss]", or index = "exact".'
        ) from problem
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # several threads build another graph each time
    try:
        graph: Any = faiss.IndexHNSWFlat(known.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction = graph.hnsw.efSearch = max(BREADTH, 2 * k)
        graph.add(np.ascontiguousarray(known))
    finally:
        faiss.omp_set_num_threads(threads)
    wanted = min(k, len(known))

    def search(asked: NDArray[np.float32]) -> Iterable[NDArray[np.intp]]:
        scores, places = graph.search(np.ascontiguousarray(asked), wanted)
        for row, values in zip(places, scores, strict=True):
            sound = row >= 0
            order = np.lexsort((row[sound], -values[sound]))
            yield row[sound][order].astype(np.intp)

    return search
