"""`lti-cert up`, and the parts of it one by one: `web`, `relay`, `worker`."""

import signal
import time
from typing import Any

import click
import redis
from flask import Flask
from flask_migrate import upgrade

from lti_cert.cli.common import application
from lti_cert.core import log, schema
from lti_cert.core.database import db
from lti_cert.demo import start
from lti_cert.jobs import JOBS
from lti_cert.lti import keys
from lti_cert.outbox import redis_server, relay, worker
from lti_cert.processes import ports, supervisor, tool
from lti_cert.processes.web_server import serve_web
from lti_cert.settings import Settings

PORT = click.IntRange(1, 65535)

host_option = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
port_option = click.option("--port", type=PORT, default=8400, show_default=True, help="Port to listen on.")


def _serving() -> tuple[Flask, Settings]:
    """The application of a process that stays: it logs as the settings say, and finds the tables that it needs."""
    settings = Settings.from_env()
    log.configure_logs(settings.log_level, human=settings.log_format == "human")
    app = application(settings)
    with app.app_context():
        schema.require_up_to_date()
        db.engine.dispose()  # what this process forks shall not share its connection
    return app, settings


def _queue(settings: Settings) -> redis.Redis:
    return redis.Redis.from_url(redis_server.url(settings))


@click.command()
@host_option
@port_option
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Processes.")
@click.option("--threads", type=click.IntRange(min=1), default=8, show_default=True, help="Threads of each.")
def web(host: str, port: int, workers: int, threads: int) -> None:
    """Serve the pages."""
    ports.require_free(host, port, "--port")
    app, settings = _serving()
    keys.ensure_key(settings)

    def let_go() -> None:
        with app.app_context():
            db.engine.dispose(close=False)

    serve_web(app, host=host, port=port, workers=workers, threads=threads, after_fork=let_go)


@click.command("relay")
def relay_command() -> None:
    """Hand due side effects to the workers, and keep the clock. On SQLite run one; on PostgreSQL any number."""
    app, settings = _serving()
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: stopped.append(received))
    with app.app_context():
        relay.run(_queue(settings), go_on=lambda: not stopped)


@click.command("worker")
@click.option(
    "--queue",
    "queues",
    multiple=True,
    type=click.Choice(JOBS.queues),
    help="Serve only this one; may be given several times, the first goes first. Default: all.",
)
@click.option("--until-empty", is_flag=True, help="End when nothing is queued.")
def worker_command(queues: tuple[str, ...], until_empty: bool) -> None:
    """Run side effects: syncs, evaluations, documents, mails. Run as many as you like; at least one that leaves “sync”
    alone, so that nobody waits for her certificate while courses are read.
    """
    app, settings = _serving()
    keys.ensure_key(settings)
    queue = _queue(settings)
    redis_server.wait_until_ready(redis_server.url(settings), seconds=30)
    with app.app_context():
        worker.work(queue, queues, until_empty=until_empty)


@click.command()
@host_option
@port_option
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="How many `lti-cert worker`; of several one leaves syncs alone.",
)
def up(host: str, port: int, workers: int) -> None:
    """The whole tool on this machine, with embedded defaults wherever no address is set."""
    ports.require_free(host, port, "--port")
    settings = tool.settings_at(port)
    parts = tool.parts(settings, host=host, port=port, workers=workers)
    _migrate(settings, len(parts))
    supervisor.run(
        parts,
        announce=_announce,
        when_ready=lambda: _announce(f"lti_cert runs at {settings.base_url}. Ctrl-C ends it."),
        steps_before=1,
    )


def _announce(text: str) -> None:
    click.echo(text, err=True)


def _migrate(settings: Settings, parts: int) -> Flask:
    """Bring the database up to date before any part needs it; what is wrong with the settings is said here, once."""
    app = application(settings)
    began = time.monotonic()
    with app.app_context():
        schema.revision()
        upgrade()
    _announce(f"[1/{parts + 1}] database … ready ({time.monotonic() - began:.1f} s)")
    return app


@click.command()
@port_option
@click.option("--lms-port", type=PORT, default=8500, show_default=True, help="Port of the demo LMS.")
@click.option("--only-lms", is_flag=True, hidden=True, help="Serve nothing but the LMS, of a demo that runs.")
def demo(port: int, lms_port: int, only_lms: bool) -> None:
    """The whole thing on this machine: a demo LMS, the tool, a sample course."""
    settings = tool.settings_at(port)
    if only_lms:
        start.serve_lms(lms_port, settings)
        return
    ports.require_free("127.0.0.1", port, "--port")
    ports.require_free(start.LMS_HOST, lms_port, "--lms-port")
    own = {"allow_private_platforms": True, "log_level": "WARNING"}
    if "data_dir" not in settings.model_fields_set:
        own["data_dir"] = start.fresh_folder()
    settings = settings.model_copy(update=own)
    env = {
        "LTI_CERT_DATA_DIR": str(settings.data_dir),
        "LTI_CERT_ALLOW_PRIVATE_PLATFORMS": "1",
        "LTI_CERT_LOG_LEVEL": "WARNING",
    }
    parts = tool.parts(settings, host="localhost", port=port, env=env)
    parts.insert(1, start.lms_part(lms_port, settings))
    app = _migrate(settings, len(parts))
    start.prepare(app, settings, lms_port=lms_port)
    password = start.let_administrator_in(app)
    console = f"Administrators: {settings.base_url}/admin as {start.ADMINISTRATOR}, password {password}"
    start.run(parts, lms_port=lms_port, console=console, announce=_announce)


commands: tuple[Any, ...] = (demo, up, web, relay_command, worker_command)
