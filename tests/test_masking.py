"""What a page must not show, and what it may."""

import pytest

from django_resque.masking import MASK, masked


@pytest.mark.parametrize(
    "name",
    [
        "password", "user_password", "PASSWORD", "passwd", "pass", "pwd", "secret", "client_secret",
        "token", "accessToken", "api_key", "apikey", "API-KEY", "key", "private_key", "auth",
        "authorization", "cookie", "signature", "credentials", "card_number", "cvv", "iban", "pin",
    ],
)  # fmt: skip
def test_what_is_named_like_a_secret_is_masked(name: str) -> None:
    assert masked([{"a": {name: {"deep": 1}}}]) == [{"a": {name: MASK}}]


@pytest.mark.parametrize(
    "name", ["author", "monkey", "cardinal", "passenger", "compass", "spinner", "keyboard", "id"]
)
def test_what_only_contains_such_letters_is_shown(name: str) -> None:
    assert masked({name: "x"}) == {name: "x"}
