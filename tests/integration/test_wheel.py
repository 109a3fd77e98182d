"""What is installed from a wheel, far from any checkout, is whole."""

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]

INSIDE = {"lti_cert": "lti_cert", **{name: f"lti_cert/{name}" for name in ("templates", "static", "migrations")}}
"""Where a folder of the checkout lies in the wheel."""


def _ours() -> list[Path]:
    """The files of the checkout that are, or are about to be, under version control."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [Path(name) for name in listed.stdout.split("\0") if name and (CHECKOUT / name).is_file()]


def _run(*command: str | Path, folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert not done.returncode, f"{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # From a copy: a build leaves files behind, and takes up what an earlier one has left.
    copy = tmp_path_factory.mktemp("checkout")
    for path in _ours():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / path, copy / path)
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", copy / "dist", folder=copy)
    (made,) = (copy / "dist").glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of an environment that holds the wheel, and borrows what the wheel needs from the one that tests."""
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    packages = Path(
        _run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", folder=environment).strip()
    )
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    _run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", wheel, folder=environment)
    return python.parent


def test_the_wheel_holds_every_file_of_the_package_its_templates_static_files_and_migrations(wheel: Path) -> None:
    wanted = {
        (INSIDE[path.parts[0]] / path.relative_to(path.parts[0])).as_posix()
        for path in _ours()
        if path.parts[0] in INSIDE
    }
    assert wanted <= set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_holds_nothing_but_the_package(wheel: Path) -> None:
    folders = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {folder for folder in folders if not folder.endswith(".dist-info")} == {"lti_cert"}


def test_an_installed_tool_finds_its_files_inside_the_package(installed: Path, tmp_path: Path) -> None:
    program = (
        "import lti_cert; from lti_cert.core import resources as r; assert r.CHECKOUT is None;"
        "print(lti_cert.__file__, r.TEMPLATES / 'core/base.html', r.STATIC, r.MIGRATIONS, sep='\\n')"
    )
    package, *found = map(Path, _run(installed / "python", "-c", program, folder=tmp_path).split("\n")[:4])
    assert package.is_relative_to(installed.parent)
    for path in found:
        assert path.is_relative_to(package.parent)
        assert path.exists()


def test_an_installed_tool_migrates_its_database_and_serves_its_pages(installed: Path, tmp_path: Path) -> None:
    _run(installed / "lti-cert", "db", "upgrade", folder=tmp_path)
    assert (tmp_path / "var" / "lti_cert.sqlite3").exists()
    program = (
        "from lti_cert.app import create_app; from lti_cert.settings import Settings;"
        "client = create_app(Settings.from_env()).test_client();"
        "print(*(client.get(path).status_code for path in ('/health/ready', '/verify', '/static/css/theme.css')))"
    )
    assert _run(installed / "python", "-c", program, folder=tmp_path).split() == ["200", "200", "200"]
