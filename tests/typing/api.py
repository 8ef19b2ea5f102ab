"""
Right and wrong calls of the public API. Checked by mypy and pyright, never run.

A wrong call bears a comment for each checker, and both complain of a comment that is
not needed: so a mistake that a checker no longer sees fails the check of this file.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, assert_type

from django_resque import (
    Job,
    JobHandle,
    aenqueue,
    aenqueue_at,
    aenqueue_in,
    aenqueue_many,
    aenqueue_to,
    current_job,
    enqueue,
    enqueue_at,
    enqueue_in,
    enqueue_many,
    enqueue_to,
    job,
    job_status,
    queues,
)

WHEN = datetime(2100, 1, 1, tzinfo=UTC)
LATER = timedelta(minutes=5)


class SendReceipt(Job):
    queue = "mail"

    def perform(self, order_id: int, copies: int = 1) -> None: ...


class Sweep(Job, abstract=True):
    args_style = "kwargs"

    def perform(self) -> int:
        return 0


class SweepCarts(Sweep):
    pass


@job(queue="images", aliases=("old",), track=False, args_style="positional")
def thumbnail(photo_id: int, size: int = 200) -> str:
    return f"{photo_id} at {size}"


@job
def ping() -> None: ...


# What is enqueued is a handle, and the function is still the function.

assert_type(enqueue(SendReceipt, 7), JobHandle)
assert_type(enqueue(SendReceipt, 7, copies=2), JobHandle)
assert_type(enqueue(SendReceipt, order_id=7), JobHandle)
assert_type(enqueue(SweepCarts), JobHandle)
assert_type(enqueue(thumbnail, 3, 400), JobHandle)
assert_type(enqueue(thumbnail, photo_id=3, size=400), JobHandle)
assert_type(enqueue(ping), JobHandle)
assert_type(thumbnail(3, size=400), str)

enqueue(SendReceipt)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
enqueue(SendReceipt, "7")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
enqueue(SendReceipt, 7, 2, 3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
enqueue(SendReceipt, 7, colour="red")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
enqueue(SweepCarts, 7)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
enqueue(thumbnail)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
enqueue(thumbnail, "3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
enqueue(thumbnail, 3, size="big")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
enqueue(thumbnail, 3, colour="red")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
enqueue(ping, 1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
enqueue("Archive", 35)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
enqueue(len, "abc")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
thumbnail("3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# To another queue; a job of another language goes by its name, and takes any positions.

assert_type(enqueue_to("slow", SendReceipt, 7, copies=2), JobHandle)
assert_type(enqueue_to("slow", thumbnail, 3, size=400), JobHandle)
assert_type(enqueue_to("file_serve", "Archive", 35, {"a": [None]}), JobHandle)

enqueue_to(SendReceipt, 7)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
enqueue_to("slow", SendReceipt)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
enqueue_to("slow", SendReceipt, "7")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
enqueue_to("slow", thumbnail, "3")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
enqueue_to("slow", thumbnail, 3, colour="red")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
enqueue_to("file_serve", "Archive", branch="main")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]

# Later.

assert_type(enqueue_in(300, SendReceipt, 7), JobHandle)
assert_type(enqueue_in(0.5, thumbnail, 3, size=400), JobHandle)
assert_type(enqueue_in(LATER, ping), JobHandle)
assert_type(enqueue_at(WHEN, SendReceipt, 7, copies=2), JobHandle)
assert_type(enqueue_at(WHEN, thumbnail, 3), JobHandle)

enqueue_in("300", SendReceipt, 7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
enqueue_in(WHEN, SendReceipt, 7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
enqueue_in(300, SendReceipt)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
enqueue_in(300, SendReceipt, "7")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
enqueue_in(300, thumbnail, "3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
enqueue_in(300, thumbnail, 3, colour="red")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
enqueue_at(300, SendReceipt, 7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
enqueue_at(WHEN, SendReceipt)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
enqueue_at(WHEN, SendReceipt, "7")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
enqueue_at(WHEN, thumbnail, "3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
enqueue_at(WHEN, ping, 1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

# Many.

assert_type(enqueue_many([(SendReceipt, 7), (thumbnail, 3, 400), (ping,)]), list[JobHandle])
enqueue_many((SendReceipt.options(delay=60), number) for number in range(3))

enqueue_many(SendReceipt)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
enqueue_many([7])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]

# By the job itself.

assert_type(SendReceipt.enqueue(7, copies=2), JobHandle)
assert_type(SendReceipt.enqueue_to("slow", 7), JobHandle)
assert_type(SendReceipt.enqueue_in(300, 7), JobHandle)
assert_type(SendReceipt.enqueue_at(WHEN, 7), JobHandle)
assert_type(SweepCarts.enqueue(), JobHandle)
assert_type(thumbnail.enqueue(3, size=400), JobHandle)
assert_type(thumbnail.enqueue_to("slow", 3), JobHandle)
assert_type(thumbnail.enqueue_in(LATER, 3), JobHandle)
assert_type(thumbnail.enqueue_at(WHEN, 3), JobHandle)
assert_type(ping.enqueue(), JobHandle)

SendReceipt.enqueue()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
SendReceipt.enqueue("7")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
SendReceipt.enqueue(7, colour="red")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
SendReceipt.enqueue_to(7, 7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
SendReceipt.enqueue_to("slow", "7")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
SendReceipt.enqueue_in("300", 7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
SendReceipt.enqueue_in(300, "7")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
SendReceipt.enqueue_at(300, 7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
SendReceipt.enqueue_at(WHEN)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
SweepCarts.enqueue(7)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
thumbnail.enqueue()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
thumbnail.enqueue("3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
thumbnail.enqueue(3, colour="red")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
thumbnail.enqueue_to("slow", "3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
thumbnail.enqueue_in(LATER, "3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
thumbnail.enqueue_at(300, 3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ping.enqueue(1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

# With options.

bound = SendReceipt.options(queue="slow", delay=60, on_commit=False, using="other", track=False)
assert_type(bound.enqueue(7, copies=2), JobHandle)
assert_type(SendReceipt.options(at=WHEN).enqueue(7), JobHandle)
assert_type(thumbnail.options(delay=LATER).enqueue(3, size=400), JobHandle)

bound.enqueue()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
bound.enqueue("7")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
SendReceipt.options(queue="slow").enqueue(7, colour="red")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
thumbnail.options(queue="slow").enqueue("3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
thumbnail.options(queue="slow").enqueue(3, colour="red")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
SendReceipt.options(quue="slow")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
SendReceipt.options(delay="60")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
SendReceipt.options(at=300)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
thumbnail.options(quue="slow")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


# In an event loop.


async def view() -> None:
    assert_type(await aenqueue(SendReceipt, 7, copies=2), JobHandle)
    assert_type(await aenqueue_to("slow", thumbnail, 3), JobHandle)
    assert_type(await aenqueue_to("file_serve", "Archive", 35), JobHandle)
    assert_type(await aenqueue_in(300, thumbnail, 3), JobHandle)
    assert_type(await aenqueue_at(WHEN, SendReceipt, 7), JobHandle)
    assert_type(await aenqueue_many([(ping,)]), list[JobHandle])
    assert_type(await thumbnail.options(queue="slow").aenqueue(3), JobHandle)

    await aenqueue(SendReceipt, "7")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await aenqueue(thumbnail)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await aenqueue_in(300, thumbnail, "3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await aenqueue_at(300, SendReceipt, 7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await aenqueue_to("slow", SendReceipt, "7")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    await thumbnail.options(queue="slow").aenqueue("3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


# Handles, queues, the job at work.

handle = job_status("0123456789abcdef0123456789abcdef")
assert_type(handle.id, str)
assert_type(handle.refused, bool)
assert_type(handle.status, str | None)
assert_type(handle.result, Any)
assert_type(handle.wait(10), Any)
assert_type(handle.wait(timeout=0.5), Any)
assert_type(handle.cancel(), bool)

handle.wait()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
handle.wait("10")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
handle.id = "other"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
job_status(7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

assert_type(queues.names(), list[str])
assert_type(queues.size("mail"), int)
assert_type(queues.peek("mail", 0, 10), list[dict[str, Any]])
assert_type(queues.dequeue(SendReceipt, 7), int)
assert_type(queues.dequeue("Archive", 35, queue="file_serve"), int)
assert_type(queues.remove("mail"), int)
assert_type(queues.resume("*"), bool)

queues.size(SendReceipt)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
queues.pause()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

assert_type(current_job(), Job)
assert_type(current_job().id, str)
assert_type(current_job().attempt, int)

# Jobs themselves.


@job(queue=7)  # type: ignore[call-overload, untyped-decorator]  # pyright: ignore[reportArgumentType]
def misplaced() -> None: ...


@job(colour="red")  # type: ignore[call-overload, untyped-decorator]  # pyright: ignore[reportCallIssue, reportUntypedFunctionDecorator]
def coloured() -> None: ...


@job(args_style="names")  # type: ignore[call-overload, untyped-decorator]  # pyright: ignore[reportArgumentType]
def misstyled() -> None: ...


class Misplaced(Job):
    queue = 7  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]

    def perform(self) -> None: ...
