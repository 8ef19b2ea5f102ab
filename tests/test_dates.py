"""Dates: ours in the forms of the family, and theirs read in every form."""

from datetime import UTC, datetime

import pytest

from django_resque import dates

NOW = 1795218213.7
EXPECTED = datetime(2026, 11, 20, 23, 43, 33, tzinfo=UTC)


def test_our_dates_have_the_form_of_their_field() -> None:
    assert dates.run_at(NOW) == "2026-11-20T23:43:33Z"
    assert dates.started(NOW) == "2026-11-20 23:43:33 +0000"
    assert dates.failed_at(NOW) == "2026/11/20 23:43:33 UTC"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T23:43:33Z",
        "2026-11-20T23:43:33+00:00",
        "2026-11-21T00:43:33+01:00",
        "2026-11-20 23:43:33 +0000",
        "2026/11/20 23:43:33 UTC",
        "2026/11/20 23:43:33",
        "Fri Nov 20 23:43:33 UTC 2026",
        "Fri Nov 20 2026 23:43:33 GMT+0000 (Coordinated Universal Time)",
        "1795218213",
    ],
)
def test_every_clients_date_is_read(text: str) -> None:
    assert dates.instant(text) == EXPECTED


@pytest.mark.parametrize("text", [None, "", "yesterday", "1e999", "-", "2026-13-40T00:00:00Z"])
def test_what_is_no_date_is_none(text: str | None) -> None:
    assert dates.instant(text) is None
