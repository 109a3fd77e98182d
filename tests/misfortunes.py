"""What befalls a platform by chance while it is read: what passes if it is sat out, and what may end the reading."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import strategies as st

from lti_cert.courses import mirror, staging
from lti_cert.demo.faults import Endpoint, Fault
from lti_cert.demo.platform import Lms

PASSING: Mapping[str, Fault] = {
    "slow by 429": Fault(status=429, headers={"Retry-After": "60"}),
    "an error once": Fault(status=502),
    "dropped once": Fault(drops=True),
}
"""On every platform; each once."""
LASTING: Mapping[str, Fault] = {
    "cut off": Fault(cuts_off=True),
    "a web page": Fault(status=200, body="<title>Maintenance</title>"),
    "not found": Fault(status=404, body="{}"),
    "no list": Fault(status=200, body='{"x": 1}'),
}


@dataclass(frozen=True)
class Misfortune:
    endpoint: Endpoint
    kind: str
    fault: Fault
    passes: bool
    after: int

    def befall(self, lms: Lms) -> None:
        lms.faults.plan(self.endpoint, self.fault, times=1 if self.passes else 50, after=self.after)


Fate = list[Misfortune]


def fates(
    endpoints: Sequence[Endpoint],
    *,
    passing: Mapping[str, Fault] = PASSING,
    lasting: Mapping[str, Fault] = LASTING,
    latest: int = 3,
) -> st.SearchStrategy[Fate]:
    """Most of them pass. `latest` is how many requests of an endpoint may be answered before."""
    faults = dict(passing) | dict(lasting)
    one = st.builds(
        lambda endpoint, kind, after: Misfortune(endpoint, kind, faults[kind], kind in passing, after),
        st.sampled_from(endpoints),
        st.sampled_from([passing, passing, passing, lasting]).flatmap(lambda kinds: st.sampled_from([*kinds])),
        st.integers(0, latest),
    )
    return st.lists(one, max_size=3, unique_by=lambda one: (one.endpoint, one.kind))


def have_short_memory(patch: pytest.MonkeyPatch, *, is_short: bool) -> None:
    """What is read is staged as soon as it is more than a few rows, and stored for a few members at a time."""
    patch.setattr(staging, "STAGED_AT", 25 if is_short else 20_000)
    patch.setattr(mirror, "WINDOW", 3 if is_short else 20_000)


def befall(lms: Lms, fate: Fate) -> None:
    """In place of what was to befall it before."""
    lms.faults.clear()
    for one in fate:
        one.befall(lms)


def is_only_passing(fate: Fate) -> bool:
    return all(one.passes for one in fate)
