"""A mail server that keeps what it is sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as Handler


@dataclass
class MailServer:
    url: str
    """What LTI_CERT_MAIL_URL holds."""

    messages: list[Message] = field(default_factory=list)


class _Keep(Handler):
    def __init__(self, messages: list[Message]) -> None:
        super().__init__()
        self.messages = messages

    def handle_message(self, message: Message) -> None:
        self.messages.append(message)


@contextmanager
def running(port: int) -> Iterator[MailServer]:
    server = MailServer(f"smtp://127.0.0.1:{port}")
    controller = Controller(_Keep(server.messages), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()
