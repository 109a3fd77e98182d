import smtplib
import socket

import pytest
import requests

from tests.guards import ReachedOut
from tests.mail_server import MailServer


def test_a_test_cannot_connect_to_another_machine() -> None:
    with socket.socket() as connection, pytest.raises(ReachedOut):
        connection.connect(("192.0.2.1", 80))


def test_a_test_cannot_look_up_another_machine() -> None:
    with pytest.raises(ReachedOut):
        requests.get("http://platform.example/", timeout=1)


def test_a_test_can_connect_to_this_machine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass


def test_a_test_cannot_send_mail_unasked() -> None:
    with pytest.raises(ReachedOut):
        smtplib.SMTP("127.0.0.1", 25)


def test_a_test_that_asks_for_a_mail_server_finds_its_mail_there(mail_server: MailServer) -> None:
    port = int(mail_server.url.rpartition(":")[2])
    with smtplib.SMTP("127.0.0.1", port) as connection:
        connection.sendmail("from@tool.example", ["to@tool.example"], "Subject: Hello\n\nThere")
    (message,) = mail_server.messages
    assert message["Subject"] == "Hello"
    assert message["X-RcptTo"] == "to@tool.example"
