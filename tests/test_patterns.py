"""Queue lists with wildcards and negations, by the rules of Ruby's workers."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_resque import patterns

RUBY = json.loads((Path(__file__).parent / "recorded" / "globs.json").read_text("utf-8"))

KNOWN = RUBY["known"]


def names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


@pytest.mark.parametrize("text", [text for text, read in RUBY["lists"].items() if read])
def test_a_list_is_read_as_rubys_worker_read_it(text: str) -> None:
    read = patterns.expand(names(text), KNOWN)

    assert [name for name in read if name in KNOWN] == RUBY["lists"][text]["queues"]
    assert ",".join(patterns.display(names(text))) == RUBY["lists"][text]["id"]
    assert patterns.problem(names(text)) == ""


@pytest.mark.parametrize("text", [text for text, read in RUBY["lists"].items() if not read])
def test_a_list_that_ruby_refuses_is_refused(text: str) -> None:
    assert patterns.problem(names(text)) != ""


@pytest.mark.parametrize(
    ("pattern", "matched", "not_matched"),
    [
        ("*", ["a", "a/b", "a:b", "a\nb", "naïve"], [".a"]),
        (".*", [".a", "."], ["a"]),
        (r"\.*", [".a"], ["a", r"\.a"]),
        ("?a", ["ba", "éa"], [".a", "a", "bba"]),
        ("[.]a", [], [".a", "a"]),
        ("a[.]", ["a."], ["a", "ab"]),
        ("a**b", ["ab", "axxb"], ["a", "abc"]),
        ("*a*b", ["ab", "xaxab", "abab"], ["ba", "aba"]),
        ("*ab", ["ab", "aab", "abab"], ["a", "abb"]),
        ("[ac]", ["a", "c"], ["b", "ac", ""]),
        ("[a-c]x", ["ax", "bx", "cx"], ["dx", "-x"]),
        ("[c-a]", ["a", "c"], ["b", "-"]),
        ("[a-]", ["a", "-"], ["b"]),
        ("[-a]", ["a", "-"], ["b"]),
        ("[^a]", ["b", "^"], ["a", ""]),
        ("[!a]", ["b", "!"], ["a"]),
        ("[a!]", ["a", "!"], ["b"]),
        ("[!!]", ["a"], ["!"]),
        ("[]", [], ["]", "[]", "a"]),
        ("[]a]", [], ["a", "]", "]a]"]),
        ("[!]a", ["xa"], ["x", "a"]),
        (r"[\]]", ["]"], ["\\", "["]),
        (r"[\a-c]", ["a", "b", "c"], ["\\", "-"]),
        (r"a\*", ["a*"], ["a", "ab", r"a\*"]),
        (r"\[a]*", ["[a]", "[a]b"], ["a"]),
        ("a*\\", ["a", "ab"], ["b"]),
        ("{a,b}*", ["{a,b}c"], ["a", "b"]),
        ("a+(b)|c.?", ["a+(b)|c.d"], ["ab", "c"]),
        ("[[]*", ["[x"], ["x"]),
        ("[&&||~~]", ["&", "|", "~"], ["a"]),
        ("A*", ["Ab"], ["ab"]),
        ("[ab", [], ["a", "b", "[ab"]),
        ("*[", [], ["a", "a["]),
    ],
)
def test_what_a_pattern_matches(pattern: str, matched: list[str], not_matched: list[str]) -> None:
    known = {*matched, *not_matched}

    assert patterns.is_pattern(pattern)
    assert patterns.expand([pattern], known) == tuple(sorted(matched))
    assert patterns.expand(["*", ".*", f"!{pattern}"], known - {""}) == tuple(
        sorted(known - {*matched, ""}, key=lambda name: (name[0] == ".", name))
    )


@given(st.text(min_size=1), st.text())
def test_an_escaped_name_matches_itself_alone(name: str, other: str) -> None:
    escaped = "".join(f"\\{char}" for char in name)

    read = patterns.expand([f"{escaped}*"], [name, other])

    assert name in read
    assert (other in read) == other.startswith(name)


@given(st.text("ab[]!^-\\*?.é"), st.text("ab-.é]\\"))
def test_no_text_is_too_odd_to_be_a_pattern(pattern: str, queue: str) -> None:
    known = patterns.expand([f"*{pattern}"], [queue])

    assert known in ((), (queue,))


def test_a_pattern_takes_no_time_to_match_nothing() -> None:
    began = time.monotonic()

    read = patterns.expand(["*a" * 30 + "*b"], ["a" * 5000])

    assert read == ()
    assert time.monotonic() - began < 1


def test_a_plain_name_is_listened_to_before_it_is_known() -> None:
    assert patterns.expand(["new", "*"], ["old"]) == ("new", "old")
    assert patterns.expand([r"back\slash"], []) == (r"back\slash",)


def test_plain_names_need_no_known_queues() -> None:
    assert not patterns.needs_names(["b", "a", "!c*"])
    assert patterns.needs_names(["b", "a*"])
    assert patterns.expand(["b", "a", "b"], []) == ("b", "a")


def test_what_is_left_out_is_left_out_wherever_it_stands() -> None:
    known = ["mail", "mail_low", "zeta"]

    assert patterns.expand(["!mail", "*"], known) == ("mail_low", "zeta")
    assert patterns.expand(["mail_low", "*", "!mail*"], known) == ("zeta",)
    assert patterns.expand(["mail", "zeta", "!mail"], known) == ("zeta",)
    assert patterns.expand(["*", r"!\*"], ["*", "a"]) == ("a",)


def test_a_worker_listens_to_what_its_list_expands_to() -> None:
    assert patterns.listens(["mail", "x"], "mail")
    assert patterns.listens(["*"], "mail")
    assert patterns.listens(["m*"], "mail")
    assert not patterns.listens(["mail"], "mail_low")
    assert not patterns.listens(["*", "!m*"], "mail")
    assert not patterns.listens([], "mail")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([], "The list of queues is empty"),
        (["!a", "!b*"], "only says what to leave out"),
        (["a", "b", "!*"], "leaves out every queue that it names"),
        ([""], "must be text, not ''"),
        (["!"], "must be text, not '!'"),
        ([7], "must be text, not 7"),
        (["a b"], "'a b' contains ' '"),
        (["a,b"], "contains ','"),
        (["x:*"], "contains ':'"),
        (["redis://:secret@host"], "The queue name str contains ':'"),
        (["[ab"], "'[ab' has a [ without its ]"),
        (["*", "!x[ab"], "'!x[ab' has a [ without its ]"),
    ],
)
def test_a_list_that_nobody_can_have_meant_is_refused_in_one_sentence(
    given: list[object], reason: str
) -> None:
    problem = patterns.problem(given)

    assert reason in problem
    assert len(problem.splitlines()) == 1


@pytest.mark.parametrize(
    "given", [["a"], ["*"], ["a", "!a*", "b"], ["*", "!other:language"], ["*", "!with blank"]]
)
def test_a_usable_list_has_no_problem(given: list[str]) -> None:
    assert patterns.problem(given) == ""
