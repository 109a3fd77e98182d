"""The tool's public keys, where a platform that checks its assertions can fetch them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask

from lti_cert.core import current
from lti_cert.demo import serving
from lti_cert.lti import keys
from lti_cert.settings import Settings


@pytest.fixture(scope="session")
def signing_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once: a key takes its time."""
    made = tmp_path_factory.mktemp("jwks")
    keys.ensure_key(Settings(jwks_dir=made))
    return made


@contextmanager
def served_keys(signing_keys: Path) -> Iterator[str]:
    """Inside the tool's application context: these become its keys. The address of their public parts."""
    shutil.copytree(signing_keys, keys.keys_dir(current.settings()), dirs_exist_ok=True)
    served = keys.public_set()
    tool = Flask("tool")
    tool.add_url_rule("/lti/jwks.json", view_func=lambda: served)
    with serving.running(tool) as url:
        yield f"{url}/lti/jwks.json"
