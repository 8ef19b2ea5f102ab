"""
The scripts against a model of them in plain Python: random interleavings of several workers,
supervisors, producers, operators and clients of other languages, with crashes and lost replies.
After each step everything in Redis equals the model's, byte for byte.
"""

import os
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from django_resque import connection, wire
from django_resque.about import About
from django_resque.doorbell import Doorbell, Seen
from django_resque.failure import Failure
from django_resque.items import Item
from django_resque.keys import Keys
from django_resque.outcome import Outcome
from django_resque.parcels import Call, Parcel
from django_resque.scripts import Script, script
from django_resque.store import Store, Take
from django_resque.wire import Payload, Reservation
from tests import model
from tests.contents import Contents, contents
from tests.model import Done, End, Failed, Held, Job, Model, mark_of

#: `CHAOS=full`, as `tox run -e chaos` has it, takes minutes.
FULL = os.environ.get("CHAOS") == "full"

#: Reduced, the same examples each time, and one that fails is shown as it is, because it takes
#: minutes to find a smaller one. At full size other examples each time.
SETTINGS = hypothesis.settings(
    max_examples=3000 if FULL else 80,
    stateful_step_count=50,
    deadline=None,
    derandomize=not FULL,
    phases=[hypothesis.Phase.generate, *[hypothesis.Phase.shrink] * FULL],
    suppress_health_check=list(hypothesis.HealthCheck),
)

WORKERS = ["host:1:*", "host:2:*", "other:1:mail"]
QUEUES = ["mail", "low", 'é"\\']
ABOUT = About("machine", 7, "1", 6, "0", "0.1.0")
PAST, FUTURE = (1000, 1001), 4102444800
FAILED_AT = 1795218688.0

#: What is enqueued in one step: queue, due, tracked. Due at once, or all of them later.
DUES: list[list[int | None]] = [[None], [None], [*PAST, FUTURE]]
ORDERS = st.sampled_from(DUES).flatmap(
    lambda dues: st.lists(
        st.tuples(st.sampled_from(QUEUES), st.sampled_from(dues), st.booleans()),
        min_size=1,
        max_size=6,
    )
)

#: The queues that a worker takes from, in their order.
LISTENED = st.lists(st.sampled_from(QUEUES), min_size=1, unique=True).map(tuple)

ALL = st.permutations(QUEUES).map(tuple)

#: What supervisors may be ordered to do with a worker.
ORDERED = ["stop", "now", "kill:token", "pause:a", "pause:b", "resume:c"]

#: How a job in a worker's hands ends; due times are of one that is tried again.
ENDS: list[str | int] = ["done", "failed", "failed", "put back", *PAST, FUTURE]

#: What becomes of workers: seen by a supervisor, given up as they were last seen, and so on.
FATES = ["crashes", "seen", "seen", "given up", "given up to be tried again", "interrupted"]

#: Who does the next thing; how a job in its hands ends, or what happens to the worker instead;
#: what it takes then; whether the reply is lost.
TURNS = st.lists(
    st.tuples(
        st.sampled_from(WORKERS),
        st.sampled_from([*ENDS, *FATES]),
        ALL | ALL | LISTENED | st.just(()),
        st.sampled_from([False, False, True]),
    ),
    min_size=1,
    max_size=10,
)

#: What is done to which of the failures that are shown, and whether their places are known.
WITHDRAWN = st.lists(
    st.tuples(st.sampled_from(["requeue", "discard"]), st.integers(0, 30), st.booleans()),
    min_size=1,
    max_size=6,
)

#: What is done to all failures.
ASIDE = ["sweep", "clear_failures", "restore_failures"]

#: Texts that other clients, or nobody in their senses, push.
FOREIGN = [
    '{"class":"X","args":["MARK"]}',
    '{"class": "X", "args": [[], 12345678901234567890, "é\\/\\u00e9", "MARK"]}',
    '{"class":"X","args":["MARK"],"id":"ID","prefix":"","queue_time":1795217895.618012}',
    '{"class":"X","args":["MARK"],"id":"ID","prefix":"shop","queue_time":1795217895.618012}',
    '{"class":"X","args":["MARK"],"id":"ID"}',
    '"MARK"\\ \x01\x7f\udcff',
    "{bad MARK}",
]


