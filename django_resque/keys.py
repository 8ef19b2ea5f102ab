"""
Every Redis key this package touches. No other module spells one.

The names under "shared" are a contract with Ruby Resque, php-resque, node-resque
and pyres: change one and the farms stop seeing each other. tests/test_keys.py
pins them. The names under "ours" are unknown to the others and harmless to them.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    """
    Key names under one namespace, which may be empty.

    >>> Keys("resque").queue("high")
    'resque:queue:high'
    >>> Keys("").queue("high")
    'queue:high'
    """

    namespace: str = "resque"

    # Shared with every Resque client.

    @property
    def queues(self) -> str:
        """SET of queue names; a name stays when its queue is empty."""
        return self._key("queues")

    def queue(self, name: str) -> str:
        """LIST of payloads: RPUSH to enqueue, LPOP to reserve."""
        return self._key("queue", name)

    @property
    def workers(self) -> str:
        """SET of worker ids, `host:pid:queue,queue`."""
        return self._key("workers")

    def worker(self, worker_id: str) -> str:
        """STRING, the reservation a worker holds; absent while it is idle."""
        return self._key("worker", worker_id)

    def started(self, worker_id: str) -> str:
        """STRING, when the worker registered: `2026-11-20 23:33:29 +0000`."""
        return self._key("worker", worker_id, "started")

    @property
    def heartbeats(self) -> str:
        """HASH of worker id to the time of its last beat, `2026-11-20T23:33:34Z`. Ruby reads it."""
        return self._key("workers", "heartbeat")

    @property
    def failed(self) -> str:
        """LIST of failures, oldest first."""
        return self._key("failed")

    def stat(self, name: str, worker_id: str = "") -> str:
        """STRING counter, `processed` or `failed`; of the farm or of one worker."""
        return self._key("stat", name, worker_id) if worker_id else self._key("stat", name)

    @property
    def pause_all(self) -> str:
        """STRING, `true` while all workers pause. Operators of Ruby set it by hand."""
        return self._key("pause-all-workers")

    # Shared with resque-scheduler.

    @property
    def schedule(self) -> str:
        """ZSET of due times: member and score are the same unix seconds."""
        return self._key("delayed_queue_schedule")

    def delayed(self, due: int | str) -> str:
        """LIST of the items due at these unix seconds."""
        return self._key(self.delayed_name(due))

    def delayed_name(self, due: int | str) -> str:
        """The same without the namespace: what resque-scheduler puts into `timestamps`."""
        return f"delayed:{due}"

    def timestamps(self, item: str) -> str:
        """SET of the delayed lists in which this item stands, by their `delayed_name`."""
        return self._key("timestamps", item)

    # Shared with php-resque.

    def status(self, job_id: str, prefix: str = "") -> str:
        """STRING, the status of one tracked job; `prefix` is php-resque's, mostly empty."""
        return self._key("job", f"{prefix}_{job_id}" if prefix else job_id, "status")

    @property
    def status_prefix(self) -> str:
        """What stands before the job id in `status`: a script meets ids only in payloads."""
        return self._key("job", "")

    # Ours.

    @property
    def leases(self) -> str:
        """HASH of worker id to its last beat, in ms of the server's clock. Only ids in it are
        ever given up by us: they are ours, and they beat."""
        return self._key("workers", "lease")

    @property
    def settled(self) -> str:
        """HASH of worker id to the token it settled last, so that a repeat is recognised."""
        return self._key("workers", "settled")

    @property
    def about(self) -> str:
        """HASH of worker id to JSON: the processes behind it, see `wire.About`."""
        return self._key("workers", "about")

    @property
    def orders(self) -> str:
        """HASH of worker id to the birth of the process that is meant and what it is ordered:
        to stop, now or after its job, to kill the job of a token, to pause or to go on."""
        return self._key("workers", "orders")

    @property
    def paused(self) -> str:
        """HASH of the name of a paused queue to JSON: since when, and by whom."""
        return self._key("queues", "paused")

    @property
    def cleared(self) -> str:
        """LIST of the failures that were cleared last, oldest first; kept for a while."""
        return self._key("failed", "cleared")

    def cleared_jobs(self, queue: str) -> str:
        """LIST of the payloads that were cleared from this queue last, the next one first; kept
        for a while. No queue has a key that begins so."""
        return self._key("queues", "cleared", queue)

    def figures(self, seconds: int, window: int) -> str:
        """HASH of series to counts, see figures.py: of so many seconds from this one on."""
        return self._key("figures", str(seconds), str(window))

    @property
    def lengths(self) -> str:
        """LIST of JSON, the newest first: how long the queues were, a minute apart."""
        return self._key("figures", "lengths")

    def figures_writer(self, writer: str) -> str:
        """STRING, the number of the last batch of figures that a supervisor has written."""
        return self._key("figures", "writer", writer)

    def pushed(self, job_id: str) -> str:
        """STRING, remembers for a while that an untracked or cancelled job was pushed."""
        return self._key("job", job_id, "pushed")

    def _key(self, *parts: str) -> str:
        return ":".join((self.namespace, *parts) if self.namespace else parts)
