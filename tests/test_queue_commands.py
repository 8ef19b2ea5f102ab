"""resque_enqueue and resque_queues: jobs and queues without a browser."""

import io
import json
import os
import pty
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings
from redis import Redis

from django_resque import enqueue_to, queues
from django_resque.about import About
from django_resque.store import Store, Take
from tests.conftest import DEADLINE, ROOT, Farm, names
from tests.project import jobs

pytestmark = pytest.mark.django_db(transaction=True)

#: Of a queue of which nobody has lately ended a job.
NO_PACE = {"per_minute": 0.0, "drain": None, "in_per_minute": None}

NOTE = "tests.project.jobs.note"


def run(*words: str) -> tuple[str, str]:
    """Standard output and standard error of a command that does as asked."""
    output, errors = io.StringIO(), io.StringIO()
    call_command(*words, stdout=output, stderr=errors)
    return output.getvalue(), errors.getvalue()


def refusal(*words: str) -> str:
    """The sentence of a command that does not, with exit code 1."""
    with pytest.raises(CommandError) as caught:
        run(*words)
    assert caught.value.returncode == 1
    return str(caught.value)


def waiting(redis: Redis, queue: str) -> list[Any]:
    return [json.loads(raw) for raw in redis.lrange(f"resque:queue:{queue}", 0, -1)]


# resque_enqueue


def test_a_job_is_queued_and_its_id_printed(redis: Redis) -> None:
    output, errors = run("resque_enqueue", "mail", NOTE, '"path"', '"text"')

    (payload,) = waiting(redis, "mail")
    assert output == f"Queued job {payload['id']}\n"
    assert errors == ""
    assert (payload["class"], payload["args"]) == (NOTE, ["path", "text"])


def test_each_word_of_json_is_one_argument(redis: Redis) -> None:
    run("resque_enqueue", "q", "Recorder", "7", "-1.5", "true", "null", '{"a": [1, "é"]}', '"x y"')

    (payload,) = waiting(redis, "q")
    assert payload["args"] == [7, -1.5, True, None, {"a": [1, "é"]}, "x y"]


def test_a_job_may_go_by_its_alias(redis: Redis) -> None:
    run("resque_enqueue", "q", r"\App\Job\Recorder")

    (payload,) = waiting(redis, "q")
    assert payload["class"] == "Recorder"


def test_a_job_of_php_takes_its_object_or_its_arguments(redis: Redis) -> None:
    run("resque_enqueue", "q", "Refund", '{"order_id": 7, "cents": 5}')
    run("resque_enqueue", "q", "Refund", "7", "5")

    first, second = waiting(redis, "q")
    assert first["args"] == second["args"] == [{"order_id": 7, "cents": 5}]


@pytest.mark.parametrize(
    ("word", "quoted"),
    [
        ("mail", """'"mail"'"""),
        ("a b", """'"a b"'"""),
        ("it's", """'"it'"'"'s"'"""),
        ("NaN", """'"NaN"'"""),
        ("", """'""'"""),
        ("[" * 100_000, "[[["),
    ],
)
def test_text_that_is_not_json_is_shown_quoted(redis: Redis, word: str, quoted: str) -> None:
    said = refusal("resque_enqueue", "q", "Archive", word)

    assert said.startswith(f"{word!r} is not JSON. If it is text, quote it twice: ")
    assert quoted in said
    assert redis.keys("*") == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["q", NOTE], "note(path: str, text: str = 'ran') -> str cannot be called so: missing"),
        (["q", NOTE, "1", "2", "3"], "cannot be called so: too many positional arguments."),
        (["q", "Refund", '{"order": 7}'], "cannot be called so: "),
        (["q", "Archive", "1e999"], "args[0]: inf is not JSON; pass None or a finite number."),
        (["q", "Archive", '"\udcff"'], "args[0]: a lone surrogate "),
        (["a:b", NOTE, "1"], "The queue name 'a:b' contains ':'."),
        (["a b", NOTE, "1"], "The queue name 'a b' contains ' '."),
        (["mail*", NOTE, "1"], "'mail*' is a pattern for the queues of workers: name one queue."),
        (["", NOTE, "1"], "A queue's name must be text, not ''."),
        (["\udcff", NOTE, "1"], "The name '\\udcff' is not UTF-8 text."),
        (["q", ""], "CLASS must be the name of a job, not ''. Is a variable empty?"),
        (["q", "\udcff"], "The name '\\udcff' is not UTF-8 text."),
    ],
)
def test_what_cannot_be_queued_is_one_sentence(
    redis: Redis, words: list[str], sentence: str
) -> None:
    said = refusal("resque_enqueue", *words)

    assert sentence in said
    assert "\n" not in said
    assert redis.keys("*") == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Archive", ""),
        ("note", f" Did you mean {NOTE!r}?"),
        ("tests.project.jobs.nott", f" Did you mean {NOTE!r}?"),
    ],
)
def test_a_name_that_is_not_registered_here_is_queued_with_a_note(
    redis: Redis, name: str, hint: str
) -> None:
    output, errors = run("resque_enqueue", "q", name, "35", '"tar"')

    (payload,) = waiting(redis, "q")
    assert output == f"Queued job {payload['id']}\n"
    assert (payload["class"], payload["args"]) == (name, [35, "tar"])
    assert errors == (
        f"Note: no job is registered here as {name!r}, so only workers of another project or "
        f"language can perform it.{hint}\n"
    )


