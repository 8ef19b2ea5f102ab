"""Processes: waiting that a signal ends, requests to stop, births, and children that die along."""

import fcntl
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from django_resque import pidfile, process
from django_resque.process import Alarm, Handlers, Requests
from tests.conftest import wait_for


def test_an_alarm_ends_at_a_signal() -> None:
    began = time.monotonic()
    with Alarm() as alarm, Handlers(lambda number, frame: None, [signal.SIGUSR1]):
        subprocess.Popen(["sh", "-c", f"kill -USR1 {os.getpid()}"]).wait()

        alarm.wait(60)

    assert time.monotonic() - began < 30


def test_an_alarm_ends_when_a_descriptor_can_be_read() -> None:
    reader, writer = os.pipe()
    with Alarm() as alarm:
        assert alarm.wait(0, also=[reader]) == []
        os.write(writer, b"x")

        assert alarm.wait(60, also=[reader]) == [reader]
    os.close(reader)
    os.close(writer)


def test_an_alarm_waits_for_descriptors_beyond_those_that_select_knows() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2048), hard))
    reader, writer = os.pipe()
    far = fcntl.fcntl(reader, fcntl.F_DUPFD, 1500)
    os.write(writer, b"x")
    with Alarm() as alarm:
        assert alarm.wait(60, also=[far]) == [far]
    for each in (reader, writer, far):
        os.close(each)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_handlers_come_back_after_the_with() -> None:
    before = signal.getsignal(signal.SIGUSR1)

    with Handlers(lambda number, frame: None, [signal.SIGUSR1]):
        assert signal.getsignal(signal.SIGUSR1) is not before

    assert signal.getsignal(signal.SIGUSR1) is before


def asked(*heard: tuple[signal.Signals, float]) -> tuple[bool, bool, bool]:
    requests = Requests()
    for number, at in heard:
        requests.heard(number, at)
    return requests.stopping, requests.within_grace, requests.now


TERM, INT, HUP, QUIT = signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT


def test_what_signals_ask_for() -> None:
    assert asked() == (False, False, False)
    assert asked((QUIT, 0)) == (True, False, False)
    assert asked((TERM, 0)) == asked((INT, 0)) == asked((HUP, 0)) == (True, True, False)
    assert asked((QUIT, 0), (TERM, 1)) == (True, True, False)
    assert asked((QUIT, 0), (QUIT, 9)) == (True, False, False)
    assert asked((TERM, 0), (QUIT, 9)) == (True, True, False)
    assert asked((HUP, 0), (HUP, 9)) == (True, True, False)


def test_a_second_term_or_int_asks_for_an_end_now() -> None:
    now = (True, True, True)

    assert asked((TERM, 0), (TERM, 0.1)) == now
    assert asked((INT, 0), (TERM, 0.1)) == now
    assert asked((INT, 0), (INT, 1.0)) == now
    assert asked((INT, 0), (INT, 0.9)) == (True, True, False)


def test_a_birth_tells_a_process_from_a_later_one_of_its_pid() -> None:
    child = subprocess.Popen(["sleep", "600"])
    born = process.birth(child.pid)

    assert born
    assert born == process.birth(child.pid)
    assert process.lives(child.pid, born)
    assert not process.lives(child.pid, "another")
    child.kill()
    wait_for(lambda: not process.lives(child.pid, born), "a zombie does not live")
    child.wait()
    assert process.birth(child.pid) == ""
    assert not process.lives(child.pid, "")


def test_ps_knows_births_where_there_is_no_proc() -> None:
    if not Path("/bin/ps").exists():
        pytest.skip("there is no /bin/ps here; it is needed on systems without /proc only")

    assert process._birth_by_ps(os.getpid()) == process._birth_by_ps(os.getpid())
    assert process._birth_by_ps(os.getpid())
    assert process._birth_by_ps(2**22 + 1) == ""


LIFELINE = """
import os, sys, time
from django_resque import forking
reader, writer = os.pipe()
if os.fork():
    print("parent", flush=True)
    time.sleep(600)
os.close(writer)
forking.watch_lifeline(reader)
print(os.getpid(), flush=True)
time.sleep(600)
"""


