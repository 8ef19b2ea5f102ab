"""What a page must not show, and what it may."""

import pytest

from django_resque.masking import MASK, Unknown, masked, masked_text, unmasked


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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"token":"s3cret","to":"x"', f'{{"token":"{MASK}","to":"x"'),
        ('{"a":{"password" : "s3\\"cret"},"b":1', f'{{"a":{{"password" : "{MASK}"}},"b":1'),
        ('{"pin":s3cret}]', f'{{"pin":"{MASK}"}}]'),
        ('{"pin": s3cret', f'{{"pin": "{MASK}"'),
        ('{"token":"s3cret', f'{{"token":"{MASK}"'),
        ('{"keys":1,"secret":["s3cret",{"b":"s3cret"}],"c":2}', f'{{"keys":1,"secret":"{MASK}"'),
        (r'{"a":"{\"api_key\":\"s3\\\"cret\"}"', rf'{{"a":"{{\"api_key\":\"{MASK}\"}}"'),
        ('{"token":"token","token":"s3cret"}', f'{{"token":"{MASK}","token":"{MASK}"}}'),
    ],
)
def test_a_secret_is_masked_in_the_ruins_of_json(text: str, shown: str) -> None:
    assert masked_text(text) == shown
    assert masked([text]) == [shown]


@pytest.mark.parametrize("text", ["", "no JSON", '{"to":"the token: x"}', 'a "token" of love'])
def test_other_texts_are_shown_as_they_are(text: str) -> None:
    assert masked([text]) == [text]


def test_the_bytes_of_what_cannot_be_read_are_masked_with_its_text() -> None:
    shown = masked({"args": ['{"token":"s3cret"'], "unreadable": True, "base64": "eyJ0..."})
    harmless = {"args": ['{"a":"b"'], "unreadable": True, "base64": "eyJh..."}

    assert shown == {"args": [f'{{"token":"{MASK}"'], "unreadable": True, "base64": MASK}
    assert masked(harmless) == harmless


def test_a_text_that_is_left_as_shown_stays_and_a_changed_one_must_lose_its_mask() -> None:
    original = ['{"token":"s3cret"}', "a"]
    shown = masked(original)

    assert unmasked([shown[0], "b"], shown, original) == [original[0], "b"]
    with pytest.raises(Unknown):
        unmasked([shown[0] + " ", "b"], shown, original)