@pytest.mark.parametrize(
    ("queue", "note"),
    [
        ("sloow", "Note: no job is registered for the queue 'sloow'. Did you mean 'slow'?\n"),
        ("slow", ""),
        ("elsewhere", ""),
    ],
)
def test_a_queue_that_looks_misspelt_is_used_with_a_note(
    redis: Redis, queue: str, note: str
) -> None:
    _, errors = run("resque_enqueue", queue, NOTE, '"path"', '"text"')

    assert len(waiting(redis, queue)) == 1
    assert errors == note


def test_a_job_is_delayed_until_a_time_or_for_so_long(redis: Redis) -> None:
    run("resque_enqueue", "q", NOTE, "1", "--at=2090-01-02T03:04:05+01:00")
    before = time.time()
    run("resque_enqueue", "q", NOTE, "2", "--in=600")

    soon, late = map(int, names(redis.zrange("resque:delayed_queue_schedule", 0, -1)))
    assert late == datetime(2090, 1, 2, 2, 4, 5, tzinfo=UTC).timestamp()
    assert before + 600 <= soon <= time.time() + 601
    assert redis.exists("resque:queue:q") == 0


@pytest.mark.parametrize(
    ("flag", "sentence"),
    [
        ("--at=soon", "must be a date and time like 2030-12-31T08:00+01:00, not 'soon'"),
        ("--at=2090-01-02T03:04", "must name its time zone, as in 2090-01-02T03:04:00Z or"),
        ("--in=soon", "must be a number of seconds, 0 or above, not 'soon'"),
        ("--in=-1", "must be a number of seconds, 0 or above, not '-1'"),
    ],
)
def test_a_wrong_time_is_one_sentence(redis: Redis, flag: str, sentence: str) -> None:
    assert sentence in refusal("resque_enqueue", "q", NOTE, "1", flag)

    assert redis.keys("*") == []


