"""Ports of this machine: free before a server starts, answering after."""

import errno
import http.client
import socket
from collections.abc import Sequence
from typing import Any

from lti_cert.core.errors import LtiCertError


class PortTaken(LtiCertError):
    status = 409
    title = "Port taken"


class HostUnknown(LtiCertError):
    status = 422
    title = "No such address"


class PortForbidden(LtiCertError):
    status = 403
    title = "Port forbidden"


def require_free(host: str, port: int, flag: str) -> None:
    """Make sure that a server may listen there; `flag` is how to choose another port.

    :raises PortTaken: somebody listens already.
    :raises PortForbidden: only a privileged account may.
    :raises HostUnknown: this machine has no such address.
    """
    guidance, is_ours = f"Choose another with {flag} N.", False
    for family, kind, protocol, _, address in _addresses(host, port):
        with socket.socket(family, kind, protocol) as probe:
            # As servers do: connections that are still closing do not make a port taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
                is_ours = True
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise PortTaken(f"{host}:{port}", message=f"Port {port} is taken.", guidance=guidance) from None
                if error.errno == errno.EACCES:
                    message = f"Port {port} needs a privileged account."
                    raise PortForbidden(f"{host}:{port}", message=message, guidance=guidance) from None
                if error.errno != errno.EADDRNOTAVAIL:  # a machine without IPv6 still knows ::1 by name
                    raise
    if not is_ours:
        raise HostUnknown(host, message=f"This machine has no address “{host}”.", guidance="Name another with --host.")


def _addresses(host: str, port: int) -> Sequence[Any]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        return ()


def answers(host: str, port: int, path: str) -> bool:
    """Whether a web server of ours is up: it says 200 there."""
    # Not through core.http: that guards calls to the outside, and would refuse this machine.
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
