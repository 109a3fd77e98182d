"""Certificates per second and CPU milliseconds for each, in one process that has rendered one before.

    python benchmarks/render_pdf.py [--count N]

Every certificate bears another name and address, as in a course; the last rows leave out what a course may leave out.
"""

import argparse
import platform
import time
from dataclasses import replace
from importlib.metadata import version

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


def measure(case: Printed, count: int) -> str:
    render(certificate(case, 0))
    wall, cpu = time.perf_counter(), time.process_time()
    size = sum(len(render(certificate(case, number))) for number in range(1, count + 1))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return f"{count / wall:8.1f} /s {1000 * cpu / count:8.1f} CPU ms {size / count / 1000:8.1f} kB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    count = parser.parse_args().count
    began = time.process_time()
    render(FULL)
    first = time.process_time() - began
    libraries = ", ".join(f"{name} {version(name)}" for name in ("xhtml2pdf", "reportlab", "uharfbuzz", "fonttools"))
    print(f"{platform.platform()}, {platform.processor() or platform.machine()}, Python {platform.python_version()}")
    print(libraries)
    print(f"the first in a process {1000 * first:8.1f} CPU ms")
    for name, case in CASES.items():
        print(f"{name:32} {measure(case, count)}")


if __name__ == "__main__":
    main()
