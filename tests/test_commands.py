"""The commands as people and scripts use them: output, exit codes, a sentence for mistakes."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from redis import Redis

from django_resque import enqueue, enqueue_to
from django_resque.about import About
from django_resque.store import Store
from tests.conftest import DEADLINE, ROOT, WARNINGS, Command, Farm, names, wait_for
from tests.project import jobs

pytestmark = pytest.mark.django_db(transaction=True)

NOBODY = About("elsewhere", 7, "1", 6, "0", "0.1.0")


def run(farm: Farm, *words: str, **environment: str) -> tuple[int, str]:
    command = farm(*words, **environment)
    return command.ends(), command.output


def started(farm: Farm, redis: Redis, *words: str, **environment: str) -> Command:
    """A resque_work whose workers are registered."""
    before = redis.scard("resque:workers")
    work = farm("resque_work", "--interval=600", *words, **environment)
    count = 2 if "--count=2" in words else 1
    wait_for(lambda: redis.scard("resque:workers") == before + count, "workers registered")
    return work


def fails(farm: Farm, *words: str, code: int = 1, **environment: str) -> str:
    """The one sentence that a command fails with."""
    found, output = run(farm, *words, **environment)
    assert found == code, output
    assert "Traceback" not in output
    return output


# resque_work


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--count=0"], "CommandError: --count must be a whole number above 0, not 0."),
        (["--interval=-1"], "--interval must be a number of seconds above 0"),
        (["--interval=inf"], "--interval must be a number of seconds above 0, not inf."),
        (["--interval=nan"], "--interval must be a number of seconds above 0, not nan."),
        (["--wait-for-redis=nan"], "--wait-for-redis: must be a number of seconds, 0 or above"),
        (["--wait-for-redis=soon"], "--wait-for-redis: must be a number of seconds, 0 or above"),
        (["--queue=a:b"], "The queue name 'a:b' contains ':'."),
        (["--queue=!mail"], "only says what to leave out"),
        (["--in-process", "--count=2"], "--in-process performs in the command's own process"),
        (["--max-jobs=0"], "must be a whole number above 0, not '0'"),
        (["--max-rss=x"], "must be a number of megabytes above 0, not 'x'"),
        (["--timeout=-1"], "--timeout must be a number of seconds above 0, or None"),
        (["--queue=,"], "--queue must be a list of queue names"),
        (["--pid=/nowhere/x.pid"], "Cannot write the pid file /nowhere/x.pid: No such file"),
        (["--pid="], "--pid must be the name of a file, not ''. Is a variable empty?"),
    ],
)
def test_a_wrong_flag_is_one_sentence(farm: Farm, words: list[str], sentence: str) -> None:
    assert sentence in fails(farm, "resque_work", *words)


def test_what_is_no_regular_file_is_no_pid_file(farm: Farm, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"  # It stands for a device, which a test does not put at risk.
    os.mkfifo(fifo)

    for command in (("resque_work", "--burst"), ("resque_stop",)):
        assert "it is no regular file." in fails(farm, *command, f"--pid={fifo}")

    assert fifo.is_fifo()


def test_an_unknown_flag_is_djangos_usage(farm: Farm) -> None:
    output = fails(farm, "resque_work", "--qeue=x")

    assert output.startswith("usage: ")
    assert "unrecognized arguments: --qeue" in output


def test_a_wrong_flag_in_a_call_is_an_exception_with_the_same_code() -> None:
    for command, code in (("resque_work", 1), ("resque_stop", 1), ("resque_status", 3)):
        with pytest.raises(CommandError, match="unrecognized arguments: --qeue") as caught:
            call_command(command, "--qeue=x", "--all" if command == "resque_stop" else "--once")
        assert caught.value.returncode == code


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        ("resque_queues", "{list,pause,resume,clear,restore}"),
        ("resque_failures", "{list,show,retry,remove,clear}"),
        ("resque_enqueue", "QUEUE, CLASS"),
    ],
)
def test_a_command_without_a_word_says_what_it_needs_and_no_more(
    command: str, missing: str
) -> None:
    with pytest.raises(CommandError) as caught:
        call_command(command)

    assert str(caught.value).endswith(f"the following arguments are required: {missing}")


def test_a_flag_that_djangos_parser_did_not_see_is_refused_too() -> None:
    with pytest.raises(CommandError, match="--pid must be the name of a file"):
        call_command("resque_work", pid="")
    with pytest.raises(CommandError, match="must be the id of a job"):
        call_command("resque_status", id="")


def test_an_empty_environment_is_none(farm: Farm) -> None:
    code, output = run(farm, "resque_work", "--burst", PIDFILE="", COUNT="", INTERVAL="", QUEUE="")

    assert code == 0, output


@pytest.mark.parametrize(("name", "value"), [("COUNT", "two"), ("INTERVAL", "soon")])
def test_a_wrong_environment_is_one_sentence(farm: Farm, name: str, value: str) -> None:
    code, output = run(farm, "resque_work", **{name: value})

    assert code == 1
    assert "Traceback" not in output
    assert f"${name} must be a number, not {value!r}." in output


def test_a_value_from_the_environment_that_cannot_be_is_blamed_on_it(farm: Farm) -> None:
    assert "$COUNT must be a whole number above 0, not 0." in fails(farm, "resque_work", COUNT="0")
    assert "$QUEUES must be a list" in fails(farm, "resque_work", QUEUE="a b")


def test_a_malformed_address_is_one_sentence(farm: Farm) -> None:
    for command, code in (("resque_work", 1), ("resque_status", 3), ("resque_stop --all", 1)):
        for flag in ((), ("--skip-checks",)):
            output = fails(farm, *command.split(), *flag, code=code, REDIS_URL="nonsense")
            assert "$REDIS_URL is no address of a Redis" in output


BROKEN_JOBS = [
    ("import nosuch", "jobs.py, line 1: ModuleNotFoundError: No module named 'nosuch'. Jobs are"),
    (
        "\ndef (",
        "jobs.py, line 2: SyntaxError: invalid syntax. Jobs are imported when",
    ),
    ("from json import loads\n\nloads('')", "jobs.py, line 3: JSONDecodeError: Expecting value"),
    (
        "import django_resque as r\n\n@r.job(queue='a:b')\ndef x(): 0",
        "jobs.py, line 3: TypeError: ",
    ),
]


@pytest.mark.parametrize(("code", "sentence"), BROKEN_JOBS)
def test_a_jobs_py_that_raises_is_one_sentence(
    farm: Farm, tmp_path: Path, code: str, sentence: str
) -> None:
    environment = project_with(tmp_path, code)

    output = fails(farm, "resque_work", code=1, **environment)

    assert output.startswith(f"CommandError: {tmp_path}/broken/jobs.py, line ")
    assert sentence in output
    assert "Traceback" in run(farm, "resque_work", "--traceback", **environment)[1]


def test_a_jobs_py_that_raises_is_neither_fine_nor_a_warning(farm: Farm, tmp_path: Path) -> None:
    environment = project_with(tmp_path, "import nosuch")

    assert "line 1: ModuleNotFoundError" in fails(farm, "resque_status", code=3, **environment)
    assert "Traceback" in run(farm, "check", **environment)[1]


def project_with(directory: Path, jobs: str) -> dict[str, str]:
    """The environment of a project that has an app with this jobs.py."""
    (directory / "broken").mkdir()
    (directory / "broken" / "jobs.py").write_text(jobs)
    (directory / "broken_settings.py").write_text(
        "from tests.project.settings import *\nINSTALLED_APPS = [*INSTALLED_APPS, 'broken']\n"
    )
    return {"PYTHONPATH": str(directory), "DJANGO_SETTINGS_MODULE": "broken_settings"}


def test_a_queue_that_nobody_knows_is_a_warning_with_the_nearest_name(
    farm: Farm, redis: Redis
) -> None:
    redis.sadd("resque:queues", "foreign")

    code, output = run(farm, "resque_work", "--burst", "--queue=sloow,foreign,slow,x*,!y")

    assert code == 0
    assert "No job is registered for the queue 'sloow' (did you mean 'slow'?)" in output
    assert output.count("No job is registered") == 1


def test_a_redis_that_is_away_is_waited_for_and_then_one_sentence(farm: Farm) -> None:
    output = fails(farm, "resque_work", "--wait-for-redis=0.5", REDIS_URL="unix:///no/redis.sock")

    assert "Redis at unix:///no/redis.sock?db=0 does not answer" in output
    assert "did not answer within 0.5 s" in output
    assert "Start it, or correct RESQUE['URL'] or $REDIS_URL." in output


def test_who_waits_for_redis_has_no_jobs_to_kill_or_pause(farm: Farm) -> None:
    work = farm("resque_work", REDIS_URL="unix:///no/redis.sock")
    work.says("does not answer")

    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM):
        work.send(number)

    assert work.ends() == 0, work.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_who_waits_for_redis_stops_quietly(
    farm: Farm, tmp_path: Path, number: signal.Signals
) -> None:
    pid = tmp_path / "w.pid"
    work = farm("resque_work", f"--pid={pid}", REDIS_URL="unix:///no/redis.sock")
    said = work.says("waiting 30 s for it.\n")

    work.send(number)

    assert work.ends() == 0
    assert work.output == said
    assert not pid.exists()


def test_what_a_stream_cannot_take_is_escaped(farm: Farm, redis: Redis, trace: Path) -> None:
    enqueue_to("café", "Café::Order", 1)
    enqueue_to("café", jobs.fail, "né")
    enqueue_to("café", jobs.note, str(trace))

    work = farm("resque_work", "--burst", "--queue=café", PYTHONIOENCODING="ascii")

    assert work.ends() == 0, work.output
    failures = [json.loads(raw)["exception"] for raw in redis.lrange("resque:failed", 0, -1)]
    assert failures == ["UnknownJob", "tests.project.jobs.Boom"]
    assert trace.exists()
    assert work.output.count(":caf\\xe9\n") == 1
    assert " caf\\xe9 Caf\\xe9::Order " in work.output
    assert "n\\xe9\n" in work.output


@pytest.mark.parametrize("where", ["| true", ">/dev/full", ">&-"])
def test_output_that_nobody_takes_disturbs_no_job(
    redis: Redis, trace: Path, tmp_path: Path, where: str
) -> None:
    if where == ">/dev/full" and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    for number in range(5):
        enqueue(jobs.Sleep, str(trace), 0.1 * (number % 2))  # Longer than lines are held back.
    errors, code = tmp_path / "errors", tmp_path / "code"
    pipe = f"{{ sleep 0.2; {{ \"$@\"; echo $? >'{code}'; }} 2>'{errors}'; }} {where}"
    words = [sys.executable, *WARNINGS, "-m", "django", "resque_work", "--burst"]

    shell = subprocess.Popen(["sh", "-c", pipe, "sh", *words], cwd=ROOT, start_new_session=True)
    try:
        shell.wait(DEADLINE)
    finally:
        if shell.poll() is None:
            os.killpg(shell.pid, signal.SIGKILL)

    assert errors.read_text("utf-8") == ""
    assert code.read_text("ascii") == "0\n"
    assert trace.read_text("utf-8") == "begin\nend\n" * 5
    assert redis.get("resque:stat:processed") == b"5"
    assert redis.llen("resque:failed") == 0


def test_a_closed_stream_is_written_to_without_a_word() -> None:
    stream = io.StringIO()
    stream.close()

    call_command("resque_work", "--burst", stdout=stream, stderr=stream)


def test_a_wrong_password_is_one_sentence_at_once(farm: Farm, redis: Redis, redis_url: str) -> None:
    redis.acl_setuser("guarded", enabled=True, passwords=["+right"], keys="*", commands=["+@all"])
    try:
        path = redis_url.removeprefix("unix://")
        wrong = {"REDIS_URL": f"unix://guarded:wrong@{path}"}
        output = fails(farm, "resque_work", code=1, **wrong)
        seen = fails(farm, "resque_status", code=2, **wrong)
    finally:
        redis.acl_deluser("guarded")

    assert "refuses the user name or password" in output
    for each in (output, seen):
        assert "). Correct user name" in each or "disabled. Correct user name" in each
    assert "wrong@" not in output


def test_the_environment_names_what_ruby_and_php_name_there(
    farm: Farm, redis: Redis, tmp_path: Path
) -> None:
    pid = tmp_path / "w.pid"
    work = farm("resque_work", QUEUE="high,low", COUNT="2", INTERVAL="600", PIDFILE=str(pid))
    wait_for(lambda: redis.scard("resque:workers") == 2, "two workers")

    assert {name.split(":")[2] for name in names(redis.smembers("resque:workers"))} == {"high,low"}
    assert pid.read_text("ascii").strip() == str(work.pid)


def test_a_flag_is_stronger_than_the_environment(farm: Farm, redis: Redis) -> None:
    farm("resque_work", "--queue=flag", "--interval=600", QUEUES="environment")

    (name,) = wait_for(lambda: redis.smembers("resque:workers"), "the worker")
    assert name.endswith(b":flag")


def test_without_a_word_the_queues_of_the_registered_jobs_are_worked(
    farm: Farm, redis: Redis
) -> None:
    farm("resque_work", "--interval=600")

    (name,) = wait_for(lambda: redis.smembers("resque:workers"), "the worker")
    assert name.endswith(b":default,slow")
    assert name.startswith(socket.gethostname().split(".")[0].encode())


def test_a_pid_file_has_one_owner_and_goes_with_it(
    farm: Farm, redis: Redis, tmp_path: Path
) -> None:
    pid = tmp_path / "w.pid"
    first = started(farm, redis, f"--pid={pid}")

    assert "is held by a running resque_work" in fails(farm, "resque_work", f"--pid={pid}")

    first.send(signal.SIGTERM)
    assert first.ends() == 0
    assert not pid.exists()


def test_a_pid_file_left_by_a_killed_one_is_taken_over(
    farm: Farm, redis: Redis, tmp_path: Path
) -> None:
    pid = tmp_path / "w.pid"
    first = started(farm, redis, f"--pid={pid}")
    first.send(signal.SIGKILL)
    first.ends()

    second = farm("resque_work", f"--pid={pid}", "--burst")

    assert second.ends() == 0, second.output


# resque_status


def test_status_of_nothing_is_fine(farm: Farm) -> None:
    code, output = run(farm, "resque_status")

    assert code == 0
    assert output == "0 waiting, 0 running, 0 failures, 0 processed so far\n"


def test_jobs_without_a_worker_are_a_warning(farm: Farm) -> None:
    enqueue_to("mail", jobs.untracked)

    code, output = run(farm, "resque_status")

    assert code == 1
    assert "\nQUEUE  WAITING  WORKERS\nmail         1        0\n" in output
    assert "Warning: mail: 1 waiting, and no worker listens to it" in output


def test_workers_and_their_jobs_are_shown(farm: Farm, redis: Redis, trace: Path) -> None:
    enqueue(jobs.Sleep, str(trace), 600)
    work = started(farm, redis, "--queue=slow")
    wait_for(trace.exists, "the job's begin")

    code, output = run(farm, "resque_status")

    assert code == 0, output
    assert f":{work.worker_pids()[0]}:slow  performing tests.project.jobs.Sleep from slow" in output
    assert "0 waiting, 1 running" in output


def test_silent_workers_are_critical(farm: Farm, store: Store, redis: Redis) -> None:
    store.register("host:7:mail", NOBODY)
    redis.hset("resque:workers:lease", "host:7:mail", 1)

    code, output = run(farm, "resque_status")

    assert code == 2
    assert "Critical: Worker host:7:mail has been silent" in output


def test_a_redis_that_is_away_is_critical(farm: Farm) -> None:
    output = fails(farm, "resque_status", code=2, REDIS_URL="unix:///no/redis.sock")

    assert "Redis at unix:///no/redis.sock?db=0 cannot be asked" in output
    assert "No such file or directory. Start it, or correct RESQUE['URL']" in output


def test_a_job_is_followed_to_its_end(farm: Farm, trace: Path) -> None:
    handle = enqueue(jobs.note, str(trace))
    follow = farm("resque_status", handle.id)
    follow.says(f"Status of {handle.id} is: 1 (waiting)")

    farm("resque_work", "--burst").ends()

    assert follow.ends() == 0
    first, *_, last = follow.output.splitlines()
    assert first == f"Tracking status of {handle.id}. Press [break] to stop."
    assert last == f"Status of {handle.id} is: 4 (complete)"


def test_a_job_that_failed_ends_the_following_with_1(farm: Farm) -> None:
    handle = enqueue(jobs.fail)
    farm("resque_work", "--burst").ends()

    code, output = run(farm, "resque_status", f"--id={handle.id}")

    assert code == 1
    assert output.endswith(f"Status of {handle.id} is: 3 (failed)\n")


def test_a_status_can_be_asked_once(farm: Farm) -> None:
    handle = enqueue(jobs.note, "path")

    code, output = run(farm, "resque_status", handle.id, "--once")

    assert (code, output) == (0, f"Status of {handle.id} is: 1 (waiting)\n")


def test_following_is_ended_by_ctrl_c_without_a_traceback(farm: Farm) -> None:
    handle = enqueue(jobs.note, "path")
    follow = farm("resque_status", handle.id)
    follow.says("is: 1 (waiting)")

    follow.send(signal.SIGINT)

    assert follow.ends() == 0
    assert "Traceback" not in follow.output


def test_an_untracked_job_is_exit_code_3(farm: Farm) -> None:
    code, output = run(farm, "resque_status", "0" * 32)

    assert code == 3
    assert output == f"Resque is not tracking the status of job {'0' * 32}.\n"


def test_looking_works_as_a_redis_user_who_may_only_read(
    farm: Farm, redis: Redis, redis_url: str
) -> None:
    handle = enqueue(jobs.note, "path")
    redis.acl_setuser(
        "reader", enabled=True, nopass=True, keys="*", categories=["+@read", "+@connection"]
    )
    try:
        url = f"unix://reader:x@{redis_url.removeprefix('unix://')}"
        overview = run(farm, "resque_status", REDIS_URL=url)
        followed = run(farm, "resque_status", handle.id, "--once", REDIS_URL=url)
        with Redis.from_url(url) as reader, pytest.raises(Exception, match="no permissions"):
            reader.set("resque:x", "1")
    finally:
        redis.acl_deluser("reader")

    assert overview[0] == 1
    assert "1 waiting" in overview[1]
    assert followed[0] == 0


@pytest.mark.parametrize("words", [[""], ["--id="], ["--id", ""], ["", "--once"]])
def test_an_empty_id_is_no_question_for_the_overview(farm: Farm, words: list[str]) -> None:
    output = fails(farm, "resque_status", *words, code=3)

    assert output.splitlines() == [
        "CommandError: JOB_ID must be the id of a job, not ''. Is a variable empty?"
    ]


def test_usage_and_settings_that_status_refuses_are_exit_code_3(farm: Farm) -> None:
    assert "unrecognized arguments: --jsn" in fails(farm, "resque_status", "--jsn", code=3)
    fails(farm, "resque_status", "--no-color", "--force-color", code=3)
    output = fails(farm, "resque_status", "--skip-checks", code=3, RESQUE_HEARTBEAT="60")
    assert "RESQUE['HEARTBEAT'] must be a number of seconds above 0 and at most 5" in output
    assert len(output.splitlines()) == 1


# resque_stop


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--pid", ""], "--pid must be the name of a file, not ''. Is a variable empty?"),
        (["--pid= "], "--pid must be the name of a file, not ' '. Is a variable empty?"),
        (["--worker="], "--worker must be the id of a worker, not ''. Is a variable empty?"),
    ],
)
def test_an_empty_name_stops_nobody(
    farm: Farm, redis: Redis, words: list[str], sentence: str
) -> None:
    work = started(farm, redis)

    output = fails(farm, "resque_stop", *words)

    assert output.splitlines() == [f"CommandError: {sentence}"]
    assert work.process.poll() is None
    assert redis.hlen("resque:workers:orders") == 0


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "soon"])
def test_a_wait_is_a_number_of_seconds(farm: Farm, value: str) -> None:
    output = fails(farm, "resque_stop", "--all", f"--wait={value}")

    assert f"argument --wait: must be a number of seconds, 0 or above, not {value!r}" in output


def test_a_pid_file_names_what_to_stop(farm: Farm, redis: Redis, tmp_path: Path) -> None:
    pid = tmp_path / "w.pid"
    work = started(farm, redis, f"--pid={pid}", "--count=2")
    other = started(farm, redis)

    code, output = run(farm, "resque_stop", f"--pid={pid}")

    assert (code, output) == (0, f"Stopped resque_work {work.pid}.\n")
    assert work.ends() == 0
    assert other.process.poll() is None
    assert redis.scard("resque:workers") == 1


def test_a_pid_file_of_nobody_stops_nobody(farm: Farm, tmp_path: Path) -> None:
    stranger = subprocess.Popen(["sleep", "600"])
    path = tmp_path / "w.pid"
    path.write_text(f"{stranger.pid}\n", "ascii")
    try:
        code, output = run(farm, "resque_stop", f"--pid={path}")
        alive = stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()

    assert (code, output) == (0, f"Nothing to stop: no running resque_work holds {path}.\n")
    assert alive
    assert run(farm, "resque_stop", "--pid=/nowhere/x")[0] == 0


def test_one_worker_is_stopped_by_its_id(farm: Farm, redis: Redis) -> None:
    work = started(farm, redis, "--count=2")
    first, second = names(redis.smembers("resque:workers"))

    code, output = run(farm, "resque_stop", f"--worker={first}")

    assert (code, output) == (0, f"Stopped {first}.\n")
    assert redis.smembers("resque:workers") == {second.encode()}
    assert work.process.poll() is None


def test_all_workers_are_stopped_and_their_supervisors_with_them(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    enqueue(jobs.Sleep, str(trace), 1.0)
    works = [started(farm, redis, "--queue=slow"), started(farm, redis, "--count=2")]
    wait_for(trace.exists, "the job's begin")

    code, output = run(farm, "resque_stop", "--all")

    assert code == 0, output
    assert [work.ends() for work in works] == [0, 0]
    assert trace.read_text("utf-8") == "begin\nend\n"


def test_a_worker_elsewhere_is_asked_through_redis(farm: Farm, store: Store, redis: Redis) -> None:
    work = started(farm, redis, RESQUE_HEARTBEAT="0.2", RESQUE_HOSTNAME="elsewhere")
    (name,) = names(redis.smembers("resque:workers"))
    assert name.startswith("elsewhere")
    (about,) = store.about().values()
    assert about is not None

    store.order_stop({name: "an earlier birth"})
    second = redis.hget("resque:workers:lease", name)
    wait_for(lambda: redis.hget("resque:workers:lease", name) != second, "the next beat")
    assert work.process.poll() is None
    store.order_stop({name: about.birth})

    assert work.ends() == 0, work.output
    assert redis.scard("resque:workers") == 0
    assert redis.hlen("resque:workers:orders") == 0


def test_a_pid_that_was_given_to_a_stranger_is_not_signalled(
    farm: Farm, store: Store, redis: Redis
) -> None:
    from django_resque import process

    stranger = subprocess.Popen(["sleep", "600"])
    about = About(process.machine(), stranger.pid, "another birth", 1, "0", "0.1.0")
    store.register(f"host:{stranger.pid}:mail", about)
    try:
        output = fails(farm, "resque_stop", "--all", "--wait=0.3")
        alive = stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()

    assert alive
    assert f"Still there after 0.3 s: host:{stranger.pid}:mail." in output
    assert "wait longer with --wait, or interrupt it with --now." in output


def test_a_worker_of_another_language_is_not_ours_to_stop(farm: Farm, redis: Redis) -> None:
    redis.sadd("resque:workers", "ruby:7:mail")

    output = fails(farm, "resque_stop", "--worker=ruby:7:mail")

    assert "ruby:7:mail is no worker of django-resque: stop it where it runs." in output


def test_ctrl_c_ends_the_waiting_and_not_the_stopping(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    enqueue(jobs.Sleep, str(trace), 600)
    work = started(farm, redis, "--queue=slow", RESQUE_STOP_TIMEOUT="5")
    wait_for(trace.exists, "the job's begin")
    stop = farm("resque_stop", "--all", "--wait=600")
    wait_for(lambda: redis.hlen("resque:workers:orders"), "the order")

    stop.send(signal.SIGINT)

    assert stop.ends() == 1
    assert stop.output == (
        "CommandError: No longer waiting. What was told to stop goes on stopping.\n"
    )
    assert work.ends() == 0, work.output


def test_nothing_to_stop_is_said_and_fine(farm: Farm) -> None:
    assert run(farm, "resque_stop", "--all") == (0, "Nothing to stop: no worker is registered.\n")
    assert run(farm, "resque_stop", "--worker=h:1:q")[0] == 0


def test_stop_wants_to_know_what(farm: Farm) -> None:
    output = fails(farm, "resque_stop")

    assert "one of the arguments --pid --worker --queue --all is required" in output


@pytest.mark.parametrize("command", ["resque_work", "resque_status", "resque_stop"])
def test_help_names_every_flag_and_its_unit(farm: Farm, command: str) -> None:
    code, output = run(farm, command, "--help", COLUMNS="200")

    assert code == 0
    assert "SECONDS" in output or command == "resque_status"
