"""Which machines may be asked: named hosts, at public addresses."""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from robustmel.errors import RobustMELError

WIKIMEDIA = ("upload.wikimedia.org", "commons.wikimedia.org", "thumb.wikimedia.org")


class RefusedAddressError(RobustMELError):
    """An address that must not be asked."""


def is_base_address(text: str) -> bool:
    """Whether it is a plain http or https address that paths can be put behind: no name or password, no query, no fragment."""
    try:
        parts = urlsplit(text)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and named and "@" not in parts.netloc and not (parts.query or parts.fragment)


@dataclass(frozen=True)
class Hosts:
    """The hosts that may be asked, by https at a public address.

    Args:
        names: Host names, compared whole.
        loopback: For tests: this machine instead, by http or https, and nothing else.
    """

    names: tuple[str, ...] = WIKIMEDIA
    loopback: bool = False

    def resolved(self, address: str) -> tuple[str, str]:
        """Host and the IP address to connect to: what was looked at is what is used, whatever the name says a moment later.

        Raises:
            RefusedAddressError: The scheme, host, port or IP address is not allowed.
            OSError: The name is not known.
        """
        parts = urlsplit(address)
        host = parts.hostname or ""
        if self.loopback:
            if parts.scheme not in ("http", "https") or host not in ("127.0.0.1", "localhost"):
                raise RefusedAddressError(f"{address[:200]} is not on this machine.")
            return host, "127.0.0.1"
        if parts.scheme != "https" or host not in self.names or parts.port not in (None, 443) or parts.username is not None:
            raise RefusedAddressError(f"{address[:200]} is not an https address of {', '.join(self.names)}.")
        addresses = [str(entry[4][0]) for entry in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)]
        private = [ip for ip in addresses if not ipaddress.ip_address(ip.partition("%")[0]).is_global]
        if private or not addresses:
            raise RefusedAddressError(f"{host} is at {', '.join(private) or 'no address'}, which is not public.")
        return host, addresses[0]
