"""What one signal does, what two at once do, and what a second one does."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from embkit.cli.app import report
from embkit.cli.exit_codes import Stopped
from tests.command_line import error_line

ROOT = Path(__file__).parents[1]

BEGINNING = """
import hashlib, os, signal, sys, time
from embkit.cli.exit_codes import Stopped
from embkit.cli.signals import install_handlers
install_handlers()
"""


def spawn(program: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BEGINNING + program], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


@pytest.mark.parametrize(
    ("number", "kind"), [(signal.SIGTERM, "Stopped"), (signal.SIGINT, "KeyboardInterrupt")]
)
def test_signal_that_comes_twice_at_once_is_one(number: signal.Signals, kind: str) -> None:
    # coreutils' timeout sends it to the process and then to its group.
    program = f"""
try:
    os.kill(os.getpid(), {int(number)})
    os.kill(os.getpid(), {int(number)})
    time.sleep(30)
except {kind}:
    time.sleep(0.3)  # a checkpoint
    print("in order")
"""
    with spawn(program) as process:
        assert process.communicate(timeout=60)[0] == "in order\n"
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("first", "then", "code"),
    [
        (KeyboardInterrupt(), RuntimeError("cannot release un-acquired lock"), 130),
        (Stopped(signal.SIGTERM), RuntimeError("cannot release un-acquired lock"), 143),
        (KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device", "model"), 4),
        (ValueError("an option"), RuntimeError("our own bug"), 1),
    ],
    ids=repr,
)
def test_a_lock_that_fails_since_a_signal_came_is_the_signal(
    first: BaseException, then: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    then.__context__ = first  # as where the one is raised in the handling of the other
    assert report(then, debug=False) == code
    assert ("internal error" in error_line(capsys)) == (code == 1)


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_second_signal_ends_what_hears_none(second: signal.Signals) -> None:
    program = """
print("busy", flush=True)
hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # half an hour in one native call
"""
    with spawn(program) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "busy\n"
        for number in (signal.SIGINT, second):
            time.sleep(0.3)  # until it is in that call, and then until the first has come
            assert process.poll() is None
            process.send_signal(number)
        sent = time.monotonic()
        process.wait(timeout=60)
    assert process.returncode == 128 + second
    assert time.monotonic() - sent < 10  # at once on a machine that is not busy


def test_handlers_do_without_a_thread_that_cannot_start() -> None:
    program = (
        """
import threading
def refuse(thread):
    raise RuntimeError("can't start new thread")
threading.Thread.start = refuse
"""
        + BEGINNING
        + """
try:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(30)
except Stopped:
    print("in order", flush=True)
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(30)
"""
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGTERM, "in order\n", "")