def test_a_time_without_zone_is_local_where_the_project_has_none(
    redis: Redis, settings: Settings
) -> None:
    settings.USE_TZ = False

    run("resque_enqueue", "q", NOTE, "1", "--at=2090-01-02T03:04:05")

    (due,) = names(redis.zrange("resque:delayed_queue_schedule", 0, -1))
    assert abs(int(due) - datetime(2090, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()) <= 86400


def test_a_job_that_its_hook_refuses_is_not_queued(redis: Redis) -> None:
    said = refusal("resque_enqueue", "q", "tests.project.jobs.Choosy", "-1")

    assert said == "before_enqueue of tests.project.jobs.Choosy refuses it: nothing was queued."
    assert redis.keys("*") == []


def test_a_redis_that_is_away_queues_nothing_and_says_so(farm: Farm) -> None:
    command = farm("resque_enqueue", "q", NOTE, "1", REDIS_URL="unix:///no/redis.sock")

    assert command.ends() == 1
    (line,) = command.output.splitlines()
    assert line.startswith("CommandError: Redis at unix:///no/redis.sock?db=0 did not take the job")
    assert line.endswith(". Nothing was queued.")


def test_whether_a_lost_answer_meant_a_queued_job_is_not_claimed(redis: Redis) -> None:
    redis.client_pause(600_000, all=False)  # Writes wait; the client's patience ends in 5 s.
    try:
        said = refusal("resque_enqueue", "q", NOTE, "1")
    finally:
        redis.client_unpause()

    assert "is not known: look for it before you repeat this." in said
    assert "retry()" not in said


# resque_queues


def test_the_list_says_sizes_workers_and_pauses(store: Store) -> None:
    enqueue_to("mail", jobs.untracked)
    enqueue_to("low", jobs.untracked)
    store.register("host:7:mail", About("elsewhere", 7, "1", 6, "0", "0.1.0"))
    store.pause("low", by="ada")

    output, _ = run("resque_queues", "list")
    one, _ = run("resque_queues", "list", "mail")
    found = json.loads(run("resque_queues", "list", "--json")[0])
    store.pause_all()

    assert output.splitlines() == [
        "QUEUE  WAITING  WORKERS",
        "low          1        0  paused",
        "mail         1        1",
    ]
    assert one.splitlines()[1:] == ["mail         1        1"]
    assert found == {
        "paused": False,
        "queues": [
            {"name": "low", "size": 1, "workers": 0, "paused": True, **NO_PACE},
            {"name": "mail", "size": 1, "workers": 1, "paused": False, **NO_PACE},
        ],
    }
    assert run("resque_queues", "list")[0].endswith("\nAll workers are paused.\n")


def test_a_list_of_nothing_says_so() -> None:
    output, _ = run("resque_queues", "list")

    assert output == "There is no queue yet: the first job pushed to it makes one.\n"
    assert json.loads(run("resque_queues", "list", "--json")[0]) == {"paused": False, "queues": []}


def test_queues_are_paused_and_resumed_by_name(store: Store, redis: Redis) -> None:
    enqueue_to("mail", jobs.untracked)
    enqueue_to("low", jobs.untracked)
    store.register("host:7:mail", About("elsewhere", 7, "1", 6, "0", "0.1.0"))

    paused, _ = run("resque_queues", "pause", "mail", "low", "mail")
    by = json.loads(redis.hget("resque:queues:paused", "mail") or b"")["by"]
    taken = store.reserve(Take.new("host:7:mail", ["mail"]))
    resumed, _ = run("resque_queues", "resume", "mail", "low")

    assert paused == "Paused mail.\nPaused low.\n"
    assert by
    assert taken in ("idle", "paused")
    assert resumed == "Resumed mail.\nResumed low.\n"
    assert redis.exists("resque:queues:paused") == 0


def test_a_queue_may_be_paused_before_it_exists(redis: Redis) -> None:
    enqueue_to("mail", jobs.untracked)

    said, _ = run("resque_queues", "pause", "mial")
    listed, _ = run("resque_queues", "list")
    resumed, _ = run("resque_queues", "resume", "mial")

    assert said == "Paused mial, which does not exist yet. Did you mean 'mail'?\n"
    assert listed.splitlines()[2] == "mial         0        0  paused"
    assert resumed == "Resumed mial.\n"


def test_a_star_pauses_all_workers_of_every_language(redis: Redis) -> None:
    enqueue_to("mail", jobs.untracked)
    run("resque_queues", "pause", "mail")

    paused, _ = run("resque_queues", "pause", "*")
    flag = redis.get("resque:pause-all-workers")
    mail, _ = run("resque_queues", "resume", "mail")
    run("resque_queues", "pause", "mail")
    resumed, _ = run("resque_queues", "resume", "*")

    assert (paused, flag) == ("Paused all workers.\n", b"true")
    assert mail == (
        "Resumed mail.\nAll workers are still paused: resque_queues resume '*' ends that.\n"
    )
    assert resumed == "Resumed all workers.\nStill paused by name: mail.\n"
    assert redis.exists("resque:pause-all-workers") == 0


def test_what_was_not_paused_is_said_and_fine() -> None:
    enqueue_to("mail", jobs.untracked)

    output, _ = run("resque_queues", "resume", "mail", "*")

    assert output == (
        "Nothing to resume: mail was not paused.\nNothing to resume: all workers were not paused.\n"
    )


UNDO = "Within an hour resque_queues restore QUEUE brings them back.\n"


def test_a_queue_is_cleared_and_keeps_its_name(redis: Redis) -> None:
    for _ in range(3):
        enqueue_to("mail", jobs.untracked)
    enqueue_to("low", jobs.untracked)
    enqueue_to("keep", jobs.untracked)

    output, _ = run("resque_queues", "clear", "mail", "low", "--yes")

    assert output == f"Cleared 3 jobs of mail.\nCleared 1 job of low.\n{UNDO}"
    assert redis.exists("resque:queue:mail", "resque:queue:low") == 0
    assert redis.llen("resque:queue:keep") == 1
    assert names(redis.smembers("resque:queues")) == ["keep", "low", "mail"]


def test_the_status_of_a_cleared_job_is_left_to_end_by_itself(redis: Redis) -> None:
    handle = enqueue_to("mail", jobs.note, "path")

    run("resque_queues", "clear", "mail", "--yes")

    assert handle.status == "waiting"
    assert 0 < redis.ttl(f"resque:job:{handle.id}:status") <= 7 * 86400


def test_what_was_cleared_is_brought_back_as_the_next_jobs(store: Store, redis: Redis) -> None:
    handle = enqueue_to("mail", jobs.note, "path")
    enqueue_to("mail", jobs.untracked)
    waiting = redis.lrange("resque:queue:mail", 0, -1)
    run("resque_queues", "clear", "mail", "--yes")
    aside = redis.ttl("resque:queues:cleared:mail")
    enqueue_to("mail", jobs.untracked)

    restored, _ = run("resque_queues", "restore", "mail")
    again, _ = run("resque_queues", "restore", "mail")

    assert restored == "Brought 2 jobs back to mail.\n"
    assert again.startswith("Nothing to bring back: mail was not cleared in the last hour")
    assert redis.lrange("resque:queue:mail", 0, 1) == waiting
    assert redis.llen("resque:queue:mail") == 3
    assert (aside, redis.ttl("resque:queue:mail")) == (3600, -1)
    assert handle.status == "waiting"
    assert handle.cancel()


def test_very_many_are_brought_back_in_their_order_and_in_small_steps(
    store: Store, redis: Redis
) -> None:
    redis.rpush("resque:queue:mail", *range(1200))
    store.clear_queue("mail")
    redis.rpush("resque:queue:mail", *range(1200, 2000))

    restored = store.restore_queue("mail")

    assert restored == 1200
    assert redis.lrange("resque:queue:mail", 0, -1) == [b"%d" % number for number in range(2000)]
    assert redis.keys("resque:queues:*") == []


def test_a_second_clear_says_what_it_drops_for_good(redis: Redis) -> None:
    for _ in range(2):
        enqueue_to("mail", jobs.untracked)
        run("resque_queues", "clear", "mail", "--yes")
    enqueue_to("mail", jobs.untracked)

    asking = refusal("resque_queues", "clear", "mail")

    assert asking.startswith(
        "This clears the jobs that wait: 1 of mail. It drops for good what was cleared there "
        "before: 1 of mail. "
    )


def test_what_was_cleared_is_brought_back_to_a_queue_that_is_forgotten(redis: Redis) -> None:
    enqueue_to("mail", jobs.untracked)
    run("resque_queues", "clear", "mail", "--yes")
    queues.remove("mail")

    restored, _ = run("resque_queues", "restore", "mail")

    assert restored == "Brought 1 job back to mail.\n"
    assert names(redis.smembers("resque:queues")) == ["mail"]


def test_nothing_is_cleared_where_nobody_can_be_asked(farm: Farm, redis: Redis) -> None:
    enqueue_to("mail", jobs.untracked)

    command = farm("resque_queues", "clear", "mail")

    assert command.ends() == 1
    assert command.output == (
        "CommandError: This clears the jobs that wait: 1 of mail. Nobody is there to be "
        "asked: say --yes to do it.\n"
    )
    assert redis.llen("resque:queue:mail") == 1


@pytest.mark.parametrize(
    ("answer", "code", "left"),
    [(b"y\n", 0, 0), (b"n\n", 1, 1), (b"\n", 1, 1), (b"\x03", 1, 1), (b"\x04", 1, 1)],
)
def test_a_person_is_asked_before_jobs_are_cleared(
    redis: Redis, answer: bytes, code: int, left: int
) -> None:
    enqueue_to("mail", jobs.untracked)
    ours, theirs = pty.openpty()
    words = [sys.executable, "-c", _ON_A_TERMINAL, os.ttyname(theirs), "resque_queues"]
    command = subprocess.Popen(
        [*words, "clear", "mail"],
        cwd=ROOT,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    said = b""
    try:
        while b"[y/N]" not in said:
            said += os.read(ours, 65536)
        os.write(ours, answer)
        ended = command.wait(DEADLINE)
        said += os.read(ours, 65536)
    finally:
        command.kill()
        command.wait()
        os.close(ours)

    assert b"This clears the jobs that wait: 1 of mail. Go on? [y/N] " in said
    assert (ended, redis.llen("resque:queue:mail")) == (code, left), said
    assert b"Traceback" not in said
    assert (b"Nothing was done." in said) == bool(left)


#: Makes the terminal the controlling one, so that Ctrl-C on it is a signal.
_ON_A_TERMINAL = """
import os, sys
os.close(os.open(sys.argv[1], os.O_RDWR))
os.execv(sys.executable, [sys.executable, "-m", "django", *sys.argv[2:]])
"""


def test_clearing_costs_the_same_at_any_length(store: Store, redis: Redis) -> None:
    redis.sadd("resque:queues", "mail")
    for _ in range(20):
        redis.rpush("resque:queue:mail", *["x"] * 10_000)
    redis.config_resetstat()

    output, _ = run("resque_queues", "clear", "mail", "--yes")

    calls = redis.info("commandstats")
    assert output == f"Cleared 200000 jobs of mail.\n{UNDO}"
    assert calls["cmdstat_unlink"]["calls"] == 1
    assert calls["cmdstat_unlink"]["usec"] + calls["cmdstat_llen"]["usec"] < 20_000


@pytest.mark.parametrize("action", ["list", "resume", "clear", "restore"])
def test_a_queue_that_does_not_exist_is_one_sentence(action: str) -> None:
    enqueue_to("mail", jobs.untracked)
    sure = ["--yes"] if action == "clear" else []

    near = refusal("resque_queues", action, "mial", *sure)
    far = refusal("resque_queues", action, "x", *sure)

    assert near == "There is no queue 'mial'. Did you mean 'mail'?"
    assert far == "There is no queue 'x'."


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["pause"], "pause needs the names of queues, separated by blanks."),
        (["clear", "--yes"], "clear needs the names of queues, separated by blanks."),
        (["pause", ""], "QUEUE must be the name of a queue, not ''. Is a variable empty?"),
        (["pause", "a:b"], "The queue name 'a:b' contains ':'. "),
        (["pause", "mail*"], "'mail*' is a pattern for the queues of workers: name one queue."),
        (["clear", "*", "--yes"], "clear takes the names of queues, one by one, and no '*'."),
        (["restore", "*"], "restore takes the names of queues, one by one, and no '*'."),
        (["list", "--yes"], "--yes goes with clear, not with list."),
        (["pause", "x", "--json"], "--json goes with list, not with pause."),
        (["drop", "x"], "invalid choice: 'drop'"),
    ],
)
def test_wrong_usage_is_one_sentence(redis: Redis, words: list[str], sentence: str) -> None:
    assert sentence in refusal("resque_queues", *words)

    assert redis.keys("*") == []


