"""What a job changes in its process: the next one does not notice, and it is told in words."""

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

SCRIPT = """
import decimal, gc, io, json, locale, logging, os, resource, signal, socket
import subprocess, sys, threading, time
from pathlib import Path
from django_resque.hygiene import Surroundings

answer = {{}}
NOFILE = resource.getrlimit(resource.RLIMIT_NOFILE)
{before}
surroundings = Surroundings(except_for=[signal.SIGTERM])
{job}
answer["words"] = surroundings.restore()
answer["again"] = surroundings.restore()
{after}
Path({answers!r}).write_text(json.dumps(answer))
"""


@dataclass(frozen=True, slots=True)
class Ended:
    answer: dict[str, Any]
    output: str
    errors: str


def perform(
    directory: Path, job: str, after: str = "", *, before: str = "", flags: tuple[str, ...] = ()
) -> Ended:
    """A job in a process of its own, between the snapshot and `restore`."""
    answers = directory / "answers.json"
    parts = {"job": job, "after": after, "before": before}
    script = SCRIPT.format(
        answers=str(answers), **{name: textwrap.dedent(text) for name, text in parts.items()}
    )
    ended = subprocess.run(
        [sys.executable, *flags, "-c", script],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        input="a line\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return Ended(json.loads(answers.read_text()), ended.stdout, ended.stderr)


@pytest.mark.parametrize(
    ("job", "words", "as_before"),
    [
        ("os.chdir('/')", "working directory", f"os.getcwd() == {str(ROOT)!r}"),
        ("os.umask(0o111)", "umask", "os.umask(0) == 0o22"),
        (
            "os.environ.update(ADDED='secret', HOME='x'); del os.environ['LANG']",
            "environment ADDED, HOME, LANG",
            "'ADDED' not in os.environ and os.environ['HOME'] == '/h' "
            "and subprocess.run(['printenv', 'LANG'], capture_output=True).stdout == b'C.UTF-8\\n'",
        ),
        (
            "os.environ['TZ'] = 'Asia/Tokyo'; time.tzset()",
            "environment TZ",
            "time.tzname[0] == 'UTC'",
        ),
        (
            "locale.setlocale(locale.LC_ALL, 'C.UTF-8')",
            "locale",
            "locale.setlocale(locale.LC_ALL) == 'C'",
        ),
        ("sys.setrecursionlimit(200)", "recursion limit", "sys.getrecursionlimit() == 1000"),
        (
            "socket.setdefaulttimeout(3)",
            "socket timeout",
            "socket.getdefaulttimeout() is None",
        ),
        (
            "resource.setrlimit(resource.RLIMIT_NOFILE, (3, NOFILE[1]))",
            "limit RLIMIT_NOFILE",
            "resource.getrlimit(resource.RLIMIT_NOFILE) == NOFILE",
        ),
        ("gc.disable()", "garbage collection", "gc.isenabled()"),
        ("decimal.getcontext().prec = 3", "decimal context", "decimal.getcontext().prec == 28"),
        (
            "decimal.getcontext().traps[decimal.Inexact] = True",
            "decimal context",
            "decimal.Decimal(1) / 3",
        ),
        (
            "decimal.setcontext(decimal.ExtendedContext)",
            "decimal context",
            "decimal.getcontext().prec == 28",
        ),
        (
            "signal.setitimer(signal.ITIMER_PROF, 600)",
            "timer",
            "signal.getitimer(signal.ITIMER_PROF) == (0, 0)",
        ),
        (
            "signal.signal(signal.SIGCHLD, signal.SIG_IGN); signal.signal(signal.SIGRTMAX, print)",
            "handler of SIGCHLD, SIGRTMAX",
            "signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL "
            "and signal.getsignal(signal.SIGRTMAX) == signal.SIG_DFL",
        ),
        (
            "signal.signal(signal.SIGPIPE, signal.SIG_DFL)",
            "handler of SIGPIPE",
            "signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN",
        ),
        (
            "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])",
            "signal mask",
            "not signal.pthread_sigmask(signal.SIG_BLOCK, [])",
        ),
    ],
)
def test_the_next_job_finds_it_as_it_was(
    tmp_path: Path, job: str, words: str, as_before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"HOME": "/h", "LANG": "C.UTF-8", "LC_ALL": "", "TZ": "UTC"}.items():
        monkeypatch.setenv(name, value)

    before = "locale.setlocale(locale.LC_ALL, 'C'); os.umask(0o22)"
    ended = perform(tmp_path, job, f"answer['same'] = bool({as_before})", before=before)

    assert ended.answer == {"words": [words], "again": [], "same": True}


def test_a_job_that_changes_nothing_is_told_of_nothing(tmp_path: Path) -> None:
    ended = perform(tmp_path, "print('hello'); os.getcwd()")

    assert ended.answer == {"words": [], "again": []}
    assert ended.output == "hello\n"


def test_everything_is_put_back_at_once(tmp_path: Path) -> None:
    job = "os.chdir('/'); os.umask(0o1); os.close(1); sys.stdin = None; gc.disable()"

    ended = perform(tmp_path, job)

    assert ended.answer["words"] == [
        "descriptor 1", "sys.stdin", "working directory", "umask", "garbage collection",
    ]  # fmt: skip
    assert ended.answer["again"] == []


def test_the_handlers_of_the_worker_are_left_to_it(tmp_path: Path) -> None:
    ended = perform(tmp_path, "signal.signal(signal.SIGTERM, signal.SIG_IGN)")

    assert ended.answer["words"] == []


def test_an_alarm_that_a_job_left_running_does_not_ring_in_the_next(tmp_path: Path) -> None:
    job = "signal.signal(signal.SIGALRM, lambda *_: 1 / 0); signal.setitimer(signal.ITIMER_REAL, 1)"

    ended = perform(tmp_path, job, "time.sleep(1.2)")

    assert ended.answer["words"] == ["timer", "handler of SIGALRM"]


def test_a_timer_that_ran_before_runs_on(tmp_path: Path) -> None:
    before = "signal.setitimer(signal.ITIMER_REAL, 600)"

    after = "answer['left'] = signal.getitimer(signal.ITIMER_REAL)[0] > 0"
    ended = perform(tmp_path, "", after, before=before)

    assert ended.answer == {"words": [], "again": [], "left": True}


def test_a_signal_that_a_job_blocked_ends_nobody_but_one_of_the_workers_own_arrives(
    tmp_path: Path,
) -> None:
    before = "heard = []; signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))"
    job = """
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM])
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGTERM)
    """

    ended = perform(tmp_path, job, "answer['heard'] = heard", before=before)

    assert ended.answer == {"words": ["signal mask"], "again": [], "heard": [15]}


PRINT = "print('printed'); sys.stderr.write('written\\n'); os.write(1, b'')"


@pytest.mark.parametrize(
    ("job", "words"),
    [
        ("os.close(1)", ["descriptor 1"]),
        ("os.close(1); open('/dev/zero')", ["descriptor 1"]),
        ("os.close(0); os.close(1); os.close(2)", ["descriptor 0, 1, 2"]),
        ("os.dup2(os.open('/dev/null', os.O_WRONLY), 1)", ["descriptor 1"]),
        ("sys.stdout.close()", ["sys.stdout"]),
        ("sys.stdout.close(); sys.stderr.close(); sys.stdin.close()",
         ["sys.stdin, sys.stdout, sys.stderr"]),
        ("sys.stdout.detach()", ["sys.stdout"]),
        ("sys.stdout = io.StringIO(); sys.stderr = None", ["sys.stdout, sys.stderr"]),
        ("del sys.stdout", ["sys.stdout"]),
        ("os.close(1); sys.stdout.close()", ["descriptor 1", "sys.stdout"]),
        ("os.dup2(2, 0); sys.stdin = open(os.devnull)", ["descriptor 0", "sys.stdin"]),
    ],
)  # fmt: skip
def test_what_the_next_job_prints_is_seen(tmp_path: Path, job: str, words: list[str]) -> None:
    before = "handler = logging.StreamHandler(sys.stderr); logging.root.addHandler(handler)"
    after = f"{PRINT}; logging.error('logged'); answer['read'] = sys.stdin.readline()"

    ended = perform(tmp_path, job, after, before=before)

    assert ended.answer == {"words": words, "again": [], "read": "a line\n"}
    assert ended.output == "printed\n"
    assert ended.errors == "written\nlogged\n"


def test_what_a_job_printed_goes_where_it_sent_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    job = f"os.dup2(os.open({str(log)!r}, os.O_WRONLY | os.O_CREAT), 1); print('of the job')"

    ended = perform(tmp_path, job, "print('of the next')")

    assert log.read_text() == "of the job\n"
    assert ended.output == "of the next\n"


def test_a_stream_keeps_its_encoding_and_its_buffering(tmp_path: Path) -> None:
    before = "sys.stdout.reconfigure(encoding='latin-1', errors='replace', line_buffering=True)"
    after = "print('e\\u65e5'); answer['kind'] = [sys.stdout.encoding, sys.stdout.line_buffering]"

    ended = perform(tmp_path, "sys.stdout.close()", after, before=before)

    assert ended.answer["kind"] == ["latin-1", True]
    assert ended.output == "e?\n"


def test_an_unbuffered_stream_opens_again_unbuffered(tmp_path: Path) -> None:
    after = "print('at once', end=''); Path('/dev/stdout').write_text(' or later')"

    ended = perform(tmp_path, "sys.stdout.close()", after, flags=("-u",))

    assert ended.answer["words"] == ["sys.stdout"]
    assert ended.output == "at once or later"


def test_a_job_that_closes_every_descriptor_ends_nothing(tmp_path: Path) -> None:
    job = "os.closerange(0, 256); os.chdir('/')"
    after = "print('nowhere'); answer['here'] = os.getcwd()"

    ended = perform(tmp_path, job, after)

    words = ["descriptor 0, 1, 2", "working directory"]
    assert ended.answer == {"words": words, "again": [], "here": str(ROOT)}
    assert ended.output == ended.errors == ""


def test_a_working_directory_that_is_deleted_under_us_is_no_change(tmp_path: Path) -> None:
    before = f"os.mkdir({str(tmp_path / 'x')!r}); os.chdir({str(tmp_path / 'x')!r})"
    job = f"os.rename({str(tmp_path / 'x')!r}, {str(tmp_path / 'y')!r})"
    after = f"""
        os.rmdir({str(tmp_path / "y")!r})
        answer["deleted"] = surroundings.restore()
        os.chdir("/")
        answer["moved"] = surroundings.restore()
        answer["same"] = os.stat(".").st_nlink
    """

    ended = perform(tmp_path, job, after, before=before)

    assert ended.answer["words"] == ended.answer["again"] == ended.answer["deleted"] == []
    assert ended.answer["moved"] == ["working directory"]
    assert ended.answer["same"] == 0


def test_what_cannot_be_put_back_is_told_and_keeps_nothing_else_from_it(tmp_path: Path) -> None:
    before = f"os.mkdir({str(tmp_path / 'x')!r}); os.chdir({str(tmp_path / 'x')!r})"
    job = f"os.umask(0o1); os.closerange(3, 256); os.chdir('/'); os.rmdir({str(tmp_path / 'x')!r})"

    ended = perform(tmp_path, job, before=before)

    assert "not put back (FileNotFoundError" in ended.answer["words"][0]
    assert ended.answer["words"][1:] == ["umask"]


def test_of_a_lowered_hard_limit_what_can_be_is_put_back_and_it_is_told_once(
    tmp_path: Path,
) -> None:
    job = """
        root = os.geteuid() == 0
        root and os.seteuid(65534)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 60))
    """
    after = """
        root and os.seteuid(0)
        answer["limits"] = resource.getrlimit(resource.RLIMIT_NOFILE)
    """

    ended = perform(tmp_path, job, after)

    words = ["not put back (limit RLIMIT_NOFILE)"]
    assert ended.answer == {"words": words, "again": [], "limits": [60, 60]}


def test_the_descriptors_it_keeps_are_not_inherited_and_given_back(tmp_path: Path) -> None:
    before = "fds = lambda: len(os.listdir('/proc/self/fd')); answer['before'] = fds()"
    after = """
        seen = subprocess.run(["ls", "/proc/self/fd"], close_fds=False, capture_output=True).stdout
        surroundings.close()
        answer["after"], answer["inherited"] = fds(), len(seen.split())
    """

    ended = perform(tmp_path, "", after, before=before)

    assert ended.answer["after"] == ended.answer["before"]
    assert ended.answer["inherited"] == 4  # The fourth reads the directory.


def test_left_over_threads_and_children_are_named_once(tmp_path: Path) -> None:
    job = """
        done = threading.Event()
        left = threading.Thread(target=done.wait, name="left", daemon=True)
        left.start()
        child = subprocess.Popen(["sleep", "600"])
        answer["pid"] = child.pid
    """
    after = """
        looks = answer["looks"] = [surroundings.left_over(), surroundings.left_over()]
        done.set(); left.join()
        second = threading.Thread(target=time.sleep, args=(9,), name="second", daemon=True)
        second.start()
        looks.append(surroundings.left_over())
        child.kill(); child.wait()
        looks.append(surroundings.left_over())
    """

    ended = perform(tmp_path, job, after)

    child = f"child process {ended.answer['pid']} (sleep)"
    assert ended.answer["looks"] == [
        [child, "daemon thread 'left'"], [], ["daemon thread 'second'"], [],
    ]  # fmt: skip
    assert ended.answer["words"] == []


def test_what_was_there_before_is_not_left_over(tmp_path: Path) -> None:
    before = """
        threading.Thread(target=time.sleep, args=(1,), daemon=True).start()
        child = subprocess.Popen(["sleep", "600"])
    """
    after = "answer['left'] = surroundings.left_over(); child.kill(); child.wait()"

    ended = perform(tmp_path, "", after, before=before)

    assert ended.answer["left"] == []


def test_a_child_of_a_thread_is_named_too(tmp_path: Path) -> None:
    job = """
        begun, done = [], threading.Event()
        def begin():
            begun.append(subprocess.Popen(["sleep", "600"]))
            done.wait()
        thread = threading.Thread(target=begin, name="begins", daemon=True)
        thread.start()
        while not begun: time.sleep(0.01)
    """
    after = "answer['left'] = surroundings.left_over(); begun[0].kill(); begun[0].wait()"

    ended = perform(tmp_path, job, after)

    assert ended.answer["left"][0].endswith("(sleep)")
    assert ended.answer["left"][1] == "daemon thread 'begins'"


def test_children_that_nobody_waits_for_cannot_use_up_the_pids(tmp_path: Path) -> None:
    job = """
        from django_resque.leftover import MAX_ENDED
        first = subprocess.Popen(["true"])
        pids, words = [first.pid], []
        for _ in range(MAX_ENDED + 20):
            if not (pid := os.fork()): os._exit(7)
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            pids.append(pid)
            words += surroundings.left_over()
            if len(pids) == MAX_ENDED: answer["first"] = first.wait()
        answer["zombies"] = sum(os.path.exists(f"/proc/{pid}") for pid in pids) - MAX_ENDED
        answer["last"] = os.waitstatus_to_exitcode(os.waitpid(pids[-1], 0)[1])
        answer["told"] = len(words) - len(pids)
        answer["word"] = words[-1].replace(str(pids[-1]), "PID")
    """

    ended = perform(tmp_path, job)

    assert ended.answer["zombies"] == 0
    assert ended.answer["first"] == 0
    assert ended.answer["last"] == 7
    assert ended.answer["told"] == 0
    assert ended.answer["word"].startswith("child process PID (")
    assert ended.answer["word"].endswith(", ended and not waited for)")


def test_a_process_of_multiprocessing_still_knows_how_it_ended(tmp_path: Path) -> None:
    job = """
        import multiprocessing
        process = multiprocessing.get_context("fork").Process(target=os._exit, args=(3,))
        process.start()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    """
    after = """
        answer["left"] = surroundings.left_over()
        answer["gone"] = not os.path.exists(f"/proc/{process.pid}")
        answer["code"] = process.exitcode
    """

    ended = perform(tmp_path, job, after)

    assert ended.answer["left"] == []
    assert ended.answer["gone"]
    assert ended.answer["code"] == 3
