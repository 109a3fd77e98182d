"""In one process that has rendered one before. Every certificate bears another name and address, as in a course; the
last rows leave out what a course may leave out.
"""

import argparse
import time
from dataclasses import replace

from benchmarks.measuring import table
from lti_cert.issuing.pdf import Printed, Signatory, render

NAMES = ("Nguyễn Thị Minh Khai", "Zoë Ångström", "Ελένη Παπαδοπούλου", "Дмитрий Шевченко", "محمد عبد الله", "李小龙")
FULL = Printed(
    name=NAMES[0],
    title="Data Literacy",
    subtitle="Statistics, visualisation and the ethics of data",
    course="DATA 101: Introduction to Data Literacy",
    level="distinction",
    date="23 November 2026",
    issuer="University of Northfield",
    signatories=(
        Signatory("Prof. Dr. Ingrid Åkerström", "Dean, Faculty of Science"),
        Signatory("Dr. José Álvarez", "Course director"),
        Signatory("Mei-Ling Chen", "Registrar"),
    ),
    verify_url="https://certificates.example.edu/verify/",
)
CASES = {
    "distinction, three signatories": FULL,
    "completion, one signatory": replace(FULL, level="completion", signatories=FULL.signatories[:1], subtitle=""),
    "the same without QR code": replace(
        FULL, level="completion", signatories=FULL.signatories[:1], subtitle="", verify_url=""
    ),
}


def certificate(case: Printed, number: int) -> Printed:
    credential = f"{number:032x}"
    address = case.verify_url and case.verify_url + credential
    return replace(case, name=f"{NAMES[number % len(NAMES)]} {number}", verify_url=address, credential_id=credential)


def measure(case: Printed, count: int) -> tuple[str, str, str]:
    render(certificate(case, 0))
    wall, cpu = time.perf_counter(), time.process_time()
    size = sum(len(render(certificate(case, number))) for number in range(1, count + 1))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return f"{count / wall:.1f}", f"{1000 * cpu / count:.1f} ms", f"{size / count / 1000:.1f} kB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=1, help="Measured once, whatever this says.")
    count = parser.parse_args().count
    began = time.process_time()
    render(FULL)
    first = time.process_time() - began
    rows = [(name, *measure(case, count)) for name, case in CASES.items()]
    print(
        table(("", "a second", "CPU each", "size"), ("the first in a process", "", f"{first * 1000:.0f} ms", ""), *rows)
    )


if __name__ == "__main__":
    main()
