"""SQL that is compiled once a process: an engine keeps what it compiles to itself, and each test has one of its own."""

from typing import Any

from sqlalchemy import Dialect, Engine

_of_process: dict[str, tuple[Dialect, dict[Any, Any]]] = {}


def share(engine: Engine) -> None:
    with engine.connect():
        pass  # the dialect has asked the database what it can
    engine.dialect, compiled = _of_process.setdefault(engine.dialect.name, (engine.dialect, {}))
    engine.update_execution_options(compiled_cache=compiled)
