"""The demo: it shows a shop that works, leaves nothing behind, and says if something is wrong."""

import http.cookiejar
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from redis import Redis

import django_resque
from django_resque import process
from example_project.outcomes import Outcome, exit_code, summary
from tests.conftest import ROOT, WARNINGS, wait_for

#: Seconds for the start of the demo, with four Python processes and a database.
START = 60.0

PICTURES = ROOT / "example_project/shop/pictures"

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""

linux = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")


class Demo:
    """A running demo.py."""

    def __init__(self, directory: Path, words: tuple[str, ...], environment: dict[str, str]):
        # The package that is being tested, be it the checkout's or an installed one.
        package = str(Path(django_resque.__file__).parent.parent)
        self.log = Path(tempfile.mkstemp(dir=directory, suffix=".log")[1])
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "example_project/demo.py"), *words],
                env={
                    **os.environ,
                    "PYTHONPATH": package,
                    "PYTHONWARNINGS": ",".join(WARNINGS[1::2]),
                    "TMPDIR": str(directory),
                    **environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def says(self, pattern: str) -> str:
        """Waits for a line that matches; answers its first group."""
        compiled = re.compile(pattern, re.MULTILINE)
        match: re.Match[str] = wait_for(
            lambda: compiled.search(self.output) or self.process.poll() is not None,
            pattern,
            START,
        )
        assert isinstance(match, re.Match), f"It ended, and had said:\n{self.output}"
        return match[1]

    def performs_its_samples(self) -> None:
        """Waits until both workers have started and its eight sample jobs are done or failed."""
        self.says(r"(?:^\*\*\* Starting worker .*\n(?:.*\n)*?){2}()")
        # Other lines may stand between: the traceback of the one that fails.
        self.says(r"(?:^\d\d:\d\d:\d\d .*\n(?:.*\n)*?){8}()")

    def ends(self) -> int:
        try:
            return self.process.wait(START)
        except subprocess.TimeoutExpired:
            pytest.fail(f"did not end within {START:g} s; its output:\n{self.output}")

    def family(self) -> dict[int, str]:
        """Every process that descends from it: pid to birth."""
        family = {self.process.pid}
        parents = dict(_parents())
        while more := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= more
        return {pid: process.birth(pid) for pid in family}


def _parents() -> Iterator[tuple[int, int]]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text("utf-8", "replace")
        except OSError:
            continue
        yield int(stat.parent.name), int(text.rpartition(")")[2].split()[1])


def still_there(family: dict[int, str]) -> list[int]:
    return [pid for pid, born in family.items() if process.lives(pid, born)]


Start = Callable[..., Demo]


@pytest.fixture
def short_directory() -> Iterator[Path]:
    """Instead of tmp_path, whose name is too long for a socket in it."""
    with tempfile.TemporaryDirectory(prefix="demo", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
def demo(short_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts demos, each with a Redis of its own unless it is given one."""
    monkeypatch.delenv("REDIS_URL")
    demos: list[Demo] = []

    def start(*words: str, **environment: str) -> Demo:
        demos.append(Demo(short_directory, words, environment))
        return demos[-1]

    yield start
    for each in demos:
        for pid in still_there(each.family()):
            os.kill(pid, signal.SIGKILL)
        each.process.wait()


class Browser:
    """Keeps cookies, and presses buttons as a form in the page would."""

    def __init__(self, address: str) -> None:
        self.address = address
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        # No proxy: the shop is on this machine.
        self.opener = urllib.request.build_opener(cookies, urllib.request.ProxyHandler({}))

    def fetch(self, path: str, request: bytes | None = None, **headers: str) -> bytes:
        url = urllib.parse.urljoin(self.address, path)
        asked = urllib.request.Request(url, request, headers)
        with self.opener.open(asked, timeout=START) as response:
            return bytes(response.read())

    def page(self, path: str = "/") -> str:
        return self.fetch(path).decode()

    def press(self, path: str, action: str, **button: str) -> str:
        """The page that comes after a button of the page at `path`."""
        page = self.page(path)
        assert f'action="{action}"' in page
        for name, value in button.items():
            assert f'name="{name}" value="{value}"' in page
        return self.fetch(action, _form(page, **button)).decode()

    def upload(self, path: str, picture: bytes, **fields: str) -> str:
        """The page that comes after the form with a picture in it."""
        fields["csrfmiddlewaretoken"] = _token(self.page(path))
        file = SimpleUploadedFile("new.png", picture, "image/png")
        body = encode_multipart(BOUNDARY, {**fields, "picture": file})
        return self.fetch(path, body, **{"Content-Type": MULTIPART_CONTENT}).decode()


def _token(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found
    return found[1]


def test_once_performs_the_fixed_set_and_exits_with_0(demo: Start, short_directory: Path) -> None:
    rehearsal = demo("--once")

    assert rehearsal.ends() == 0, rehearsal.output
    assert "All 18 outcomes are as expected." in rehearsal.output
    assert "PHP's recorded job" in rehearsal.output
    assert list(short_directory.iterdir()) == [rehearsal.log]


def test_once_leaves_a_redis_of_yours_as_it_was(demo: Start, redis: Redis, redis_url: str) -> None:
    job = b'{"class":"Yours","args":[]}'
    redis.sadd("resque:queues", "default")
    redis.rpush("resque:queue:default", job)

    rehearsal = demo("--once", REDIS_URL=redis_url)

    assert rehearsal.ends() == 0, rehearsal.output
    assert sorted(redis.keys()) == [b"resque:queue:default", b"resque:queues"]
    assert redis.lrange("resque:queue:default", 0, -1) == [job]


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("redis://127.0.0.1:1/0", "The Redis of the demo cannot be used: "),
        ("localhost:6379", "$REDIS_URL is no address of a Redis: "),
    ],
)
def test_one_sentence_says_what_is_wrong_with_a_redis_of_yours(
    url: str, sentence: str, demo: Start
) -> None:
    rehearsal = demo("--once", REDIS_URL=url)

    assert rehearsal.ends() == 1
    assert rehearsal.output.startswith(sentence)
    assert "Traceback" not in rehearsal.output


@pytest.mark.parametrize(
    ("expected", "found"),
    [("complete", "failed"), (["x"], [["x"]]), (1, True), (1, 1.0), ("done", None), ([], {})],
)
def test_an_outcome_that_is_not_the_expected_one_exits_with_1(
    expected: object, found: object
) -> None:
    outcomes = [Outcome("good", "complete", "complete"), Outcome("bad", expected, found)]

    assert exit_code(outcomes) == 1
    assert "1 of 2 outcomes are not as expected." in summary(outcomes)
    assert summary(outcomes).splitlines()[2].endswith("NO")


def test_no_outcome_at_all_exits_with_1() -> None:
    assert exit_code([]) == 1


def test_the_recorded_jobs_are_what_other_languages_sent() -> None:
    """Ruby and PHP write the same text in different bytes; both kinds are in the fixed set."""
    recorded = ROOT / "example_project" / "recorded"
    php = json.loads((recorded / "php.json").read_text("utf-8"))["payload"]
    ruby = json.loads((recorded / "ruby.json").read_text("utf-8"))["payload"]

    assert r"\u00e9\/<>&'\\ \u2028\u65e5\u672c" in php
    assert "é/<>&'\\\\ \u2028日本" in ruby


@linux
def test_a_button_in_the_shop_enqueues_a_job_that_is_performed(demo: Start) -> None:
    shop = Browser(running := demo().says(r"^The shop: +(http://\S+)$"))

    answer = shop.press("/", "/place/", product="Enamel kettle")
    wait_for(lambda: 'id="order-4"' in shop.page(), "the order on the page")
    shop.fetch("/orders/4/pay/", _form(shop.page(), card="expired"))

    assert "Thank you for order 4." in answer
    assert running.startswith("http://127.0.0.1:")
    wait_for(lambda: _statuses(shop.page(), "order-4") == ["complete", "failed"], "its jobs' end")


@linux
def test_the_back_office_shows_what_its_jobs_have_done(demo: Start) -> None:
    shop = Browser(demo().says(r"^The shop: +(http://\S+)$"))

    shop.press("/office/", "/office/report/")
    shop.press("/office/", "/office/php/")
    shop.press("/office/", "/office/import/")
    picture = (PICTURES / "linen-apron.png").read_bytes()
    shop.upload("/office/", picture, name="Big apron", price="48.00")

    wait_for(lambda: _statuses(shop.page("/office/"), "reports") == ["complete"], "the report")
    assert "Orders in 30 days: 3, CHF 121.50" in shop.page("/office/")
    wait_for(lambda: "日本" in shop.page("/office/"), "what PHP has sent")
    wait_for(lambda: "1000 subscribers," in shop.page("/office/"), "the import", START)
    found = wait_for(lambda: re.search(r"/media/thumbnails/4\w*\.jpg", shop.page()), "the picture")
    assert 0 < len(shop.fetch(found[0])) < len(picture)


@linux
@pytest.mark.skipif(not CHROMIUM, reason="no Chromium is installed to show the page in")
def test_a_page_shows_what_has_become_of_a_job_without_a_reload(
    demo: Start, short_directory: Path
) -> None:
    running = demo()
    shop = Browser(address := running.says(r"^The shop: +(http://\S+)$"))
    running.performs_its_samples()
    redis = Redis(unix_socket_path=str(next(short_directory.glob("shop*/redis.sock"))), db=1)
    redis.set("resque:pause-all-workers", "true")
    shop.press("/", "/place/", product="Enamel kettle")
    log = next(short_directory.glob("shop*/runserver.err"))
    before = log.read_text().count('"GET / ')

    chromium = _chromium(short_directory, address)
    try:
        wait_for(lambda: log.read_text().count('"GET / ') > before + 2, "its refreshes", START)
        redis.delete("resque:pause-all-workers")
        page = chromium.communicate(timeout=START)[0]
    finally:
        chromium.kill()
        chromium.wait()
        redis.close()

    assert _statuses(page, "order-4") == ["complete", "no job"]


def test_the_pages_have_no_script_or_style_of_their_own() -> None:
    """So that a strict Content-Security-Policy lets all of them through."""
    for template in (ROOT / "example_project/shop/templates/shop").iterdir():
        text = template.read_text("utf-8")

        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! src=)|javascript:", text)


def _form(page: str, **fields: str) -> bytes:
    return urllib.parse.urlencode({**fields, "csrfmiddlewaretoken": _token(page)}).encode()


def _statuses(page: str, part: str) -> list[str]:
    """The statuses of jobs in the first row of the element with this id."""
    inside = page.partition(f'id="{part}"')[2].partition("</li>")[0]
    return re.findall(r'<span class="status \w+"[^>]*>([\w ]+)</span>', inside)


def _chromium(directory: Path, address: str) -> "subprocess.Popen[str]":
    """Prints the page as it is after so long that it must have settled."""
    return subprocess.Popen(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server",
            f"--user-data-dir={directory}/chromium", "--virtual-time-budget=1000000",
            "--dump-dom", address,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip


@linux
def test_two_interrupts_at_once_end_the_demo_and_every_process_of_it(
    demo: Start, short_directory: Path
) -> None:
    running = demo()
    running.performs_its_samples()
    family = running.family()

    os.kill(running.process.pid, signal.SIGINT)
    os.kill(running.process.pid, signal.SIGINT)

    assert running.ends() == 0, running.output
    assert len(family) == 6, (
        f"not the demo, its Redis, web server, supervisor and two workers, but:\n{running.output}"
    )
    assert still_there(family) == []
    assert "Traceback" not in running.output
    assert list(short_directory.iterdir()) == [running.log]


@linux
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("runserver", "The web server ended unexpectedly with exit code -9."),
        ("resque-", "The resque_work command ended unexpectedly with exit code -9."),
        ("redis.sock", "The Redis server ended unexpectedly."),
    ],
)
def test_a_child_that_dies_is_named_and_ends_the_demo(
    words: str, sentence: str, demo: Start
) -> None:
    running = demo()
    running.performs_its_samples()
    family = running.family()

    os.kill(_child(running.process.pid, words), signal.SIGKILL)

    assert running.ends() == 1
    assert f"{sentence} Its output:\n" in running.output
    wait_for(lambda: not still_there(family), "the end of every process")


def _child(parent: int, words: str) -> int:
    found = [
        pid
        for pid, its_parent in _parents()
        if its_parent == parent and words in Path(f"/proc/{pid}/cmdline").read_text()
    ]
    assert len(found) == 1
    return found[0]


@linux
def test_another_port_is_taken_if_somebody_is_on_the_usual_one(demo: Start) -> None:
    first = demo().says(r"^The shop: +(http://\S+)$")

    second = demo().says(r"^The shop: +(http://\S+)$")

    assert first != second
    assert "The corner shop" in Browser(second).page()
