"""The names of keys: a contract with every other client of the family."""

from django_resque.keys import Keys


def test_the_shared_names_are_the_familys() -> None:
    keys = Keys("resque")

    assert keys.queues == "resque:queues"
    assert keys.queue("mail") == "resque:queue:mail"
    assert keys.workers == "resque:workers"
    assert keys.worker("h:1:mail") == "resque:worker:h:1:mail"
    assert keys.started("h:1:mail") == "resque:worker:h:1:mail:started"
    assert keys.heartbeats == "resque:workers:heartbeat"
    assert keys.failed == "resque:failed"
    assert keys.stat("processed") == "resque:stat:processed"
    assert keys.stat("failed", "h:1:mail") == "resque:stat:failed:h:1:mail"
    assert keys.status("abc") == "resque:job:abc:status"
    assert keys.status("abc", "shop") == "resque:job:shop_abc:status"


def test_a_status_is_its_prefix_and_the_id() -> None:
    keys = Keys("resque")

    assert f"{keys.status_prefix}abc:status" == keys.status("abc")


def test_an_empty_namespace_leaves_no_colon() -> None:
    assert Keys("").queue("mail") == "queue:mail"
    assert Keys("").status_prefix == "job:"


def test_no_queue_has_a_key_of_ours() -> None:
    for namespace in ("resque", ""):
        keys = Keys(namespace)
        ours = {keys.paused, keys.cleared_jobs("mail"), keys.queues, keys.cleared_jobs("")}
        for name in ("mail", "cleared:mail", "mail:cleared", "s:cleared:mail", "*", ""):
            assert keys.queue(name) not in ours
            assert keys.cleared_jobs(name) not in (keys.paused, keys.queues, keys.cleared)
