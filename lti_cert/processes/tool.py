"""The parts of the tool, each a command of its own, as one machine runs them."""

import sys
from collections.abc import Mapping
from functools import partial

from lti_cert.jobs import PROMPT
from lti_cert.outbox import redis_server
from lti_cert.processes import ports
from lti_cert.processes.supervisor import Part
from lti_cert.settings import Settings


def settings_at(port: int) -> Settings:
    """The settings, with the base URL following the port where none is set."""
    settings = Settings.from_env()
    if "base_url" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"base_url": f"http://localhost:{port}"})


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "lti_cert", *map(str, words)]


def parts(
    settings: Settings, *, host: str, port: int, workers: int = 2, env: Mapping[str, str] | None = None
) -> list[Part]:
    """Queue server (unless one is named), relay, workers, web, in the order in which they start; they end the other
    way round.
    """
    env = {"LTI_CERT_BASE_URL": settings.base_url, **(env or {})}
    found = []
    if not settings.redis_url:
        settings.make_data_dir()
        argv, url = redis_server.command(settings.data_dir)
        log = redis_server.log_file(settings.data_dir)
        found.append(Part("queue", argv, ready=partial(redis_server.is_ready, url), log=log))
    answers = partial(ports.answers, host, port, "/health/ready")
    return [
        *found,
        Part("relay", command("relay"), env),
        *_workers(workers, env),
        Part("web", command("web", "--host", host, "--port", port), env, ready=answers),
    ]


def _workers(number: int, env: Mapping[str, str]) -> list[Part]:
    """While courses are read, one of several is there for everything else."""
    if number == 1:
        return [Part("worker", command("worker"), env)]
    prompt = [word for queue in PROMPT for word in ("--queue", queue)]
    return [
        Part("prompt worker", command("worker", *prompt), env),
        Part("worker", command("worker"), env, replicas=number - 1),
    ]
