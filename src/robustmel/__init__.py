"""RobustMEL: how robust is a multimodal entity linker, and what makes it more robust?"""

__version__ = "0.1.0"
