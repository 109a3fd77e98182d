"""Measure everything, each part in a process of its own, and write docs/performance.md.

    python -m benchmarks [--rounds N] [PART …]

Names of parts print those alone: sync, store, evaluate, caliper, render_pdf.
"""

import importlib
import os
import platform
import subprocess
import sys
from argparse import ArgumentParser
from importlib.metadata import version
from pathlib import Path

from lti_cert.core import clock

PARTS = {
    "sync": "Synced over HTTP",
    "store": "Stored",
    "evaluate": "Evaluated",
    "caliper": "Caliper events",
    "render_pdf": "Certificates as PDF",
}

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"

INTRODUCTION = """\
# What it costs

Written by `make benchmarks`; the numbers of each table come from one run on one machine and are there to be compared
with each other. Times are medians of {rounds} rounds where a table does not say otherwise. PostgreSQL's own work shows
in the wall time only. Beside these numbers stand tests: `tests/integration/test_hot_queries.py` holds that no query
which the product makes often reads a whole table, and the tests of storing, evaluation and pages that the number of
statements does not grow with the members.

{machine}, {date}.
"""


def machine() -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in ("SQLAlchemy", "psycopg"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, {memory:.0f} GiB of memory"
    return f"{system}; Python {platform.python_version()}, {libraries}"


def section(part: str, rounds: int) -> str:
    module = importlib.import_module(f"benchmarks.{part}")
    command = [sys.executable, "-m", f"benchmarks.{part}", "--rounds", str(rounds)]
    measured = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return f"## {PARTS[part]}\n\n{(module.__doc__ or '').strip()}\n\n{measured.strip()}\n"


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    sections = [section(part, asked.rounds) for part in asked.parts or PARTS]
    if asked.parts:
        print("\n".join(sections))
        return
    day = f"{clock.now():%Y-%m-%d}"
    introduction = INTRODUCTION.format(rounds=asked.rounds, machine=machine(), date=day)
    PAGE.write_text("\n".join([introduction, *sections]))


if __name__ == "__main__":
    main()
