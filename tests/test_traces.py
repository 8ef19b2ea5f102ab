"""Backtraces: the project's frames are seen at once, those of libraries are folded."""

import pytest

from django_resque.admin.traces import Part, parts

HEAD = "Traceback (most recent call last):"
OWN = ['  File "/srv/shop/jobs.py", line 3, in perform', "    charge(order)", "    ^^^^^^"]
LIBRARY = ['  File "/venv/lib/python3.12/site-packages/x.py", line 9, in y', "    raise E"]
STANDARD = ['  File "/usr/lib/python3.12/json/decoder.py", line 3, in z', "    raise E"]
END = "x.E: boom"


def test_frames_of_libraries_are_folded() -> None:
    found = parts([HEAD, *OWN, *LIBRARY, *STANDARD, *OWN, *LIBRARY, END])

    assert found == [
        Part("\n".join([HEAD, *OWN]), 0),
        Part("\n".join([*LIBRARY, *STANDARD]), 2),
        Part("\n".join(OWN), 0),
        Part("\n".join(LIBRARY), 1),
        Part(END, 0),
    ]


@pytest.mark.parametrize(
    "lines",
    [
        [HEAD, *OWN, END],
        [HEAD, *LIBRARY, END],
        ["/gems/resque-3.0/job.rb:5:in `perform'", "#0 /var/www/vendor/x.php(3): y()"],
        ["", "    ", "\x00"],
    ],
    ids=["only own", "only libraries", "Ruby and PHP", "odd"],
)
def test_else_a_backtrace_stays_as_it_is(lines: list[str]) -> None:
    assert parts(lines) == [Part("\n".join(lines), 0)]


def test_no_backtrace_has_no_parts() -> None:
    assert parts([]) == []
