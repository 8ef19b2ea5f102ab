"""Which arguments may travel, and what the error says to those that may not."""

import datetime
import decimal
import inspect
import uuid
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from django_resque import arguments
from django_resque.errors import InvalidArguments


def nested(levels: int) -> Any:
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            [{"id": uuid.UUID(int=1)}],
            'args[0]["id"]: UUID is not JSON; pass str(...).',
        ),
        ([1, [decimal.Decimal(1)]], "args[1][0]: Decimal is not JSON; pass str(...)."),
        ([datetime.date(2026, 1, 1)], "args[0]: date is not JSON; pass .isoformat()."),
        ([datetime.timedelta(1)], "args[0]: timedelta is not JSON; pass .total_seconds()."),
        ([b"x"], "args[0]: bytes is not JSON; pass text, or base64 of it."),
        ([{1, 2}], "args[0]: set is not JSON; pass sorted(...) or list(...)."),
        ([float("nan")], "args[0]: nan is not JSON; pass None or a finite number."),
        ([float("-inf")], "args[0]: -inf is not JSON; pass None or a finite number."),
        ([{"a": {1: 2}}], 'args[0]["a"]: the key 1 is not text, and JSON has only text keys'),
        (["\ud800"], "args[0]: a lone surrogate '\\ud800' is not Unicode text"),
        ([{"\ud800": 1}], "the key '\\ud800': a lone surrogate"),
        ([object()], "args[0]: object is not JSON; pass text, numbers"),
        ([10**5000], "args[0]: the integer is too long to be written"),
    ],
)
def test_the_error_names_the_path_and_helps(args: list[Any], message: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        arguments.check(args)

    assert message in str(caught.value)


def test_a_model_and_a_queryset_are_told_to_travel_by_key() -> None:
    user = get_user_model()(username="ada")

    with pytest.raises(InvalidArguments, match=r"User is not JSON; pass its primary key, \.pk"):
        arguments.check([user])
    with pytest.raises(InvalidArguments, match="QuerySet is not JSON; pass a list of primary keys"):
        arguments.check([get_user_model().objects.all()])


def test_98_levels_pass_and_99_do_not() -> None:
    arguments.check(nested(98))

    with pytest.raises(InvalidArguments, match="nested deeper than 98 levels"):
        arguments.check(nested(99))


def test_a_list_that_contains_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)

    with pytest.raises(InvalidArguments, match="or contain themselves"):
        arguments.check([endless])


def test_plain_json_passes() -> None:
    arguments.check([None, True, 1, 1.5, "é/\u2028\U0001f600", [1, (2, 3)], {"": {"a": []}}])


def positional(function: Any, *args: Any, **kwargs: Any) -> list[Any]:
    return arguments.by_position("job", inspect.signature(function), args, kwargs)


def test_keyword_arguments_go_to_their_positions() -> None:
    def perform(a: int, b: int = 2, c: int = 3, d: object = object()) -> None: ...

    assert positional(perform, 1) == [1]
    assert positional(perform, 1, c=9) == [1, 2, 9]
    assert positional(perform, b=5, a=1) == [1, 5]


def test_a_call_that_does_not_fit_shows_the_signature() -> None:
    def perform(order_id: int) -> None: ...

    with pytest.raises(InvalidArguments, match=r"job\(order_id: int\).*missing.*order_id"):
        positional(perform)
    with pytest.raises(InvalidArguments, match="too many positional arguments"):
        positional(perform, 1, 2)
    with pytest.raises(InvalidArguments, match="unexpected keyword argument 'order'"):
        positional(perform, 1, order=2)


def test_arguments_that_go_by_keyword_only_cannot_travel() -> None:
    def perform(a: int, *, loud: bool = False) -> None: ...

    with pytest.raises(InvalidArguments, match="loud can be given by keyword only"):
        positional(perform, 1, loud=True)


def test_a_job_of_another_language_takes_positions_only() -> None:
    assert arguments.by_position("Archive", None, (35, "tar"), {}) == [35, "tar"]

    with pytest.raises(InvalidArguments, match=r"Archive is known by name only.*\(format\)"):
        arguments.by_position("Archive", None, (35,), {"format": "tar"})