class Interrupted(Exception):
    """A promoter, between its steps."""


class Watched(Store):
    """
    A store whose failed list is deep at the length of a few, and whose promoters can be
    stopped between their three steps.
    """

    looked: tuple[int, list[str]] | None = None

    def first_due(self) -> tuple[int, list[str]] | None:
        self.looked = None
        with suppress(Interrupted):
            self.promote()
        return self.looked

    def move(self, due: int, items: list[str]) -> int:
        return super()._promote(str(due), list(map(Item.read, items)))

    def forget_due(self, due: int) -> None:
        self._forget_due(str(due))

    def _promote(self, due: str, items: list[Item]) -> int:
        self.looked = int(due), [item.raw for item in items]
        raise Interrupted

    def _each(self, name: str, calls: list[Call]) -> Any:
        text = script(name).text
        for constant, value in (("NEAR = 10000", model.NEAR), ("SHIFT = 20", model.SHIFT)):
            assert constant in text
            text = text.replace(constant, f"{constant.split()[0]} = {value}")
        return [Script(text, "0" * 40)(self.redis, *call) for call in calls]


def of(choices: Callable[[Any], Sequence[Any]]) -> st.SearchStrategy[Any]:
    """One of what there is to choose from at that moment."""
    return st.runner().flatmap(lambda machine: st.sampled_from(choices(machine)))


