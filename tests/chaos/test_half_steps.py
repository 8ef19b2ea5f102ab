"""
A Redis that dies while it writes a step to its AOF, and leaves half of it there.

What a script writes stands between MULTI and EXEC. Where the end is missing, Redis drops the
command that was cut and keeps those before it, MULTI included, for nothing at first. But at the
next start it reads all up to the next EXEC, which ends a later step, as one transaction: so what
nobody was answered is done after all, at its place among what came later. (Redis up to 8.x; in
Valkey mended in August 2026.)
"""

import os
import random
import time

import pytest

from tests.aof import half
from tests.chaos.field import FULL, Field, size

pytestmark = pytest.mark.timeout(3600 if FULL else 120)

#: How a command that adds a job to a list begins.
ADDS = (b"RPUSH", b"LPUSH")


def die_in_a_step(field: Field, chance: random.Random) -> list[list[bytes]]:
    """
    Let Redis do for a moment what nobody is answered, kill it, and cut that off at any byte.
    Answers the commands of half a step that are left, if there are any.
    """
    field.proxy.mute()
    aof = field.server.aof
    heard = aof.stat().st_size
    # There is nothing to wait for: it may be that all have asked what only reads.
    time.sleep(0.05)
    field.server.kill()
    os.truncate(aof, chance.randint(heard, aof.stat().st_size))
    field.proxy.cut()
    return half(aof.read_bytes())


@pytest.mark.parametrize("mended", [False, True], ids=["as it is", "mended"])
def test_half_a_step_in_the_aof_loses_no_job(field: Field, *, mended: bool) -> None:
    """
    What half a step has added, nobody knows of: it may be performed twice. With
    `redis-check-aof --fix` before each start nothing is left of half a step.
    """
    chance = random.Random(5)
    for _ in range(2):
        field.work(count=2)
    torn = added = 0
    for _ in range(size(10, 200)):
        begun = field.ledger.starts().total()
        for _ in range(5):
            field.enqueue("flaky", 0.002)
            field.enqueue("push_another")
            field.enqueue("delay_another")
        field.begun(begun + chance.randint(5, 15))
        found = die_in_a_step(field, chance)
        torn += bool(found)
        added += sum(words[0].upper() in ADDS for words in found)
        if mended:
            field.server.mend()
        field.server.start()

    print("half steps", torn, "that had added", added)
    assert torn > 0
    if mended:
        print(field.ends_well())
    else:
        print(field.ends_well(doubles=added, half_steps=torn))
