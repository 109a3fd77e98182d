"""How tests are shared out among processes: one by one, but a folder with a costly fixture goes to one process whole.

xdist's own groups do not work with pytest 9.2 (https://github.com/pytest-dev/pytest-xdist/issues/1386).
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

WHOLE = ("tests/e2e/", "tests/interop/")


class Scheduling(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in WHOLE if nodeid.startswith(folder)), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    return Scheduling(config, log)
