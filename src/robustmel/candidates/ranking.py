"""The check of how many candidates are wanted."""

from robustmel.errors import UsageError


def require_count(generator: str, k: object) -> None:
    """Raises `UsageError` unless `k` is a whole number from 1 on."""
    if not isinstance(k, int) or isinstance(k, bool) or k < 1:
        raise UsageError(
            f"candidate generator {generator} needs k, the length of a list, as a whole number from 1 on; got {k}."
        )
