"""Whom TLS servers must prove to be: nobody is asked whose certificate is not vouched for, and nothing turns that off."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import httpx2

from robustmel.errors import MissingError

VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Of the environment: a file of certificates, or a folder of them, in place of the system's."""


def trusted() -> ssl.SSLContext:
    """Connections to whom the authorities of `VARIABLES` vouch for, or else those that the system trusts.

    Raises:
        MissingError: What a variable names is not there, or holds no certificates.
    """
    named = next(((variable, os.environ[variable]) for variable in VARIABLES if os.environ.get(variable)), None)
    if named is not None and not Path(named[1]).exists():
        raise MissingError(f"{named[0]} names {named[1]}, which is not there; name a file of certificates (PEM), or unset it.")
    try:
        return httpx2.create_ssl_context()
    except (OSError, ssl.SSLError) as problem:
        where = f"{named[0]} = {named[1]}" if named else "the system's certificates"
        raise MissingError(f"{where} cannot be read: {problem}; expected certificates in PEM.") from problem


def distrust(problem: BaseException) -> str:
    """Why a server's certificate was refused, and the way out; "" where that was not the problem."""
    cause: BaseException | None = problem
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"its certificate is not trusted ({cause.verify_message}); if an authority of your own signed it, name the file of that"
                f" authority's certificate in the environment variable {VARIABLES[0]}."
            )
        cause = cause.__cause__ or cause.__context__
    return ""
