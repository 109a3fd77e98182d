"""How a mail leaves: headers that nobody can bend, encryption where it is offered, no password in the clear."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from flask import Flask

from lti_cert.core import clock
from lti_cert.notices import mailer
from lti_cert.notices.mailer import Mail, MailNotSent, usable_address
from lti_cert.settings import Settings
from tests import mail_server as server
from tests.mail_server import Mails, MailServer, text_of

MAIL = Mail("ada@example.edu", "Subject", "text\n", "<p>html</p>", "<m-1@localhost>")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "postmaster",
        "a@",
        "@b.example",
        "a@b, c@d",
        "A <a@b.example>",
        "a@b.example\nBcc: eve@example.edu",
        "a@b.example ",
        "a b@c.example",
        "a;b@c.example",
        "a@b..example",
        "a\x00@b.example",
        "a@\ud800",
        "x@[y",
        "a@[b",
        '"a',
        "a" * 250 + "@b.example",
    ],
)
def test_what_is_not_exactly_one_address_is_none(text: str) -> None:
    assert usable_address(text) is None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ada@example.edu", "ada@example.edu"),
        ("ada+lms@mail.example.edu", "ada+lms@mail.example.edu"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
    ],
)
def test_an_address_is_given_as_mail_servers_take_it(text: str, address: str) -> None:
    assert usable_address(text) == address


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "Hello\r\nBcc: eve@example.edu"},
        {"to": "ada@example.edu\r\nBcc: eve@example.edu"},
        {"message_id": "<a@b>\r\nBcc: eve@example.edu"},
        {"headers": (("X-Kind", "a\nBcc: eve@example.edu"),)},
    ],
)
def test_a_header_of_two_lines_is_never_sent(changes: dict[str, Any], mails: Mails) -> None:
    with pytest.raises(ValueError, match=r"line|invalid"):
        mailer.send(Mail(**{**vars(MAIL), **changes}))
    assert mails() == []


@pytest.mark.usefixtures("app")
def test_without_a_server_a_mail_is_a_file_and_sent_twice_still_one(mails: Mails, settings: Settings) -> None:
    mailer.send(MAIL)
    mailer.send(MAIL)
    (mail,) = mails()
    assert text_of(mail) == "text\n"
    assert text_of(mail, "html").strip() == "<p>html</p>"
    assert [file.name for file in (settings.data_dir / "mail").iterdir()] == ["m-1.eml"]


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    """A server's, signed by nobody."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + signed.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def knows_ada(_server: object, _session: object, _envelope: object, _how: str, login: LoginPassword) -> AuthResult:
    return AuthResult(success=login == LoginPassword(b"ada", b"p@ss/word"), handled=False)


Serving = Callable[..., Any]


@pytest.fixture
def serving(
    app: Flask, make_settings: Callable[..., Settings], free_port: Callable[[], int], mail_server: MailServer
) -> Serving:
    """A mail server of its own kind, which the tool is set to use."""
    assert mail_server  # asked for, so that mail may be sent at all

    @contextmanager
    def serve(scheme: str = "smtp", user: str = "", **how: Any) -> Iterator[MailServer]:
        port = free_port()
        with server.running(port, **how) as running:
            app.extensions["settings"] = make_settings(mail_url=f"{scheme}://{user}127.0.0.1:{port}")
            yield running

    return serve


def test_encryption_is_used_where_it_is_offered(serving: Serving, certificate: ssl.SSLContext) -> None:
    with serving(tls_context=certificate, require_starttls=True) as running:
        mailer.send(MAIL)
    assert len(running.messages) == 1


def test_a_login_is_sent_over_encryption(serving: Serving, certificate: ssl.SSLContext) -> None:
    how = {"tls_context": certificate, "require_starttls": True, "auth_required": True, "authenticator": knows_ada}
    with serving(user="ada:p%40ss%2Fword@", **how) as running:
        mailer.send(MAIL)
    assert len(running.messages) == 1


def test_a_wrong_password_is_named_without_being_told(serving: Serving, certificate: ssl.SSLContext) -> None:
    how = {"tls_context": certificate, "require_starttls": True, "auth_required": True, "authenticator": knows_ada}
    with serving(user="ada:secret@", **how), pytest.raises(MailNotSent, match="535") as caught:
        mailer.send(MAIL)
    assert "secret" not in str(caught.value)


def test_a_server_that_speaks_tls_from_the_start_is_reached_by_smtps(
    serving: Serving, certificate: ssl.SSLContext
) -> None:
    with serving(scheme="smtps", ssl_context=certificate) as running:
        mailer.send(MAIL)
    assert len(running.messages) == 1


def test_a_refused_recipient_is_named_by_code_only(serving: Serving) -> None:
    with serving() as running:
        running.refused.add("ada@example.edu")
        with pytest.raises(MailNotSent, match="550") as caught:
            mailer.send(MAIL)
    assert "ada" not in str(caught.value)