class Interleavings(RuleBasedStateMachine):
    """
    Each rule is a step that somebody takes. What a worker knows is what it was answered: of a
    lost reply nothing, and then it asks the same again.
    """

    pushes = Bundle("pushes")
    promoters = Bundle("promoters")

    def __init__(self, store: Watched, bell: Doorbell) -> None:
        super().__init__()
        self.store, self.bell = store, bell
        self.model = Model()
        self.found: Contents = {}
        self.jobs: list[Job] = []
        self.number = 0
        self.shown: list[tuple[Failure, int]] = []
        self.looks: dict[str, tuple[Reservation | None, str]] = {}
        self.foreign = {""}  # Marks of jobs whose status others have to tell.
        self.hands: dict[str, Reservation] = {}
        self.unanswered: dict[str, Callable[[], Reservation | None]] = {}
        self.last: object = None
        store.redis.flushdb()

    # How a step is compared.

    def step(self, act: Callable[[], Any], told: Callable[[Model], Any]) -> Any:
        """Take a step; then answers and everything in Redis must be what the model says."""
        began = int(time.time())
        answer = act()
        self.found, lives = contents(self.store.redis)
        ended = int(time.time())
        for now in range(began, ended + 1):  # Mostly one.
            next_model = self.model if now == ended else deepcopy(self.model)
            next_model.now = now
            expected = told(next_model)
            if plain(answer) == expected and self.found == next_model.state():
                break
        self.model, self.last = next_model, None
        assert plain(answer) == expected
        assert self.found == next_model.state()
        assert lives == pytest.approx(
            {key: at for key, at in next_model.expiries.items() if key in self.found}, abs=2
        )
        self.nothing_is_in_neither_place()
        self.statuses_tell_the_truth()
        return answer

    def ask(self, worker: str, step: Callable[[], Reservation | None], *, lost: bool) -> None:
        held = step()
        self.hands.pop(worker, None)
        self.unanswered.pop(worker, None)
        if lost:
            self.unanswered[worker] = step
        elif held:
            self.hands[worker] = held
        self.last = step

    def clock(self) -> int:
        seconds, micros = self.store.redis.time()
        return int(seconds) * 1000 + int(micros) // 1000

    def lease(self, since: int) -> int:
        """Of a beat after that moment, by Redis' clock. Which ms it was only Redis knows."""
        leases = self.found.get("workers:lease", ("hash", {}))[1]
        return max(since, *map(int, leases.values()), since)

    # Invariants that need no model.

    def nothing_is_in_neither_place(self) -> None:
        standing: Counter[str] = Counter()
        for key, (kind, value) in self.found.items():
            record = key.startswith("worker:") and not key.endswith(":started")
            texts = value if kind == "list" else [value] if record else []
            standing.update(filter(None, map(mark_of, texts)))

        assert standing + self.model.ended == self.model.entered

    def statuses_tell_the_truth(self) -> None:
        codes = {"queue": 1, "delayed": 1, "worker": 2, "failed": 3}
        for key, (kind, value) in self.found.items():
            code = codes.get(key.partition(":")[0])
            if code is None or key.endswith(":started"):
                continue
            for text in value if kind == "list" else [value]:
                if mark_of(text) not in self.foreign:
                    status = self.found.get(model.status_key(payload_in(key, text)))
                    assert not status or status[1].startswith(f'{{"status":{code},'), (key, text)

    # Producers.

    def job(self, queue: str, due: int | None, *, track: bool) -> tuple[Parcel, Job]:
        self.number += 1
        mark, job_id = f"#{self.number}#", f"{self.number:032x}"
        payload = Payload.new("X", [mark, []], job_id, 1795218367.5)
        shown = f'"class":"X","args":["{mark}",[]]'
        item = f'{{{shown},"queue":{model.compact(queue)}'
        item += f',"id":"{job_id}","queue_time":1795218367.5}}' if track else "}"
        raw = payload.raw if track or due is None else f"{{{shown}}}"
        found = Job(queue, raw, job_id, item if due else "", due, track)
        self.jobs.append(found)
        return Parcel(queue, payload, track, due), found

    @rule(target=pushes, wanted=ORDERS)
    def push(self, wanted: list[tuple[str, int | None, bool]]) -> Any:
        made = [self.job(queue, due, track=track) for queue, due, track in wanted]
        parcels, jobs = [parcel for parcel, _ in made], [job for _, job in made]
        self.step(lambda: self.store.push(parcels), lambda farm: farm.push(jobs))
        return parcels, jobs

    @rule(pushed=pushes)
    def push_again(self, pushed: tuple[list[Parcel], list[Job]]) -> None:
        """Its reply was lost. Nothing is pushed a second time, be it cancelled meanwhile."""
        parcels, jobs = pushed
        self.step(lambda: self.store.push(parcels), lambda farm: farm.push(jobs))

    @rule(
        job=of(lambda self: self.standing() or self.jobs),
        behind=st.integers(0, 3),
        twins=st.booleans(),
    )
    def cancel(self, job: Job, behind: int, twins: bool) -> None:
        if job.due is not None:
            self.step(
                lambda: self.store.cancel_delayed(str(job.due), Item.read(job.item), behind),
                lambda farm: farm.cancel(job, behind),
            )
            return
        if twins:
            self.double(job.queue, job.payload)
        self.step(
            lambda: self.store.cancel(job.queue, job.payload, job.id, behind),
            lambda farm: farm.cancel(job, behind),
        )

    @rule(job=of(lambda self: self.delayed()), behind=st.integers(0, 3))
    def hasten(self, job: Job, behind: int) -> None:
        item = Item.read(job.item)
        self.step(
            lambda: self.store.hasten(str(job.due), item, behind),
            lambda farm: farm.hasten(job, behind),
        )

    # Workers.

    @initialize()
    def begin(self) -> None:
        for worker in WORKERS:
            self.make_known(worker)
        self.push([(queue, None, True) for queue in QUEUES] + [("mail", None, False)])
        self.push([("mail", FUTURE, True)])
        for form in FOREIGN[3:]:
            self.foreign_push("low", form, track=True)

    @precondition(lambda self: self.strangers())
    @rule(worker=of(lambda self: self.strangers()), lost=st.booleans())
    def register(self, worker: str, lost: bool) -> None:
        for _ in range(1 + lost):
            self.make_known(worker)

    def make_known(self, worker: str) -> None:
        since = self.clock()
        self.step(
            lambda: self.store.register(worker, ABOUT),
            lambda farm: farm.register(worker, ABOUT.encode(), self.lease(since)),
        )

    @precondition(lambda self: self.filled() or self.busy())
    @rule(turns=TURNS)
    def work(self, turns: list[tuple[str, str | int, tuple[str, ...], bool]]) -> None:
        """Each does what it has to do next, and hears the reply or does not."""
        for worker, kind, queues, lost in turns:
            if kind in FATES:
                self.meet(worker, str(kind), watched=lost)
            elif worker in self.unanswered:
                self.ask_again(worker, lost=lost)
            elif worker not in self.hands:
                self.reserve(worker, queues or tuple(QUEUES), lost=lost)
            elif kind == "put back":
                self.put_back(worker, lost=lost)
            else:
                self.settle(worker, kind, queues, lost=lost)

    # Rules are drawn by their names: this one more often.
    work_b = work_c = work_d = work_e = work_f = work_g = work_h = work

    def reserve(self, worker: str, queues: tuple[str, ...], *, lost: bool) -> None:
        take = Take.new(worker, queues)

        def step() -> Reservation | None:
            found = self.step(lambda: self.store.reserve(take), lambda farm: taken(farm, take))
            return found if isinstance(found, Reservation) else None

        self.ask(worker, step, lost=lost)
        if worker not in self.model.hashes["workers:lease"]:
            self.make_known(worker)  # As it was told, or will be.

    def settle(self, worker: str, kind: str | int, queues: tuple[str, ...], *, lost: bool) -> None:
        held = self.hands[worker]
        outcome, end = self.ending(held, kind)
        take = Take.new(worker, queues) if queues else None

        def told(farm: Model) -> tuple[bool, Any]:
            settled = farm.settle(worker, held.token, end, int(take.now) if take else farm.now)
            return settled, taken(farm, take) if take else "idle"

        def step() -> Reservation | None:
            _, found = self.step(lambda: self.store.settle(held, outcome, take), told)
            return found if isinstance(found, Reservation) else None

        self.ask(worker, step, lost=lost)

    def put_back(self, worker: str, *, lost: bool) -> None:
        held = self.hands[worker]

        def step() -> None:
            self.step(
                lambda: self.store.put_back(held),
                lambda farm: farm.put_back(worker, plain(held)),
            )

        self.ask(worker, step, lost=lost)

    def ask_again(self, worker: str, *, lost: bool) -> None:
        step, before = self.unanswered[worker], self.found
        at_once = self.last is step

        self.ask(worker, step, lost=lost)

        assert not at_once or self.found == before

    # Supervisors.

    @rule(
        workers=st.lists(st.sampled_from(WORKERS), unique=True),
        order=st.none() | st.tuples(st.sampled_from("12"), st.sampled_from(ORDERED)),
        queues=LISTENED,
        failover=st.booleans(),
    )
    def turn(
        self,
        workers: list[str],
        order: tuple[str, str] | None,
        queues: tuple[str, ...],
        failover: bool,
    ) -> None:
        if failover:  # The new master has no scripts.
            self.store.redis.script_flush()
        if order:
            self.order(WORKERS[:2], *order)
        self.beat(workers)
        self.look(queues)

    def order(self, workers: list[str], birth: str, word: str) -> None:
        def act() -> None:
            if word.startswith("kill"):
                self.store.order_kill(workers[0], birth, "token")
            elif pauses := re.match("(pause|resume):(.*)", word):
                paused = pauses[1] == "pause"
                self.store.order_pause(workers[0], birth, pauses[2], paused=paused)
            else:
                self.store.order_stop(dict.fromkeys(workers, birth), now=word == "now")

        def told(farm: Model) -> None:
            for worker in workers[:1] if ":" in word else workers:
                farm.order(worker, birth, word)

        self.step(act, told)

    def beat(self, workers: list[str]) -> None:
        abouts = dict.fromkeys(workers, replace(ABOUT, paused=len(workers) > 1))
        texts = {worker: about.encode() for worker, about in abouts.items()}
        since = self.clock()
        self.step(lambda: self.store.beat(abouts), lambda farm: farm.beat(texts, self.lease(since)))

    def look(self, queues: tuple[str, ...]) -> None:
        seen = self.step(lambda: self.bell.look(queues, names=True), lambda farm: farm.look(queues))
        assert sorted(seen.names) == sorted(self.model.sets["queues"])

    def meet(self, worker: str, fate: str, *, watched: bool) -> None:
        if fate == "crashes":  # What it knew is lost; in Redis all is as before.
            self.hands.pop(worker, None)
            self.unanswered.pop(worker, None)
        elif fate == "seen":  # It may be otherwise by the time that somebody acts on it.
            lease = self.store.leases().get(worker, "")
            self.looks[worker] = self.store.in_hand(worker), lease
        elif worker in self.looks:
            held, lease = self.looks[worker]
            if fate == "interrupted":
                self.put_back_for(worker, held)
            else:
                kind = "failed" if fate == "given up" else PAST[0]
                self.give_up(worker, held, lease if watched else "", kind)

    def give_up(self, worker: str, held: Reservation | None, lease: str, kind: str | int) -> None:
        outcome, end = self.ending(held, kind) if held else (None, None)
        self.step(
            lambda: self.store.give_up(worker, held, outcome, lease),
            lambda farm: farm.give_up(worker, plain(held), end, lease),
        )

    def put_back_for(self, worker: str, held: Reservation | None) -> None:
        """By the supervisor, which has killed it."""
        self.hands.pop(worker, None)
        self.unanswered.pop(worker, None)
        if held:
            self.step(
                lambda: self.store.put_back(held), lambda farm: farm.put_back(worker, plain(held))
            )

    @precondition(lambda self: self.model.schedule)
    @rule(target=promoters)
    def see_what_is_due(self) -> Any:
        return self.step(self.store.first_due, Model.first_due) or multiple()

    @rule(looked=promoters)
    def promote(self, looked: tuple[int, list[str]]) -> None:
        self.step(lambda: self.store.move(*looked), lambda farm: farm.promote(*looked))

    @rule(looked=promoters)
    def forget_due(self, looked: tuple[int, list[str]]) -> None:
        due = looked[0]
        self.step(lambda: self.store.forget_due(due), lambda farm: farm.forget_due(due))

    # Clients of other languages.

    @rule(queue=st.sampled_from(QUEUES), form=st.sampled_from(FOREIGN), track=st.booleans())
    def foreign_push(self, queue: str, form: str, track: bool) -> None:
        self.number += 1
        mark, job_id = f"#{self.number}#", f"{self.number:032x}"
        payload = form.replace("MARK", mark).replace("ID", job_id)
        status = model.status(1, 1795217895, 1795217895)

        def act() -> None:
            self.store.redis.rpush(wire.raw(f"resque:queue:{queue}"), wire.raw(payload))
            if track and "ID" in form:
                self.store.redis.set(f"resque:{model.status_key(payload)}", status)

        def told(farm: Model) -> None:
            farm.lists[f"queue:{queue}"].append(payload)
            farm.entered[mark] += 1
            if track and "ID" in form:
                farm.strings[model.status_key(payload)] = status

        self.step(act, told)

    @precondition(lambda self: self.filled())
    @rule(queue=of(lambda self: self.filled()))
    def foreign_pop(self, queue: str) -> None:
        """By a worker of Ruby or Node, which keeps it."""

        def told(farm: Model) -> str:
            payload = farm.lists[f"queue:{queue}"].pop(0)
            farm.over(payload)
            return payload

        self.step(lambda: self.store.redis.lpop(wire.raw(f"resque:queue:{queue}")), told)

    def double(self, queue: str, payload: str) -> None:
        """By a client that has heard no reply, or by hand: one more at either end."""
        key = wire.raw(f"resque:queue:{queue}")

        def act() -> None:
            self.store.redis.lpush(key, wire.raw(payload))
            self.store.redis.rpush(key, wire.raw(payload))

        def told(farm: Model) -> None:
            farm.lists[f"queue:{queue}"] = [payload, *farm.lists[f"queue:{queue}"], payload]
            farm.entered[mark_of(payload)] += 2

        self.foreign.add(mark_of(payload))
        self.step(act, told)

    @precondition(lambda self: self.model.held)
    @rule(worker=of(lambda self: sorted(self.model.held)))
    def foreign_prune(self, worker: str) -> None:
        """Ruby's workers do that to those whose heartbeat is old; and fail the job as theirs."""
        redis = self.store.redis
        record = self.model.held.get(worker)
        failure = record and f'{{"payload":{model.compact(record.payload)},"queue":"mail"}}'

        def act() -> None:
            if failure:
                redis.rpush("resque:failed", wire.raw(failure))
            redis.srem("resque:workers", worker)
            redis.hdel("resque:workers:heartbeat", worker)
            redis.delete(f"resque:worker:{worker}", f"resque:worker:{worker}:started")

        def told(farm: Model) -> None:
            if failure:
                farm.lists["failed"].append(failure)
            farm.sets["workers"].discard(worker)
            farm.hashes["workers:heartbeat"].pop(worker, None)
            farm.strings.pop(f"worker:{worker}:started", None)
            farm.held.pop(worker, None)

        self.foreign.add(mark_of(failure or ""))
        self.step(act, told)

    @rule(count=st.integers(1, 6))
    def foreign_failures(self, count: int) -> None:
        """Twice one, as two jobs of Ruby may fail alike within a second."""
        self.number += 1
        payload = FOREIGN[0].replace("MARK", f"#{self.number}#")
        raws = [f'{{"payload":{payload},"error":"{at % 3}","queue":"low"}}' for at in range(count)]

        self.foreign.add(f"#{self.number}#")

        def told(farm: Model) -> None:
            farm.lists["failed"] += raws
            farm.entered[f"#{self.number}#"] += count

        self.step(lambda: self.store.redis.rpush("resque:failed", *raws) and None, told)

    @precondition(lambda self: self.failed())
    @rule(place=of(lambda self: self.failed()))
    def foreign_removal(self, place: int) -> None:
        """Ruby's dashboard empties a failure by its place, and sweeps later."""

        def told(farm: Model) -> None:
            farm.over(farm.lists["failed"][place])
            farm.lists["failed"][place] = ""

        self.step(lambda: self.store.redis.lset("resque:failed", place, "") and None, told)

    # Operators.

    @precondition(lambda self: not self.paused())
    @rule(queue=st.sampled_from([*QUEUES, "*"]), word=st.sampled_from(["true", "TRUE", "True"]))
    def pause(self, queue: str, word: str) -> None:
        """Everything by hand, too, in any case. Then all who are free look for work."""
        if queue == "*":
            self.pause_all(word)
        else:
            self.step(lambda: self.store.pause(queue, "me"), lambda farm: farm.pause(queue, "me"))
        for worker in WORKERS:
            if worker not in self.hands | self.unanswered:
                self.reserve(worker, tuple(QUEUES), lost=False)

    @precondition(lambda self: self.paused())
    @rule()
    def resume(self) -> None:
        for queue in QUEUES:
            self.step(partial(self.store.resume, queue), partial(Model.resume, queue=queue))
        self.pause_all("")

    def pause_all(self, word: str) -> None:
        def act() -> None:
            self.store.resume_all()
            if word == "true":
                self.store.pause_all()
            elif word:
                self.store.redis.set("resque:pause-all-workers", word)

        def told(farm: Model) -> None:
            farm.strings.pop("pause-all-workers", None)
            if word:
                farm.strings["pause-all-workers"] = word

        self.step(act, told)

    @precondition(lambda self: self.filled())
    @rule(
        queue=of(lambda self: self.filled()),
        sure=st.sampled_from([False, False, False, False, False, True]),
    )
    def remove_queue(self, queue: str, sure: bool) -> None:
        if sure:
            self.step(lambda: self.store.remove_queue(queue), lambda farm: farm.remove_queue(queue))

    @precondition(lambda self: self.filled() or self.cleared())
    @rule(
        queue=of(lambda self: self.cleared() or self.filled()),
        acts=st.lists(st.sampled_from(["clear", "again", "push", "restore"]), max_size=4),
    )
    def clear_queue(self, queue: str, acts: list[str]) -> None:
        """And again, as its reply was lost; and bring back what was cleared."""
        before = 0
        for act in acts:
            if act == "push":
                self.foreign_push(queue, FOREIGN[0], track=False)
            elif act == "restore":
                self.step(
                    lambda: self.store.restore_queue(queue), lambda farm: farm.restore_queue(queue)
                )
            else:
                if act == "clear":
                    before = len(self.model.lists[f"queues:cleared:{queue}"])
                self.step(
                    partial(self.store.clear_queue, queue, before),
                    partial(Model.clear_queue, queue=queue, before=before),
                )

    @precondition(lambda self: self.failed())
    @rule(withdrawn=WITHDRAWN, anew=st.booleans())
    def withdraw(self, withdrawn: list[tuple[str, int, bool]], anew: bool) -> None:
        """Some of those that a page shows; by then others may have acted, or they have moved."""
        if anew or not self.shown:
            failed = self.model.lists["failed"]
            self.shown = [(Failure.decode(failed[at]), at) for at in self.failed()]
        for verb, number, known in withdrawn:
            failure, place = self.shown[number % len(self.shown)]
            if verb == "requeue":
                self.requeue(failure, place if known else -1)
            else:
                self.discard(failure, place if known else -1)

    def requeue(self, failure: Failure, place: int) -> None:
        payload = failure.original
        self.step(
            lambda: self.store.requeue_each([(failure, place)])[0],
            lambda farm: farm.requeue(failure.raw, failure.queue, payload, place),
        )

    def discard(self, failure: Failure, place: int) -> None:
        self.step(
            lambda: self.store.discard_each([(failure, place)])[0],
            lambda farm: farm.discard(failure.raw, place),
        )

    @precondition(lambda self: self.model.lists["failed"] or self.model.lists["failed:cleared"])
    @rule(verbs=st.lists(st.sampled_from([*ASIDE, "fail"]), min_size=1, max_size=5))
    def put_aside(self, verbs: list[str]) -> None:
        for verb in verbs:
            if verb == "fail":
                self.foreign_failures(3)
            else:
                self.step(getattr(self.store, verb), getattr(Model, verb))

    # What rules choose from, and how jobs end.

    def strangers(self) -> list[str]:
        """Workers that are to register: they did not yet, or are the heirs of one that crashed."""
        left = self.model.held.keys() - set(self.busy())
        leases = self.model.hashes["workers:lease"]
        return [each for each in WORKERS if each not in leases or each in left]

    def busy(self) -> list[str]:
        return sorted(self.hands | self.unanswered)

    def delayed(self) -> list[Job]:
        """That stand in the delayed set, or did."""
        found = [job for job in self.standing() if job.item]
        return found or [job for job in self.jobs if job.item]

    def standing(self) -> list[Job]:
        """Jobs that wait or are delayed as they were enqueued."""
        places = [(job, *model.place(job)) for job in self.jobs]
        return [job for job, where, text in places if text in self.model.lists[where]]

    def paused(self) -> bool:
        return self.model.paused_all or bool(self.model.hashes["queues:paused"])

    def filled(self) -> list[str]:
        return [each for each in QUEUES if self.model.lists[f"queue:{each}"]]

    def cleared(self) -> list[str]:
        return [each for each in QUEUES if self.model.lists[f"queues:cleared:{each}"]]

    def failed(self) -> list[int]:
        """Places in the failed list. Empty elements are passed over."""
        return [at for at, each in enumerate(self.model.lists["failed"]) if each]

    def ending(self, held: Reservation, kind: str | int) -> tuple[Outcome, End]:
        """An outcome, and the same for the model. What cannot be read is not tried again."""
        if kind == "done":
            return Outcome(result='{"a":[]}'), Done('{"a":[]}')
        payload = held.payload
        if kind == "failed" or payload.problem:
            failure = Failure.of(ValueError("boom"), held, FAILED_AT)
            return Outcome(failure), Failed(failure.encode())
        payload = payload.with_attempt(payload.attempt + 1)
        again = Item.again(held.queue, payload)
        job = Job(held.queue, payload.raw, payload.id, again.raw, int(kind))
        self.jobs.append(job)
        return Outcome(again=again, due=int(kind)), job


