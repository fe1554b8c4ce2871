"""Says of a published adversarial set whether it is what it claims to be."""

from robustmel.audit.audit import Audit, audit

__all__ = ["Audit", "audit"]
