"""Looking never writes: each view on the data, as a Redis user who may only read."""

import inspect
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError

from django_resque import conf, contents, details, doctor, listing, monitor, search
from django_resque.about import About
from django_resque.failure import Failure
from django_resque.outcome import Outcome
from django_resque.parcels import Parcel
from django_resque.rows import Page
from django_resque.store import Store, Take
from django_resque.wire import Payload, Reservation
from tests.contents import contents as everything

WORKER, ABOUT = "host:7:mail", About("machine", 7, "1", 6, "0", "0.1.0")
ID = "0" * 31 + "1"
DUE = 4102444800
ALL = search.Filter(queue="mail")
EMPTY = contents.Queue("mail", True, None, False, 0, None, 0, 1.0, Page([], 0, 1, 25))

#: Every public function of the windows that is given a store, with what else it is given.
VIEWS: dict[Callable[..., Any], tuple[Any, ...]] = {
    monitor.overview: (),
    monitor.status: (ID,),
    monitor.failures: (),
    monitor.failure: ("0" * 40, 0),
    monitor.chosen: ({"0" * 40: 0},),
    monitor.worker: (WORKER,),
    contents.queue: ("mail",),
    contents.cleared: (["mail"],),
    contents.fronts: (["mail"], 1.0),
    contents.row: (EMPTY,),
    contents.waiting: ("mail", "0" * 40, 0, 0),
    contents.matching: ("mail", "x", 1, str),
    details.delayed: (),
    details.due: (str(DUE),),
    details.delayed_job: (str(DUE), "0" * 40),
    details.job: (ID,),
    details.groups: (ALL, 1000),
    search.search: (ALL,),
    search.matching: (ALL,),
    search.count: (ALL,),
    search.find: (["0" * 40],),
    listing.queues: (),
    listing.size: ("mail",),
    listing.window: ("mail", 0, 10),
    listing.waiting: ("mail",),
    listing.due_times: (),
    listing.delayed: (str(DUE),),
    listing.all_delayed: (),
    doctor.examine: (),
    doctor.advice: (),
}

#: What a view asks although the reader may not: it says "unknown" then.
UNKNOWN = {"time"}
OF_THE_DOCTOR = {"time", "info", "config"}


def functions(module: ModuleType) -> Iterator[Callable[..., Any]]:
    for name, found in inspect.getmembers(module, inspect.isfunction):
        given_a_store = "store" in inspect.signature(found).parameters
        if found.__module__ == module.__name__ and given_a_store and not name.startswith("_"):
            yield found


def test_every_view_is_tried() -> None:
    windows = monitor, contents, details, search, listing, doctor

    assert {each for module in windows for each in functions(module)} == VIEWS.keys()


@pytest.fixture
def filled(store: Store, redis: Redis) -> Store:
    """A little of everything."""
    store.register(WORKER, ABOUT)
    for number, due in enumerate([None, None, None, DUE]):
        payload = Payload.new("X", [number], f"{number:032x}", 1.0)
        store.push([Parcel("mail", payload, due=due)])
    store.pause("slow", "me")
    for outcome in (lambda held: Outcome(Failure.of(ValueError("boom"), held, time.time())), None):
        held = store.reserve(Take.new(WORKER, ["mail"]))
        assert isinstance(held, Reservation)
        if outcome:
            store.settle(held, outcome(held))
    return store


@pytest.mark.parametrize("view", VIEWS, ids=lambda each: f"{each.__module__}.{each.__name__}")
def test_a_view_asks_nothing_that_a_reader_may_not(
    view: Callable[..., Any], filled: Store, redis: Redis, request: pytest.FixtureRequest
) -> None:
    before = everything(filled.redis)[0]
    request.getfixturevalue("as_reader")
    redis.acl_log_reset()

    answer = view(conf.store(), *VIEWS[view])
    if inspect.isgenerator(answer):
        list(answer)

    denied: Any = redis.acl_log()
    refused = {str(each["object"]).lower().partition("|")[0] for each in denied}
    assert refused <= (OF_THE_DOCTOR if view in (doctor.examine, doctor.advice) else UNKNOWN)
    assert everything(filled.redis)[0] == before


def test_the_reader_may_not_write(as_reader: None) -> None:
    with pytest.raises(NoPermissionError):
        conf.store().pause_all()
