"""What a failed reading says is read by instructors, long after it happened."""

from collections.abc import Iterator

import pytest

from lti_cert.core.errors import LtiCertError
from lti_cert.lti.answers import ServiceFailed
from lti_cert.sources import choose, revoking
from lti_cert.sources.snapshot import SourceFailed

assert choose, revoking  # with them every kind of fault is loaded


def kinds(of: type[LtiCertError]) -> Iterator[type[LtiCertError]]:
    yield of
    for kind in of.__subclasses__():
        yield from kinds(kind)


FAULTS = sorted({*kinds(SourceFailed), *kinds(ServiceFailed)}, key=lambda kind: kind.__qualname__)


@pytest.mark.parametrize("kind", FAULTS, ids=lambda kind: kind.__qualname__)
def test_a_fault_of_a_reading_says_what_to_do_and_names_neither_address_nor_number(kind: type[LtiCertError]) -> None:
    said = f"{kind.message} {kind.guidance}"
    assert kind.guidance != LtiCertError.guidance
    assert kind.message != LtiCertError.message
    assert "reference number" not in said
    assert "://" not in said
