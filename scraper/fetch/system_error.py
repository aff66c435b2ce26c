"""What the operating system, the resolver and OpenSSL call what went wrong. Pure."""

from __future__ import annotations

import errno
import os
import socket
import ssl

_RESOLVER_ERRORS = {getattr(socket, name): name for name in sorted(vars(socket)) if name.startswith("EAI_")}
"""Where two names have one number (``EAI_NODATA`` on some systems), the later counts: ``EAI_NONAME``."""


def name_of(error: Exception) -> str:
    """Return an error's own name: ``ECONNREFUSED``, ``EAI_AGAIN``, ``CERTIFICATE_VERIFY_FAILED``.

    The name of its class where the system has none for it.
    """
    if isinstance(error, socket.gaierror):
        return _RESOLVER_ERRORS.get(error.errno, "gaierror")
    if isinstance(error, ssl.SSLError):  # its errno is a number of OpenSSL's, not of the system's
        return error.reason or type(error).__name__
    if isinstance(error, OSError):
        return errno.errorcode.get(error.errno or 0, type(error).__name__)
    return type(error).__name__


def describe(error: OSError) -> str:
    """Return what the system says of the error, without addresses; empty when it says nothing."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{error.verify_message} (--insecure takes it)"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "").replace("_", " ").lower()
    if isinstance(error, socket.gaierror):
        return error.strerror or ""
    return os.strerror(error.errno) if error.errno else ""
