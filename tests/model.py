"""
What the scripts do, in plain Python: a farm of dictionaries and lists.

Knows nothing of Lua, of Redis or of our package, only the keys and texts of the protocol. It
says by tokens who holds what, where the scripts compare texts, and reads payloads as JSON, where
they look for an id by a pattern. tests/test_model.py holds both against each other.
"""

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tests.contents import Contents

WEEK, MINUTES, DAY, HOUR = 7 * 86400, 600, 86400, 3600

WAITING, RUNNING, FAILED, COMPLETE = 1, 2, 3, 4

#: How deep a failure is in the list from which on it is emptied and not removed, and how far it
#: may have moved meanwhile. The scripts are given the same: see `test_model.Watched`.
NEAR, SHIFT = 2, 1


class Job(NamedTuple):
    """A job on its way: as its queue will have it, and as the delayed set will."""

    queue: str
    payload: str
    id: str = ""
    item: str = ""
    due: int | None = None
    track: bool = True


class Held(NamedTuple):
    """A job in a worker's hands."""

    queue: str
    token: str
    at: int
    payload: str

    def record(self, worker: str) -> str:
        """Ruby's record with our token in it; the payload as it was, or as a JSON string."""
        payload = self.payload
        if not (payload[:1] == "{" and payload[-1:] == "}"):
            payload = f'"{"".join(map(escaped, payload))}"'
        at = datetime.fromtimestamp(self.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        host_and_pid = worker.rpartition(":")[0]
        return (
            f'{{"queue":{compact(self.queue)},"run_at":"{at}","worker":"{host_and_pid}",'
            f'"token":"{self.token}","payload":{payload}}}'
        )


class Done(NamedTuple):
    result: str = "null"


class Failed(NamedTuple):
    failure: str


#: How a reservation ends; a job is one that is to be tried again.
End = Done | Failed | Job


@dataclass
class Model:
    """One method is one step. `now` is the clock of whoever takes it."""

    now: int = 0
    lists: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    sets: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    hashes: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    strings: dict[str, str] = field(default_factory=dict)
    counters: Counter[str] = field(default_factory=Counter)
    schedule: set[int] = field(default_factory=set)
    held: dict[str, Held] = field(default_factory=dict)
    expiries: dict[str, int] = field(default_factory=dict)
    becomes: dict[str, Job] = field(default_factory=dict)  #: Delayed items.
    entered: Counter[str] = field(default_factory=Counter)  #: Marks of jobs that were enqueued,
    ended: Counter[str] = field(default_factory=Counter)  #: and of those that are over.

    def state(self) -> Contents:
        """As Redis has it: what is empty is not there."""
        found: Contents = {f"worker:{each}": ("string", self.record(each)) for each in self.held}
        found |= {key: ("string", text) for key, text in self.strings.items()}
        found |= {f"stat:{key}": ("string", str(number)) for key, number in self.counters.items()}
        found |= {key: ("list", items) for key, items in self.lists.items() if items}
        found |= {key: ("set", members) for key, members in self.sets.items() if members}
        found |= {key: ("hash", fields) for key, fields in self.hashes.items() if fields}
        if self.schedule:
            scores = {str(due): str(due) for due in self.schedule}
            found["delayed_queue_schedule"] = ("zset", scores)
        return found

    def record(self, worker: str) -> str:
        return self.held[worker].record(worker)

    # Enqueueing.

    def push(self, jobs: list[Job]) -> int:
        """Into queues, or into the delayed set: each once."""
        return sum(map(self.push_one, jobs))

    def push_one(self, job: Job) -> bool:
        key, pushed = f"job:{job.id}:status", f"job:{job.id}:pushed"
        if key in self.strings or pushed in self.strings:
            return False
        self.entered[mark_of(job.payload)] += 1
        if job.due is None:
            self.append(job.queue, job.payload)
        else:
            self.delay(job)
        if job.track:
            lives = max(0, (job.due or 0) - self.now) + WEEK
            self.write(key, status(WAITING, self.now, self.now), lives)
        else:
            self.write(pushed, "1", MINUTES)
        return True

    def delay(self, job: Job) -> None:
        assert job.due is not None
        self.becomes[job.item] = job
        self.lists[f"delayed:{job.due}"].append(job.item)
        self.sets[f"timestamps:{job.item}"].add(f"delayed:{job.due}")
        self.schedule.add(job.due)

    def first_due(self) -> tuple[int, list[str]] | None:
        """The first step of promoting: what is due, by the server's clock."""
        due = min(self.schedule, default=self.now + 1)
        return None if due > self.now else (due, list(self.lists[f"delayed:{due}"]))

    def promote(self, due: int, items: list[str]) -> int:
        """The second: what still stands at the head, as others may have been faster."""
        delayed, moved = self.lists[f"delayed:{due}"], 0
        for item in items:
            if delayed[:1] == [item]:
                job = self.becomes[delayed.pop(0)]
                self.append(job.queue, job.payload)
                self.sets[f"timestamps:{item}"].discard(f"delayed:{due}")
                self.mark(job.payload, WAITING, WEEK)
                moved += 1
        return moved

    def forget_due(self, due: int | None) -> None:
        """The third, which also ends what takes a delayed job out."""
        if due is not None and not self.lists[f"delayed:{due}"]:
            self.schedule.discard(due)

    def cancel(self, job: Job, behind: int) -> bool:
        """Of those that are the same to the byte, the first from the end that is nearer."""
        where, text = place(job)
        if text not in self.lists[where]:
            return False
        self.remove(where, text, last=behind * 2 < len(self.lists[where]))
        self.strings.pop(status_key(job.payload), None)
        self.over(job.payload)
        if job.id and (job.track or job.due is None):  # Others stand there without an id.
            self.write(f"job:{job.id}:pushed", "1", MINUTES)
        if job.due is not None:
            self.sets[f"timestamps:{job.item}"].discard(where)
        self.forget_due(job.due)
        return True

    def hasten(self, job: Job, behind: int) -> str:
        """Its time has come, says somebody."""
        where, text = place(job)
        if text not in self.lists[where]:
            return "gone"
        self.remove(where, text, last=behind * 2 < len(self.lists[where]))
        self.append(job.queue, job.payload)
        self.sets[f"timestamps:{text}"].discard(where)
        self.mark(job.payload, WAITING, WEEK)
        self.forget_due(job.due)
        return "done"

    # Workers.

    def register(self, worker: str, about: str, lease: int) -> Held | None:
        """`lease` is the server's clock, in ms. The job of an earlier life is in the way."""
        if worker in self.held:
            return self.held[worker]
        started = datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%d %H:%M:%S +0000")
        self.strings[f"worker:{worker}:started"] = started
        self.beat_for(worker, about, lease)
        return None

    def beat(self, abouts: dict[str, str], lease: int) -> dict[str, str]:
        for worker, about in abouts.items():
            started = datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%d %H:%M:%S +0000")
            self.strings.setdefault(f"worker:{worker}:started", started)
            self.beat_for(worker, about, lease)
        orders = self.hashes["workers:orders"]
        return {worker: orders[worker] for worker in abouts if worker in orders}

    def order(self, worker: str, birth: str, word: str) -> None:
        """Beside what the same process was ordered before."""
        words = self.hashes["workers:orders"].get(worker, birth).split()
        words = words if words[0] == birth else [birth]
        if word.startswith(("pause:", "resume:")) and word not in words:
            words = [each for each in words if not each.startswith(("pause:", "resume:"))]
        self.hashes["workers:orders"][worker] = " ".join([*words, *({word} - set(words))])

    def beat_for(self, worker: str, about: str, lease: int) -> None:
        beat = datetime.fromtimestamp(lease // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.sets["workers"].add(worker)
        self.hashes["workers:lease"][worker] = str(lease)
        self.hashes["workers:heartbeat"][worker] = beat
        self.hashes["workers:about"][worker] = about

    def reserve(self, worker: str, queues: tuple[str, ...], token: str, at: int) -> Held | str:
        """The same job again for the same token."""
        if held := self.held.get(worker):
            return held if held.token == token and held.queue in queues else "held"
        if worker not in self.hashes["workers:lease"]:
            return "unregistered"
        if self.paused_all:
            return "paused"
        for queue in queues:
            waiting = self.lists[f"queue:{queue}"]
            if waiting and queue not in self.hashes["queues:paused"]:
                self.held[worker] = Held(queue, token, at, waiting.pop(0))
                self.mark(self.held[worker].payload, RUNNING, WEEK, at=at)
                return self.held[worker]
        return "idle"

    def settle(self, worker: str, token: str, end: End, at: int) -> bool:
        """False if it is not this worker's any more. True, too, if it settled it just before."""
        held = self.held.get(worker)
        if not held or held.token != token:
            return self.hashes["workers:settled"].get(worker) == token
        del self.held[worker]
        self.hashes["workers:settled"][worker] = token
        if not isinstance(end, Job):
            self.counters[f"processed:{worker}"] += 1
        if isinstance(end, Failed):
            self.counters[f"failed:{worker}"] += 1
        self.end(held, end, at)
        return True

    def end(self, held: Held, end: End, at: int) -> None:
        if isinstance(end, Job):
            self.counters["retried"] += 1
            self.delay(end)
            self.mark(held.payload, WAITING, max(0, (end.due or 0) - self.now) + WEEK, at=at)
            return
        self.counters["processed"] += 1
        if isinstance(end, Failed):
            self.counters["failed"] += 1
            self.lists["failed"].append(end.failure)
            self.mark(held.payload, FAILED, DAY, at=at)
        else:
            self.over(held.payload)
            self.mark(held.payload, COMPLETE, DAY, end.result, at)

    def put_back(self, worker: str, seen: Held) -> bool:
        """At the front of its queue, at no cost; only if it is still the job that was seen."""
        held = self.held.get(worker)
        if not held or held != seen:
            return self.hashes["workers:settled"].get(worker) == seen.token
        del self.held[worker]
        self.hashes["workers:settled"][worker] = seen.token
        self.sets["queues"].add(held.queue)
        self.lists[f"queue:{held.queue}"].insert(0, held.payload)
        self.mark(held.payload, WAITING, WEEK)
        return True

    def give_up(self, worker: str, seen: Held | None, end: End | None, lease: str) -> str:
        """Only if lease and job are still those that were seen."""
        if lease and self.hashes["workers:lease"].get(worker, lease) != lease:
            return "alive"
        if self.held.get(worker) != seen:
            return "changed"
        if seen and end:
            del self.held[worker]
            self.end(seen, end, self.now)
        self.forget(worker)
        return "gone"

    def forget(self, worker: str) -> None:
        self.sets["workers"].discard(worker)
        self.strings.pop(f"worker:{worker}:started", None)
        for name in ("lease", "heartbeat", "about", "orders", "settled"):
            self.hashes[f"workers:{name}"].pop(worker, None)
        for name in ("processed", "failed"):
            del self.counters[f"{name}:{worker}"]

    def look(self, queues: tuple[str, ...]) -> tuple[int, bool]:
        """How many wait for who may take them, and whether any job is delayed."""
        free = set(queues) - self.hashes["queues:paused"].keys()
        jobs = 0 if self.paused_all else sum(len(self.lists[f"queue:{each}"]) for each in free)
        return jobs, bool(self.schedule)

    @property
    def paused_all(self) -> bool:
        return self.strings.get("pause-all-workers", "").lower() == "true"

    # Failures.

    def requeue(self, failure: str, queue: str, payload: str, place: int) -> str:
        answer = self.withdraw(failure, place)
        if answer != "gone":
            self.append(queue, payload)
            self.mark(payload, WAITING, WEEK)
        return answer

    def discard(self, failure: str, place: int) -> str:
        answer = self.withdraw(failure, place)
        if answer != "gone":
            self.over(failure)
        return answer

    def withdraw(self, failure: str, place: int) -> str:
        """By its content. Near an end it is removed, deep in the list an empty one replaces it."""
        failed = self.lists["failed"]
        behind = len(failed) - 1 - place
        if place >= NEAR and behind >= NEAR:
            for at in range(place, max(place - SHIFT, 0) - 1, -1):
                if failed[at] == failure:
                    failed[at] = ""
                    return "emptied"
            return "gone"
        if failure not in failed:
            return "gone"
        self.remove("failed", failure, last=not 0 <= place < behind)
        return "done"

    def sweep(self) -> int:
        empty = self.lists["failed"].count("")
        self.lists["failed"] = [each for each in self.lists["failed"] if each]
        return empty

    def clear_failures(self) -> int:
        """What was put aside before is dropped."""
        failed = self.lists.pop("failed", [])
        if failed:
            self.over(*self.lists.pop("failed:cleared", []))
            self.lists["failed:cleared"] = failed
            self.expiries["failed:cleared"] = self.now + HOUR
        return len(failed)

    def restore_failures(self) -> int:
        """Before what has failed since."""
        restored = self.lists.pop("failed:cleared", [])
        self.lists["failed"] = restored + self.lists["failed"]
        return len(restored)

    # Queues.

    def pause(self, queue: str, by: str) -> None:
        at = datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.hashes["queues:paused"][queue] = compact({"at": at, "by": by})

    def resume(self, queue: str) -> bool:
        return self.hashes["queues:paused"].pop(queue, None) is not None

    def clear_queue(self, queue: str, before: int) -> int | None:
        """What was put aside before is dropped, if the caller knows of it."""
        waiting, aside = self.lists[f"queue:{queue}"], f"queues:cleared:{queue}"
        if waiting and len(self.lists[aside]) != before:
            return None
        if waiting:
            self.over(*self.lists.pop(aside))
            self.lists[aside] = self.lists.pop(f"queue:{queue}")
            self.expiries[aside] = self.now + HOUR
        return len(waiting)

    def restore_queue(self, queue: str) -> int:
        """Before what was pushed since."""
        restored = self.lists.pop(f"queues:cleared:{queue}", [])
        if restored:
            self.lists[f"queue:{queue}"] = restored + self.lists[f"queue:{queue}"]
            self.sets["queues"].add(queue)
        return len(restored)

    def remove_queue(self, queue: str) -> int:
        self.sets["queues"].discard(queue)
        dropped = self.lists.pop(f"queue:{queue}", [])
        self.over(*dropped)
        return len(dropped)

    # What several steps do.

    def append(self, queue: str, payload: str) -> None:
        self.sets["queues"].add(queue)
        self.lists[f"queue:{queue}"].append(payload)

    def remove(self, key: str, text: str, *, last: bool) -> None:
        items = self.lists[key]
        del items[len(items) - 1 - items[::-1].index(text) if last else items.index(text)]

    def over(self, *texts: str) -> None:
        self.ended.update(filter(None, map(mark_of, texts)))

    def mark(
        self, payload: str, code: int, lives: int, result: str = "null", at: int | None = None
    ) -> None:
        """A worker never begins to track."""
        key = status_key(payload)
        if before := self.strings.get(key):
            started = json.loads(before)["started"]
            self.write(key, status(code, self.now if at is None else at, started, result), lives)

    def write(self, key: str, text: str, lives: int) -> None:
        self.strings[key] = text
        self.expiries[key] = self.now + lives


def place(job: Job) -> tuple[str, str]:
    """The list in which it waits, and its text there."""
    if job.due is None:
        return f"queue:{job.queue}", job.payload
    return f"delayed:{job.due}", job.item


def status(code: int, updated: int, started: int, result: str = "null") -> str:
    return f'{{"status":{code},"updated":{updated},"started":{started},"result":{result}}}'


def status_key(payload: str) -> str:
    prefix = str(fields_of(payload).get("prefix") or "")
    return f"job:{prefix}{'_' if prefix else ''}{id_of(payload)}:status"


def id_of(payload: str) -> str:
    return str(fields_of(payload).get("id", ""))


def mark_of(text: str) -> str:
    """What tells a job in whatever it stands: its arguments have it."""
    found = re.search(r"#\d+#", text)
    return found[0] if found else ""


def fields_of(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


#: What a JSON string has a letter for, as cjson writes it: a slash too.
LETTERS = dict(zip('"\\/\b\f\n\r\t', '"\\/bfnrt', strict=True))


def escaped(char: str) -> str:
    if char in LETTERS:
        return f"\\{LETTERS[char]}"
    return f"\\u{ord(char):04x}" if ord(char) < 0x20 or char == "\x7f" else char
