"""Candidate generators: one file each, and one line here."""

from robustmel.registry import Registry, lacking

CANDIDATES = Registry(
    "candidate generator",
    {
        "given": "robustmel.candidates.given:Given",
        "all": "robustmel.candidates.everything:Everything",
        "bm25": "robustmel.candidates.bm25:BM25",
        "dense": "robustmel.candidates.dense:Dense",
        "prior": "robustmel.candidates.prior:Prior",
        "union": "robustmel.candidates.union:Union",
    },
    entry_points="robustmel.candidates",
    violations=lacking("candidates"),
)
