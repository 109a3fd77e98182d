"""Hand one mail over: to the server of MAIL_URL, or without one as a file into the data directory."""

import ipaddress
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from lti_cert.core import clock, current

SECONDS = 20
"""Longest wait for the mail server at each step."""

LONGEST_ADDRESS = 254
"""https://www.rfc-editor.org/errata/eid1690"""

_PORTS = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True)
class Mail:
    to: str
    subject: str
    text: str
    html: str
    message_id: str
    """The same for the same news however often it is sent, so that mail programs show it once."""
    headers: tuple[tuple[str, str], ...] = ()


class MailNotSent(Exception):
    """The mail server could not be reached, or did not take the mail. Names no address, since it is logged."""


def usable_address(text: str) -> str | None:
    """The address as mail servers take it, a domain with umlauts as its punycode; None if it is not exactly one."""
    try:
        address = Address(addr_spec=text)
        domain = address.domain.encode("idna").decode()
    except Exception:  # on what is no address Python's parser fails in many ways: "a@" is an IndexError
        return None
    if not address.username or not domain or address.addr_spec != text or len(text) > LONGEST_ADDRESS:
        return None
    return f"{text.rpartition('@')[0]}@{domain}"


def send(mail: Mail) -> None:
    """:raises MailNotSent: it is to be tried again."""
    message = compose(mail)
    mail_url = current.settings().mail_url
    if mail_url:
        _hand_to_server(message, urlsplit(mail_url.get_secret_value()))
    else:
        _write_file(message, current.settings().data_dir / "mail")


def compose(mail: Mail) -> EmailMessage:
    """:raises ValueError: a header that would be more than one line."""
    message = EmailMessage(policy=SMTP)
    message["From"] = current.settings().mail_from
    message["To"] = Address(addr_spec=mail.to)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = mail.message_id
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    for name, value in mail.headers:  # now that it has its parts: an earlier Content-… would become the first part's
        message[name] = value
    return message


def _write_file(message: EmailMessage, folder: Path) -> None:
    """Named after the Message-ID: what is sent twice stands there once."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = str(message["Message-ID"]).strip("<>").partition("@")[0]
    unfinished = folder / f".{name}"
    unfinished.write_bytes(message.as_bytes())
    unfinished.replace(folder / f"{name}.eml")


def _hand_to_server(message: EmailMessage, url: SplitResult) -> None:
    try:
        with _connection(url) as server:
            server.send_message(message)
    except smtplib.SMTPRecipientsRefused as refusal:
        codes = sorted({code for code, _ in refusal.recipients.values()})
        raise MailNotSent(f"the mail server refuses the recipient: {codes}") from None
    except smtplib.SMTPResponseException as answer:
        raise MailNotSent(f"the mail server answered {answer.smtp_code}") from None
    except (OSError, smtplib.SMTPException) as error:
        # Their texts may hold addresses; the kind is enough to act upon.
        raise MailNotSent(f"nothing could be handed to {url.hostname}: {type(error).__name__}") from None


@contextmanager
def _connection(url: SplitResult) -> Iterator[smtplib.SMTP]:
    host, port = str(url.hostname), url.port or _PORTS[url.scheme]
    context = _tls(host)
    is_safe = url.scheme == "smtps" or _is_here(host)
    with (
        smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=context)
        if url.scheme == "smtps"
        else smtplib.SMTP(host, port, timeout=SECONDS)
    ) as server:
        server.ehlo()
        if url.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=context)
            is_safe = True
        if url.username:
            if not is_safe:
                raise MailNotSent(f"{host} offers no encryption, so no password is sent to it")
            server.login(unquote(url.username), unquote(url.password or ""))
        yield server


def _tls(host: str) -> ssl.SSLContext:
    """The server's certificate is checked, except on this machine, where nobody stands between."""
    context = ssl.create_default_context()
    if _is_here(host):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