def taken(farm: Model, take: Take) -> Held | str:
    return farm.reserve(take.worker_id, take.queues, take.token, int(take.now))


def plain(answer: Any) -> Any:
    """An answer of the store as the model gives it."""
    match answer:
        case Reservation():
            at = datetime.fromisoformat(answer.run_at).timestamp()
            return Held(answer.queue, answer.token, int(at), answer.payload.raw)
        case tuple() if not isinstance(answer, Held):
            return tuple(map(plain, answer))
        case Seen():
            return answer.jobs, answer.due is not None
    return answer


def payload_in(key: str, text: str) -> str:
    """Of an element of a queue, of the delayed set or of the failed list, or of a record."""
    if key.startswith("failed"):
        return Failure.decode(text).original
    if key.startswith("worker:"):
        return Reservation.read("", text).payload.raw
    return text


@pytest.mark.timeout(3600 if FULL else 300)
def test_the_scripts_do_what_the_model_says(redis_url: str) -> None:
    pool = connection.url_pool(redis_url)
    store, bell = Watched(connection.client(pool)), Doorbell(pool, Keys())
    bell.works = False  # It looks all the same.

    build: Any = partial(Interleavings, store, bell)  # Any: the annotation wants a class.
    run_state_machine_as_test(build, settings=SETTINGS)
