"""What an operator may do: retry once, stop only what is ours."""

import pytest
from redis import Redis

from django_resque import control, monitor
from django_resque.store import Store


def digest(store: Store) -> str:
    (row,) = monitor.failures(store).rows
    return row.digest


def test_a_failure_is_retried_once(store: Store, redis: Redis) -> None:
    redis.rpush("resque:failed", '{"payload":{"class":"X","args":[]},"queue":"mail"}')
    found = digest(store)

    first = control.retry(store, found, 0)
    second = control.retry(store, found, 0)

    assert first is not None
    assert first.failure.queue == "mail"
    assert second is None
    assert redis.lrange("resque:queue:mail", 0, -1) == [b'{"class":"X","args":[]}']


def test_a_failure_without_a_queue_stays(store: Store, redis: Redis) -> None:
    redis.rpush("resque:failed", '{"payload":{"class":"X","args":[]}}')

    assert control.retry(store, digest(store), 0) is None

    assert redis.llen("resque:failed") == 1
    assert redis.keys("resque:queue*") == []


@pytest.mark.parametrize("field", ["queue", "id"])
def test_a_lone_surrogate_in_a_name_is_no_obstacle(store: Store, redis: Redis, field: str) -> None:
    fields = {"queue": "mail", "id": "1", field: r"\ud800"}
    redis.rpush(
        "resque:failed",
        f'{{"payload":{{"class":"X","id":"{fields["id"]}"}},"queue":"{fields["queue"]}"}}',
    )

    assert control.retry(store, digest(store), 0) is not None

    assert redis.llen("resque:failed") == 0


def test_those_that_are_gone_are_told_from_those_that_are_left(store: Store) -> None:
    assert control.gone(store, ["h:1:q"], 0) == set()


def test_stopping_nobody_does_nothing(store: Store, redis: Redis) -> None:
    control.stop(store, [])

    assert redis.keys("*") == []
