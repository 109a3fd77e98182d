from collections.abc import Iterator

import pytest

from tests.interop import open_edx as platform


@pytest.fixture(scope="session")
def open_edx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[platform.OpenEdx]:
    """A running Open edX; `open_edx.connect(…)` gives a tool a course and a registration of its own."""
    with platform.running(tmp_path_factory.mktemp("open_edx")) as running:
        yield running
