"""
Redis rolls nothing back: each script does all or nothing, whatever stands at its keys, and a full
Redis can be drained but not filled. And whatever part of its writes is done, once or once more: no
job is lost. Every script is performed in a scene of its own.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from django_resque import connection, figures
from django_resque.about import About
from django_resque.failure import Failure
from django_resque.items import Item
from django_resque.outcome import Outcome
from django_resque.parcels import Parcel
from django_resque.recording import Recorder
from django_resque.scripts import script
from django_resque.store import Store, Take
from django_resque.wire import Payload, Reservation, raw
from tests.aof import commands
from tests.conftest import wait_for
from tests.contents import Contents, contents

SCRIPTS = Path(connection.__file__).parent / "scripts"
NAMES = sorted(path.stem for path in SCRIPTS.glob("[!_]*.lua"))

#: Those that add, and so must be refused by a full Redis; and those that only read.
ADDING = {"push", "delay", "register"}
READING = {"due", "look"}

WORKER, OTHER = "host:7:high,low", "host:8:high,low"
ABOUT = About("machine", 7, "1", 6, "0", "0.1.0")
DUE = 1000

#: The type of each key, by how it begins; the others are strings.
TYPES = {
    "queues:paused": "hash", "queues:cleared:": "list", "queues": "set", "queue:": "list",
    "failed": "list", "delayed:": "list", "delayed_queue_schedule": "zset", "timestamps:": "set",
    "workers:": "hash", "workers": "set", "figures:writer:": "string",
    "figures:lengths": "list", "figures:": "hash",
}  # fmt: skip

#: A value of each type, and how it is written.
WRITTEN: dict[str, tuple[str, ...]] = {
    "string": ("SET", "no number"),
    "list": ("RPUSH", "x"),
    "set": ("SADD", "x"),
    "hash": ("HSET", "x", "y"),
    "zset": ("ZADD", "1", "x"),
}

#: Their values are times of Redis' clock, of which nobody knows beforehand.
CLOCKED = ("workers:lease", "workers:heartbeat")

#: Everything, and of the keys whether they will end.
State = tuple[Contents, set[str]]


class Recording(Redis):
    """Notes which script is called, and how."""

    calls: list[tuple[str, list[bytes], list[Any]]]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.calls = []

    def evalsha(self, sha: str, numkeys: int, *words: Any) -> Any:
        name = next(each for each in NAMES if script(each).sha == sha)
        self.calls.append((name, list(words[:numkeys]), list(words[numkeys:])))
        return super().evalsha(sha, numkeys, *words)


@dataclass
class Scene:
    """A Redis before and after one call of a script."""

    plain: Redis  #: As what DUMP answers is no text.
    redis: Redis
    name: str
    keys: list[bytes]
    args: list[Any]
    before: dict[bytes, tuple[int, bytes]]  #: Of each key the ms it lives, and what DUMP answers.
    after: State

    def begin(self, key: bytes = b"", kind: str = "") -> State:
        """As it was; but a key is not there, or holds something of another type."""
        pipe: Any
        with self.plain.pipeline() as pipe:
            pipe.flushdb()
            for each, (lives, value) in self.before.items():
                pipe.restore(each, max(0, lives), value)
            if key:
                pipe.delete(key)
            if kind:
                pipe.execute_command(WRITTEN[kind][0], key, *WRITTEN[kind][1:])
            pipe.execute()
        return everything(self.redis)

    def call(self) -> str:
        """The error that it raised."""
        try:
            self.redis.eval(script(self.name).text, len(self.keys), *self.keys, *self.args)
        except ResponseError as error:
            return str(error)
        return ""

    def involved(self) -> list[bytes]:
        after = {raw(f"resque:{key}") for key in self.after[0]}
        return sorted({*self.keys, *self.before, *after})


def everything(redis: Redis) -> State:
    found, lives = contents(redis)
    return found, set(lives)


def timeless(state: State) -> State:
    """To be compared with another run: of a clock only who has beaten."""
    hidden = {
        key: (kind, sorted(value)) for key, (kind, value) in state[0].items() if key in CLOCKED
    }
    return state[0] | hidden, state[1]


def but(key: bytes, state: State) -> State:
    """Without that key."""
    name = key.decode("utf-8", "surrogateescape").removeprefix("resque:")
    found = {other: value for other, value in state[0].items() if other != name}
    return found, state[1] - {name}


def replay(redis: Any, effects: list[list[bytes]]) -> None:
    """Write what a script wrote, as Redis does when it reads its AOF: whatever may fail."""
    for words in effects:
        with suppress(ResponseError):
            redis.execute_command(*words)


def jobs(state: State, *, cleared: bool = False) -> set[str]:
    """Ids of the jobs that wait, are delayed, in hand or failed, and, if asked, were cleared."""
    found: set[str] = set()
    schedule: Any = state[0].get("delayed_queue_schedule", ("zset", {}))[1]
    for key, (kind, value) in state[0].items():
        place, _, name = key.partition(":")
        aside = key == "failed:cleared" or place == "queues"
        if kind != kind_of(key.encode()) or not (
            cleared if aside else place in ("queue", "delayed", "failed", "worker")
        ):
            continue
        if place != "delayed" or name in schedule:
            found.update(re.findall(r'"id":"([0-9a-f]{32})"', str(value)))
    return found


def kind_of(key: bytes) -> str:
    name = key.decode("utf-8", "replace").removeprefix("resque:")
    return next((kind for start, kind in TYPES.items() if name.startswith(start)), "string")


# The scenes. Each prepares, and answers the step.


def payload(number: int) -> Payload:
    return Payload.new("X", [number], f"{number:032x}", 1795218367.5)


def parcels(count: int, due: int | None = None, queue: str = "low") -> list[Parcel]:
    return [Parcel(queue, payload(at), track=at % 2 == 0, due=due) for at in range(count)]


def held(store: Store, waiting: int = 2) -> Reservation:
    store.register(WORKER, ABOUT)
    store.push(parcels(1 + waiting))
    found = store.reserve(take())
    assert isinstance(found, Reservation)
    return found


def take() -> Take:
    return Take.new(WORKER, ["high", "low"])


def failure(of: Reservation) -> Failure:
    return Failure.decode(Failure.of(ValueError("boom"), of, 1795218688.0).encode())


def failed(store: Store) -> Failure:
    found = held(store)
    wrong = failure(found)
    store.settle(found, Outcome(wrong))
    return wrong


def again(of: Reservation) -> Outcome:
    return Outcome(again=Item.again(of.queue, of.payload.with_attempt(2)), due=DUE)


def delayed(store: Store) -> list[Item]:
    jobs = parcels(2, DUE)
    store.push(jobs)
    return [Item.new("low", each.payload, track=each.track) for each in jobs]


Step = Callable[[], Any]


def pushing(store: Store) -> Step:
    jobs = [*parcels(2), Parcel("high", payload(2)), *parcels(4)[3:]]
    return lambda: store.push(jobs)


def delaying(store: Store) -> Step:
    jobs = [*parcels(2, DUE), *parcels(4, DUE + 1)[2:]]
    return lambda: store.push(jobs)


def seeing_what_is_due(store: Store) -> Step:
    delayed(store)
    words: list[str | int] = [store.keys.delayed(""), 100]
    return lambda: script("due")(store.redis, [store.keys.schedule], words)


def promoting(store: Store) -> Step:
    items = delayed(store)
    return lambda: store._promote(str(DUE), items)


def promoting_the_first(store: Store) -> Step:
    items = delayed(store)
    return lambda: store._promote(str(DUE), items[:1])


def forgetting_a_due_time(store: Store) -> Step:
    store._promote(str(DUE), delayed(store))
    return lambda: store._forget_due(str(DUE))


def promoting_to_the_failures(store: Store) -> Step:
    items = delayed(store)
    return lambda: store._move(str(DUE), items, {0})


def disowning(store: Store) -> Step:
    store.redis.zadd("resque:delayed_queue_schedule", {str(DUE): DUE})
    store.redis.set(f"resque:delayed:{DUE}", "no list")
    return lambda: store._disown(str(DUE))


def looking(store: Store) -> Step:
    keys = store.keys
    store.push(parcels(2))
    store.pause("high", "me")
    read = [keys.pause_all, keys.paused, keys.orders, keys.schedule, keys.queues]
    read += [keys.queue("high"), keys.queue("low")]
    return lambda: script("look")(store.redis, read, [len("resque:queue:") + 1, 1])


def registering(store: Store) -> Step:
    return lambda: store.register(WORKER, ABOUT)


def registering_after_a_crash(store: Store) -> Step:
    held(store)
    return lambda: store.register(WORKER, ABOUT)


def beating(store: Store) -> Step:
    store.register(WORKER, ABOUT)
    store.order_stop({OTHER: "1"})
    return lambda: store.beat({OTHER: ABOUT, WORKER: ABOUT})


def reserving(store: Store) -> Step:
    store.register(WORKER, ABOUT)
    store.push(parcels(2))
    return lambda: store.reserve(take())


def reserving_beside_a_pause(store: Store) -> Step:
    store.register(WORKER, ABOUT)
    store.push(parcels(2))
    store.push(parcels(3, queue="high")[2:])
    store.pause("high", "me")
    return lambda: store.reserve(take())


def settling_as_done(store: Store) -> Step:
    found = held(store)
    return lambda: store.settle(found, Outcome())


def settling_as_failed(store: Store) -> Step:
    found = held(store)
    return lambda: store.settle(found, Outcome(failure(found)))


def settling_and_taking(store: Store) -> Step:
    found = held(store)
    return lambda: store.settle(found, Outcome(failure(found)), take())


def settling_and_taking_beside_a_pause(store: Store) -> Step:
    found = held(store)
    store.pause("high", "me")
    return lambda: store.settle(found, Outcome(), take())


def settling_again(store: Store) -> Step:
    found = held(store)
    store.settle(found, Outcome())
    return lambda: store.settle(found, Outcome(), take())


def retrying(store: Store) -> Step:
    found = held(store)
    return lambda: store.settle(found, again(found))


def retrying_and_taking(store: Store) -> Step:
    found = held(store)
    return lambda: store.settle(found, again(found), take())


def putting_back(store: Store) -> Step:
    found = held(store)
    return lambda: store.put_back(found)


def giving_up_an_idle_worker(store: Store) -> Step:
    store.beat({WORKER: ABOUT, OTHER: ABOUT})
    return lambda: store.give_up(WORKER, None, None)


def giving_up_and_failing(store: Store) -> Step:
    found = held(store)
    store.beat({OTHER: ABOUT})
    lease = store.leases()[WORKER]
    return lambda: store.give_up(WORKER, found, Outcome(failure(found)), lease)


def giving_up_and_retrying(store: Store) -> Step:
    found = held(store)
    store.beat({OTHER: ABOUT})
    return lambda: store.give_up(WORKER, found, again(found))


def cancelling(store: Store) -> Step:
    store.push(parcels(2))
    return lambda: store.cancel("low", payload(0).raw, payload(0).id)


def cancelling_what_is_delayed(store: Store) -> Step:
    item = Item.new("low", payload(0), track=True)
    store.push(parcels(2, DUE))
    return lambda: store.cancel_delayed(str(DUE), item)


def hastening(store: Store) -> Step:
    item = Item.new("low", payload(0), track=True)
    store.push(parcels(2, DUE))
    return lambda: store.hasten(str(DUE), item)


def ordering(store: Store) -> Step:
    store.order_stop({WORKER: "1"})
    return lambda: store.order_stop({WORKER: "1", OTHER: "2"}, now=True)


def requeueing(store: Store) -> Step:
    wrong = failed(store)
    return lambda: store.requeue(wrong)


def requeueing_from_the_depth(store: Store) -> Step:
    wrong = failed(store)
    bury(store)
    return lambda: store.requeue_each([(wrong, 10_000)])


def discarding(store: Store) -> Step:
    wrong = failed(store)
    return lambda: store.discard(wrong)


def discarding_from_the_depth(store: Store) -> Step:
    wrong = failed(store)
    bury(store)
    return lambda: store.discard_each([(wrong, 10_000)])


def clearing(store: Store) -> Step:
    store.redis.rpush("resque:failed:cleared", "before")
    failed(store)
    return store.clear_failures


def clearing_a_queue(store: Store) -> Step:
    store.redis.rpush("resque:queues:cleared:low", "before")
    store.push(parcels(2))
    return lambda: store.clear_queue("low", 1)


def clearing_a_queue_again(store: Store) -> Step:
    store.redis.rpush("resque:queues:cleared:low", "before")
    store.push(parcels(2))
    return lambda: store.clear_queue("low", 0)


def restoring(store: Store) -> Step:
    for _ in range(2):
        failed(store)
    store.clear_failures()
    failed(store)
    return lambda: script("restore")(
        store.redis, ["resque:failed", "resque:failed:cleared"], [500, 3600]
    )


def restoring_a_queue(store: Store) -> Step:
    store.push(parcels(2))
    store.clear_queue("low")
    keys = ["resque:queue:low", "resque:queues:cleared:low", "resque:queues"]
    return lambda: script("restore")(store.redis, keys, [500, 3600, "low"])


def restoring_step_by_step(store: Store) -> Step:
    store.push(parcels(3))
    store.clear_queue("low")
    store.push(parcels(6))
    keys = ["resque:queue:low", "resque:queues:cleared:low", "resque:queues"]
    return lambda: script("restore")(store.redis, keys, [2, 3600, "low"])


def recording_figures(store: Store) -> Step:
    recorder = Recorder()
    recorder.add({("low", "A"): {figures.PROCESSED: 1}})
    recorder.write(store)
    recorder.add({("low", "A"): {figures.PROCESSED: 1}, ("low", "B"): {figures.FAILED: 1}})
    # Nothing is written in a minute that is not the one of the call.
    wait_for(lambda: store.redis.time()[0] % 60 < 55, "the minute will last")
    return lambda: recorder.write(store)


def measuring(store: Store) -> Step:
    store.push(parcels(2))
    store.redis.rpush("resque:figures:lengths", "earlier")
    return lambda: script("measure")(
        store.redis, ["resque:figures:lengths"], ["earlier", "now", 5, 360]
    )


def measuring_too_late(store: Store) -> Step:
    store.redis.rpush("resque:figures:lengths", "faster", "earlier")
    return lambda: script("measure")(
        store.redis, ["resque:figures:lengths"], ["earlier", "now", 5, 360]
    )


def bury(store: Store) -> None:
    """So deep that it is not looked for from an end."""
    for push in (store.redis.lpush, store.redis.rpush):
        push("resque:failed", *["x"] * 10_000)


SCENES = [
    pushing, delaying, seeing_what_is_due, promoting, promoting_the_first,
    promoting_to_the_failures, forgetting_a_due_time, disowning, looking, registering,
    registering_after_a_crash, beating, reserving, reserving_beside_a_pause, settling_as_done,
    settling_as_failed, settling_and_taking, settling_and_taking_beside_a_pause, settling_again,
    retrying, retrying_and_taking, putting_back, giving_up_an_idle_worker,
    giving_up_and_failing, giving_up_and_retrying, cancelling, cancelling_what_is_delayed,
    hastening, ordering, requeueing, requeueing_from_the_depth, discarding,
    discarding_from_the_depth, clearing, clearing_a_queue, clearing_a_queue_again, restoring,
    restoring_a_queue, restoring_step_by_step, recording_figures, measuring, measuring_too_late,
]  # fmt: skip


@pytest.fixture
def recording(redis_url: str) -> Iterator[Recording]:
    client = Recording(connection_pool=connection.url_pool(redis_url))
    yield client
    client.connection_pool.disconnect()


@pytest.fixture(params=SCENES, ids=lambda each: each.__name__)
def scene(request: pytest.FixtureRequest, redis: Redis, recording: Recording) -> Scene:
    step = request.param(Store(recording))
    found: Any = redis.keys("*")
    before: Any = {key: (redis.pttl(key), redis.dump(key)) for key in found}
    recording.calls = []
    step()
    call, *_ = recording.calls  # The next one would forget the due time of a delayed job.
    return Scene(redis, recording, *call, before, everything(recording))


def test_every_script_has_a_scene(redis: Redis, recording: Recording) -> None:
    played = set()
    for each in SCENES:
        redis.flushdb()
        step = each(Store(recording))
        recording.calls = []
        step()
        played.add(recording.calls[0][0])

    assert played == set(NAMES)


def test_a_key_of_a_wrong_type_stops_a_script_before_it_writes_or_not_at_all(scene: Scene) -> None:
    """
    Not at all: then it did nothing, or the same as if nothing stood at that key, or
    something of the right type.
    """
    offences = []
    for key in scene.involved():
        if scene.name == "disown" and key == scene.keys[0]:
            continue  # A wrong type there is what it is for.
        others = []
        for kind in ("", kind_of(key)):
            scene.begin(key, kind)
            scene.call()
            others.append(timeless(but(key, everything(scene.redis))))
        for kind in WRITTEN.keys() - {kind_of(key)}:
            before = scene.begin(key, kind)
            error = scene.call()
            after = everything(scene.redis)
            if after != before and (error or timeless(but(key, after)) not in others):
                offences.append((key.decode(), kind, error))

    assert offences == []


def test_a_full_redis_refuses_what_adds_and_nothing_else(scene: Scene) -> None:
    before = scene.begin()
    scene.redis.config_set("maxmemory", 1)
    try:
        error = scene.call()
    finally:
        scene.redis.config_set("maxmemory", 0)

    after = everything(scene.redis)
    if scene.name in ADDING and scene.after != before:
        assert re.search("OOM|maxmemory", error)
        assert after == before
    else:
        assert error == ""
        assert timeless(after) == timeless(scene.after)


@pytest.fixture(scope="module")
def aof(redis: Redis, redis_directory: Path) -> Iterator[Callable[[], bytes]]:
    """From now on the server writes an AOF; answers what has come since the last time."""
    redis.config_set("appendfsync", "no")  # Or it might write later, after a sync.
    redis.config_set("appendonly", "yes")
    wait_for(lambda: not redis.info("persistence")["aof_rewrite_in_progress"], "it is written")
    (path,) = [*redis_directory.glob("appendonlydir/*.incr.aof"), *redis_directory.glob("*.aof")]
    seen = 0

    def written() -> bytes:
        nonlocal seen
        redis.ping()  # What was asked before has been written.
        text = path.read_bytes()[seen:]
        seen += len(text)
        return text

    written()  # What it began with.
    yield written
    redis.config_set("appendonly", "no")


def test_no_job_is_lost_whatever_part_of_a_step_is_written_once_more(
    scene: Scene, aof: Callable[[], bytes]
) -> None:
    """
    A Redis that dies while it writes a step to its AOF may later take the first part of it for
    done: at the start after the next one, where it reads what came then behind that part. So
    every job must be somewhere after each write, and also when the step is done once more.
    """
    cleared = scene.name == "restore"  # What is cleared is to be dropped, at last.
    before = jobs(scene.begin(), cleared=cleared)
    aof()
    assert scene.call() == ""
    effects = commands(aof())
    kept = before & jobs(everything(scene.redis), cleared=cleared)

    lost = []
    for count in range(len(effects) + 1):
        for more in ([], effects):
            scene.begin()
            replay(scene.plain, [*effects[:count], *more])
            if missing := kept - jobs(everything(scene.redis), cleared=cleared):
                lost.append((count, bool(more), effects[:count], missing))
    assert lost == []


def test_a_due_time_is_not_forgotten_by_half_a_step(
    redis: Redis, recording: Recording, aof: Callable[[], bytes]
) -> None:
    """Another client that delays to the same second meanwhile does not write the time once more."""
    store = Store(recording)
    items = delayed(store)
    first = commands(aof())
    store._promote(str(DUE), items)
    half = commands(aof())
    redis.flushdb()
    replay(redis, first)
    aof()
    redis.rpush(f"resque:delayed:{DUE}", payload(7).raw)
    redis.zadd("resque:delayed_queue_schedule", {str(DUE): DUE})
    then = commands(aof())
    assert b"ZADD" not in [words[0].upper() for words in then]

    redis.flushdb()
    replay(redis, [*first, *half, *then])

    assert payload(7).id in jobs(everything(recording))


def test_a_list_that_is_brought_back_once_more_replaces_none(
    redis: Redis, recording: Recording, aof: Callable[[], bytes]
) -> None:
    """Done once more, and then by the step that brought the others back."""
    store = Store(recording)
    store.push(parcels(2))
    store.clear_queue("low")
    first = commands(aof())
    store.restore_queue("low")
    half = commands(aof())
    redis.flushdb()
    replay(redis, first)
    store.push([Parcel("low", payload(7))])
    aof()
    store.restore_queue("low")
    then = commands(aof())

    redis.flushdb()
    replay(redis, [*first, [b"RPUSH", b"resque:queue:low", payload(7).raw.encode()], *half, *then])

    found = jobs(everything(recording), cleared=True)
    assert found == {payload(number).id for number in (0, 1, 7)}


def test_a_time_without_a_list_is_in_the_set_until_it_is_among_the_failures(
    redis: Redis, recording: Recording, aof: Callable[[], bytes]
) -> None:
    step = disowning(Store(recording))
    first = commands(aof())
    step()
    effects = commands(aof())

    for count in range(len(effects) + 1):
        redis.flushdb()
        replay(redis, [*first, *effects[:count]])
        assert redis.exists("resque:delayed_queue_schedule", "resque:failed")


@pytest.mark.parametrize("delays", ["a push", "a retry", "giving up"])
def test_what_is_delayed_to_a_time_that_is_there_writes_it_once_more(
    redis: Redis, recording: Recording, aof: Callable[[], bytes], delays: str
) -> None:
    """Before Redis 7 a forgotten time is half a step too, as its one command stands in MULTI."""
    store = Store(recording)
    forgotten = [b"ZREM", b"resque:delayed_queue_schedule", b"%d" % DUE]
    of = held(store)
    redis.zadd("resque:delayed_queue_schedule", {str(DUE): DUE})
    aof()
    if delays == "a push":
        store.push([Parcel("low", payload(number), due=DUE) for number in (7, 8)])
    elif delays == "a retry":
        store.settle(of, again(of))
    else:
        store.give_up(WORKER, of, again(of))
    then = commands(aof())
    score = redis.zscore("resque:delayed_queue_schedule", str(DUE))

    redis.zadd("resque:delayed_queue_schedule", {str(DUE): DUE})
    redis.delete(f"resque:delayed:{DUE}")
    replay(redis, [forgotten, *then])

    assert score == redis.zscore("resque:delayed_queue_schedule", str(DUE)) == DUE


def test_what_takes_ends_moves_or_beats_begins_with_a_pop_or_a_delete() -> None:
    assert {name: first_write(name) for name in NAMES} == {
        "beat": "HDEL",
        "cancel": "LREM",
        "clear": "UNLINK",
        "delay": "RPUSH",
        "discard": "LTRIM",
        "disown": "ZREM",
        "due": None,
        "forget_due": "ZREM",
        "give_up": "DEL",
        "hasten": "SREM",
        "look": None,
        "measure": "LTRIM",
        "order": "HDEL",
        "promote": "SREM",
        "push": "SADD",
        "put_back": "HDEL",
        "record": "DEL",
        "register": "SADD",
        "requeue": "LTRIM",
        "reserve": "HDEL",
        "restore": "EXPIRE",
        "retry": "HDEL",
        "settle": "HDEL",
    }


def test_those_that_add_and_no_others_are_refused_at_their_first_write(redis: Any) -> None:
    """Redis itself tells which commands it refuses when it is full."""
    refused = set()
    for name in NAMES:
        if command := first_write(name):
            (found,) = redis.execute_command("COMMAND", "INFO", command).values()
            refused |= {name} if "denyoom" in found["flags"] else set()

    assert refused == ADDING


#: Commands in our scripts that only read.
READS = {
    "EXISTS", "GET", "HEXISTS", "HGET", "HLEN", "LINDEX", "LLEN", "LPOS", "LRANGE", "SCARD",
    "SMEMBERS", "TIME", "ZCARD", "ZRANGE", "ZRANGEBYSCORE", "ZSCORE",
}  # fmt: skip

FUNCTION = re.compile(r"^local function (\w+)\(.*?\)\n(.*?)^end$", re.MULTILINE | re.DOTALL)


def first_write(name: str) -> str | None:
    """The first command of a script's text that writes, its functions put where they are called."""
    code = re.sub(r"--[^\n]*", "", script(name).text)
    functions: dict[str, str] = dict(FUNCTION.findall(code))
    code = FUNCTION.sub("", code)
    for _ in functions:
        code = re.sub(r"\b(\w+)(?=\()", lambda call: functions.get(call[1], call[1]), code)
    commands = re.findall(r"redis\.p?call\('(\w+)'", code)
    return next((each for each in commands if each not in READS), None)