def test_a_child_without_prctl_dies_by_its_lifeline() -> None:
    parent = subprocess.Popen([sys.executable, "-c", LIFELINE], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    lines = {parent.stdout.readline().strip(), parent.stdout.readline().strip()}
    (child,) = (int(line) for line in lines - {"parent"})
    born = process.birth(child)
    assert process.lives(child, born)

    parent.kill()

    wait_for(lambda: not process.lives(child, born), "the child is gone")
    parent.wait()
    parent.stdout.close()


def test_a_pid_file_has_an_owner_while_it_is_held(tmp_path: Path) -> None:
    path = tmp_path / "w.pid"
    script = (
        "import sys, time; from pathlib import Path; from django_resque import pidfile\n"
        f"with pidfile.held(Path({str(path)!r})): print('held', flush=True); time.sleep(600)"
    )
    holder = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()

    assert pidfile.owner(path) == holder.pid
    with pytest.raises(pidfile.PidFileError, match="is held by a running resque_work"):
        pidfile.held(path).__enter__()

    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert path.exists()
    assert pidfile.owner(path) is None


def test_what_is_no_pid_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(pidfile.PidFileError, match="Cannot read the pid file"):
        pidfile.owner(tmp_path)
    assert pidfile.owner(tmp_path / "absent") is None
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(pidfile.PidFileError, match="it is no regular file"):
        pidfile.held(fifo).__enter__()
    assert fifo.is_fifo()


@contextmanager
def other_process(script: str, path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a script with `path` in another process, from its first line to the end of the with."""
    opening = "import fcntl, os, sys, time\nfrom pathlib import Path\n"
    words = [sys.executable, "-c", opening + script, str(path)]
    child = subprocess.Popen(words, stdout=subprocess.PIPE)
    assert child.stdout is not None
    try:
        child.stdout.readline()
        yield child
    finally:
        child.kill()
        child.communicate()


HOLD_FOR_A_MOMENT = """
from django_resque import pidfile
with pidfile.held(Path(sys.argv[1])):
    print(flush=True)
    time.sleep(0.1)
"""

READ_SLOWLY = """
lock = open(sys.argv[1])
fcntl.lockf(lock, fcntl.LOCK_SH)
print(flush=True)
time.sleep(float({seconds}))
"""


def test_a_pid_file_that_is_let_go_in_a_moment_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "w.pid"

    with other_process(HOLD_FOR_A_MOMENT, path), pidfile.held(path):
        assert path.read_text("ascii") == f"{os.getpid()}\n"

    assert not path.exists()


def test_a_reader_of_a_pid_file_keeps_nobody_from_starting(tmp_path: Path) -> None:
    path = tmp_path / "w.pid"
    path.write_text("7\n", "ascii")

    with other_process(READ_SLOWLY.format(seconds=0.1), path), pidfile.held(path):
        assert path.read_text("ascii") == f"{os.getpid()}\n"


def test_two_readers_of_a_pid_file_do_not_take_each_other_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "w.pid"
    path.write_text("7\n", "ascii")

    with other_process(READ_SLOWLY.format(seconds=600), path):
        assert pidfile.owner(path) is None


def test_a_pid_file_that_was_replaced_is_not_removed_with_its_first_owner(tmp_path: Path) -> None:
    path = tmp_path / "w.pid"

    with pidfile.held(path):
        path.unlink()
        path.write_text("7\n", "ascii")

    assert path.read_text("ascii") == "7\n"


#: Does not read the pid file: closing it again would end its owner's POSIX lock.
CONTEND = """
from django_resque import pidfile
path, inside = Path(sys.argv[1]), Path(sys.argv[1] + ".inside")
print(flush=True)
for _ in range(500):
    try:
        with pidfile.held(path):
            # Not to be read here: closing a file lets go of all locks of the process on it.
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
            assert path.exists()
            inside.unlink()
    except pidfile.PidFileError:
        continue
"""


def test_a_pid_file_never_has_two_owners(tmp_path: Path) -> None:
    with ExitStack() as stack:
        contend = [
            stack.enter_context(other_process(CONTEND, tmp_path / "w.pid")) for _ in range(8)
        ]

        assert {child.wait(60) for child in contend} == {0}


#: A handler raises while the fork begins. What raises the signal is no Python function, so the
#: next one is interrupted at its begin: the hook of `forget_at_forks`, registered before.
INTERRUPTED_FORK = """
import ctypes, functools, os, signal
from django_resque import forking

def interrupt(number, frame):
    raise TimeoutError

def state():
    return signal.getsignal(signal.SIGTERM), sorted(signal.pthread_sigmask(signal.SIG_BLOCK, []))

signal.signal(signal.SIGTERM, lambda number, frame: None)
signal.signal(signal.SIGURG, interrupt)
before = state()
forking.forget_at_forks(lambda: [signal.SIGTERM, signal.SIGURG])
os.register_at_fork(before=functools.partial(ctypes.CDLL(None)["raise"], int(signal.SIGURG)))
for _ in range(2):  # In the second one something of the first might be left.
    if not (pid := os.fork()):
        os._exit(0 if state() == (signal.SIG_DFL, []) else 1)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), state() == before)
"""


def test_a_handler_that_raises_while_a_job_forks_leaves_no_signal_blocked() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_FORK], capture_output=True, text=True, check=True
    )

    assert ended.stdout == "0 True\n0 True\n"
    assert ended.stderr.count("TimeoutError") == 2
