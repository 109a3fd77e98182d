"""A mail server that keeps what it is sent, and mails as a test reads them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as Handler
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class MailServer:
    url: str
    """What LTI_CERT_MAIL_URL holds."""

    messages: list[Message] = field(default_factory=list)
    """With the envelope in X-MailFrom and X-RcptTo."""
    refused: set[str] = field(default_factory=set)
    """Recipients that it knows nothing of."""


class _Keep(Handler):
    def __init__(self, server: MailServer) -> None:
        super().__init__()
        self.server = server

    def handle_message(self, message: Message) -> None:
        self.server.messages.append(message)

    async def handle_RCPT(  # noqa: N802  (aiosmtpd calls it so)
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.server.refused:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"


Mails = Callable[[], list[EmailMessage]]
"""What the fixture `mails` gives: reads the mails that were written into the data directory, the oldest first."""


def written_to(folder: Path) -> list[EmailMessage]:
    files = sorted(folder.glob("*.eml"), key=lambda file: (file.stat().st_mtime_ns, file.name))
    return [read_mail(file.read_bytes()) for file in files]


def read_mail(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(mail: EmailMessage, subtype: str = "plain") -> str:
    body = mail.get_body((subtype,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


@contextmanager
def running(port: int, **how: Any) -> Iterator[MailServer]:
    """`how` goes to aiosmtpd: TLS, authentication."""
    server = MailServer(f"smtp://127.0.0.1:{port}")
    controller = Controller(_Keep(server), hostname="127.0.0.1", port=port, **how)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()