def test_odd_names_of_other_clients_can_be_handled(redis: Redis) -> None:
    for name in (b"a:b", b"\xff"):
        redis.sadd("resque:queues", name)
        redis.rpush(b"resque:queue:" + name, "x")

    paused, _ = run("resque_queues", "pause", "a:b", "\udcff")
    dropped, _ = run("resque_queues", "clear", "a:b", "\udcff", "--yes")

    assert paused == "Paused a:b.\nPaused \\udcff.\n"
    assert dropped == f"Cleared 1 job of a:b.\nCleared 1 job of \\udcff.\n{UNDO}"
    assert names(redis.keys("resque:queue:*")) == []


def test_a_redis_that_is_away_is_one_sentence(farm: Farm) -> None:
    command = farm("resque_queues", "list", REDIS_URL="unix:///no/redis.sock")

    assert command.ends() == 1
    (line,) = command.output.splitlines()
    assert line.startswith("CommandError: Redis at unix:///no/redis.sock?db=0 cannot be asked: ")


def test_a_user_without_a_name_may_pause() -> None:
    if os.getuid() != 0:
        pytest.skip("only root can become a user without a name")
    script = "import os; from django_resque import process; os.setuid(54321); print(process.user())"
    names_of_users = ("USER", "LOGNAME", "LNAME", "USERNAME")
    environment = {key: value for key, value in os.environ.items() if key not in names_of_users}

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("user 54321\n", "")


@pytest.mark.parametrize("command", ["resque_enqueue", "resque_queues"])
def test_help_names_every_flag_and_its_unit(farm: Farm, command: str) -> None:
    shown = farm(command, "--help", COLUMNS="200")

    assert shown.ends() == 0
    assert ("--in SECONDS" in shown.output) == (command == "resque_enqueue")
