"""A copy of the repository, in which sources are changed or compiled in another way.

The extension is built once; afterwards one source at a time is compiled, and its object linked
with those of the others.
"""

from __future__ import annotations

import filecmp
import os
import resource
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.native.build import ROOT

COMMON = ("-std=c++17", "-fPIC", "-fvisibility=hidden", "-fno-math-errno", "-pthread", "-Icsrc")


class Copy:
    """The files that git knows, in a folder of their own, with a built extension."""

    def __init__(self, folder: Path, *, go_on: bool = False) -> None:
        """Make the copy; with ``go_on`` take one that was made of the same files before."""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what it runs ends with it
        self.folder = folder.resolve()
        command = ["git", "-C", str(ROOT), "ls-files", "-z"]
        told = subprocess.run(command, capture_output=True, check=True).stdout.decode()
        names = told.split("\0")[:-1]
        self._whole = self.folder / "build" / "whole.so"
        self.is_old = go_on and self._whole.exists() and self._is_of(names)
        if self.is_old:
            self.extension = next(self.folder.glob("embkit/_core*.so"))
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in names:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, self.folder / name)
        if (ROOT / "build").is_dir():
            for path in ROOT.glob("embkit/_core*.so"):
                shutil.copy2(path, self.folder / "embkit")
            for path in [*(ROOT / "build").glob("temp*"), *(ROOT / "build").glob("lib*")]:
                shutil.copytree(path, self.folder / "build" / path.name)
        build = ("setup.py", "-q", "build_clib", "build_ext", "--inplace")
        # It compiles only what is older than its sources.
        if self.run(*build, environment={"EMBKIT_CUDA": "0"}) != 0:
            raise RuntimeError("the extension does not build")
        self.extension = next(self.folder.glob("embkit/_core*.so"))
        shutil.copy2(self.extension, self._whole)

    def _is_of(self, names: Sequence[str]) -> bool:
        """Whether these files are in the copy as they are in the repository."""
        equal, *_ = filecmp.cmpfiles(ROOT, self.folder, names, shallow=False)
        return len(equal) == len(names)

    def run(
        self,
        *arguments: str,
        timeout: float | None = None,
        memory: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> int:
        """Run Python in the copy; return its exit code, 124 where it takes too long.

        ``memory`` limits its addresses, in bytes; what it prints is in the file ``log``.
        """

        def limit() -> None:
            if memory is not None:
                resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

        default = {"PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        log = (self.folder / "log").open("wb")  # of the last run
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=self.folder, start_new_session=True,
            env={**os.environ, **default, **(environment or {})}, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, preexec_fn=limit,
        )  # fmt: skip
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            return 124
        finally:
            if process.poll() is None:
                os.killpg(process.pid, 9)
                process.wait()

    def compile(
        self, source: str, compiler: Sequence[str], flags: Sequence[str]
    ) -> Path | None:
        """Compile one of the core's sources; return its object, None if it does not compile."""
        target = self.folder / "build" / (source.replace("/", "_") + ".o")
        command = [*compiler, *COMMON, *flags, "-c", source, "-o", str(target)]
        done = subprocess.run(command, cwd=self.folder, capture_output=True)
        return target if done.returncode == 0 else None

    def link(
        self, changed: Mapping[str, Path], compiler: Sequence[str], flags: Sequence[str] = ()
    ) -> bool:
        """Link the extension, with the given objects in place of those sources' own."""
        built = next((self.folder / "build").glob("temp*"))
        objects = [
            str(path)
            for path in sorted((built / "csrc").rglob("*.o"))
            if path.parent.name != "cuda" and not path.name.startswith("kernels_")
            and str(path.relative_to(built).with_suffix(".cpp")) not in changed
        ]  # fmt: skip
        libraries = sorted(map(str, built.glob("*.a")))
        shared = (sysconfig.get_config_var("LDSHARED") or "cc -shared").split()[1:]
        # First come the changed ones: of an inline function in several objects the first stays.
        command = [*compiler, *shared, *flags, "-pthread", *map(str, changed.values())]
        command += [*objects, *libraries, "-o", str(self.extension)]
        return subprocess.run(command, cwd=self.folder, capture_output=True).returncode == 0

    def restore(self) -> None:
        """Take the extension as it was built first."""
        shutil.copy2(self._whole, self.extension)
