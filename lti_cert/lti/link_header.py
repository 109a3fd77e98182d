"""The next page, as platforms name it in a Link header (RFC 8288), slips included.

Moodle quotes relations with curly quotes and escapes `&` as in HTML; http.client reads its UTF-8 as Latin-1. A platform
behind a proxy that speaks TLS for it may call itself by http. Otherwise addresses are opaque: Canvas' bookmarks break
if their case changes.
"""

import re
from urllib.parse import urljoin, urlsplit

_LINK = re.compile(r'<([^<>]*)>((?:"[^"]*"|[^<])*)')
_PARAMETER = re.compile(r""";\s*([\w*-]+)\s*=\s*(?:"([^"]*)"|['“”„‘’]([^"'“”„‘’]*)|([^\s;,]*))""")


def next_address(header: str, base: str) -> str:
    """Where the page after `base` is, absolute; empty when there is none."""
    for link in _LINK.finditer(_as_utf8(header)):
        if "next" in _relations(link[2]):
            # Only &amp; is undone: a general unescape would read `&copy=1` as a sign.
            return _absolute(base, link[1].strip().replace("&amp;", "&"))
    return ""


def _relations(parameters: str) -> list[str]:
    for name, *values in _PARAMETER.findall(parameters):
        if name.casefold() == "rel":
            return "".join(values).casefold().split()
    return []


def _absolute(base: str, address: str) -> str:
    try:
        found = urljoin(base, address)
        here, there = urlsplit(base), urlsplit(found)
    except ValueError:  # no address at all; whoever wants to call it will say so
        return address
    is_meant_by_tls = (here.scheme, there.scheme) == ("https", "http") and here.netloc == there.netloc
    return f"https{found[len('http') :]}" if is_meant_by_tls else found


def _as_utf8(header: str) -> str:
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return header
