"""Finds in the output of pip why it failed, for people."""

from __future__ import annotations

from collections.abc import Iterable

#: Words in pip's output and the cause that they show; the first that is found counts, because pip reports
#: "no matching distribution" after every failed connection.
_CAUSES = (
    (
        ("no space left on device", "not enough space on the disk", "errno 28"),
        "the disk is full; free some space and try again",
    ),
    (
        ("proxyerror", "cannot connect to proxy", "407 proxy authentication"),
        "the proxy server did not let the connection through; set HTTPS_PROXY to the right address and "
        "restart the application, or ask your administrator",
    ),
    (
        ("certificate_verify_failed", "sslerror", "sslcertverificationerror"),
        "the certificate of the package server was not accepted, which happens where a proxy opens "
        "encrypted connections; ask your administrator for its certificate",
    ),
    (
        (
            "name resolution",
            "getaddrinfo failed",
            "nodename nor servname",
            "network is unreachable",
            "no route to host",
            "connection refused",
            "newconnectionerror",
            "connecttimeouterror",
            "connection timed out",
            "read timed out",
        ),
        "the package server cannot be reached; check the network connection and the firewall, and try "
        "again",
    ),
    (
        ("access is denied", "permission denied", "winerror 5"),
        "files cannot be written or are in use; restart the application, and check that you may write "
        "into its folder",
    ),
    (
        ("resolutionimpossible", "conflicting dependencies", "dependency conflict"),
        "it does not fit to packages that are installed already; see the details",
    ),
    (
        # Said without any reason where a connection failed at once.
        ("(from versions: none)",),
        "the package server offered nothing; check the network connection and the firewall, and try again",
    ),
    (
        ("no matching distribution", "could not find a version"),
        "there is no version for this application's Python; see the details",
    ),
)


def cause_of(lines: Iterable[str]) -> str | None:
    """Why pip failed, as the end of a sentence; its own last error if it is not a known one."""
    kept = list(lines)
    text = "\n".join(kept).lower()
    for words, cause in _CAUSES:
        if any(word in text for word in words):
            return cause
    errors = [line for line in kept if line.strip().lower().startswith("error")]
    return errors[-1].strip().rstrip(".") if errors else None
