"""The server programs inside the wheels. Nothing of the wheels' Python is imported: it starts servers of its own."""

import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from importlib.metadata import Distribution, PackageNotFoundError, PackagePath, distribution
from pathlib import Path

from config.errors import ConfigError, Fault
from storage.embedded.processes import run
from storage.embedded.room import Account


def find(
    wheel: str, program: str, wanted: Callable[[PackagePath], bool], home: Path, server: Account | None, setting: str
) -> Path:
    """Path of `program` from `wheel`, runnable by `server`; its `wanted` files are copied below `home` if need be.

    Raises ConfigError naming `setting`, the way to do without the wheel.
    """
    try:
        installed = distribution(wheel)
    except PackageNotFoundError:
        raise _missing(f"the package {wheel} is not installed", setting, f"pip install {wheel}") from None
    files = [file for file in installed.files or [] if wanted(file)]
    place = next((Path(str(file.locate())).resolve() for file in files if file.name == program), None)
    if place is None or not place.is_file():
        raise _missing(
            f"the package {wheel} has no program {program}", setting, f"pip install --force-reinstall {wheel}"
        )
    if server and (server.stopped_at(place) or not server.may(place, stat.S_IXOTH)):
        place = _copied(installed, files, home / "bin", place)
    _check_runs(place, server, home, setting)
    return place


def _copied(installed: Distribution, files: list[PackagePath], shelf: Path, place: Path) -> Path:
    """The program's copy on the shelf, with the files around it; made whole or not at all."""
    target = shelf / f"{installed.metadata['Name']}-{installed.version}"
    if not target.exists():
        shelf.mkdir(exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=target.name, dir=shelf))
        for file in files:
            copy = fresh / _inside(file)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(file.locate()), copy)
            copy.chmod(0o755)
        for folder, _, _ in os.walk(fresh):
            os.chmod(folder, 0o755)
        fresh.rename(target)
    program = next(file for file in files if file.name == place.name)
    return target / _inside(program)


def _inside(file: PackagePath) -> Path:
    """Where the file lies in the copy: as in the wheel's place, which matters for the libraries' search paths."""
    return Path(*(part for part in file.parts if part != ".."))


def _check_runs(program: Path, server: Account | None, home: Path, setting: str) -> None:
    try:
        answer = run([program, "--version"], home, server)
    except OSError as error:
        raise _missing(f"{program} cannot be run here: {error.strerror}", setting, "use a supported platform") from None
    if answer.returncode:
        raise _missing(f"{program} does not run here: {answer.stdout.strip()}", setting, "install what it lacks")


def _missing(what: str, setting: str, fix: str) -> ConfigError:
    return ConfigError([Fault(setting, f"is not set and {what}", f"{fix}, or set {setting} to a server you run")])
