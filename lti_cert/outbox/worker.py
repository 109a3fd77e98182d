"""An RQ worker that runs our rows. Everything it needs is loaded before it forks, so a run starts warm."""

import gc
from collections.abc import Sequence
from typing import Any

import redis
from rq import Worker
from rq.serializers import JSONSerializer

from lti_cert.core.database import db
from lti_cert.outbox.outbox import job_map


class _Worker(Worker):
    def main_work_horse(self, *args: Any, **kwargs: Any) -> None:
        # The child shares sockets with its parent; it must open its own and leave those alone.
        db.engine.dispose(close=False)
        super().main_work_horse(*args, **kwargs)


def work(connection: redis.Redis, queues: Sequence[str] = (), *, until_empty: bool = False) -> None:
    """Run rows of these queues, or of all, until told to stop by SIGTERM or SIGINT; the run at hand is finished
    first.
    """
    worker = _Worker(list(queues or job_map().queues), connection=connection, serializer=JSONSerializer)
    # What is loaded by now stays: no run needs to look through it for garbage, or to copy it from its parent for that.
    gc.freeze()
    worker.work(burst=until_empty, logging_level="WARNING", with_scheduler=False)
