"""
The admin in a real browser, with a real worker: a job fails, is found, retried and seen done.
With JavaScript and without, by keyboard, and, from Django 6.0 on, under a strict CSP.

Debian's chromium and chromium-driver are used where they are; nothing is fetched.
"""

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer
from redis import Redis
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from django_resque import details, enqueue
from django_resque.figures import FAILED, PROCESSED
from django_resque.parcels import Parcel
from django_resque.store import Store, Take
from django_resque.wire import Payload
from tests.conftest import Farm, wait_for
from tests.project import jobs
from tests.test_admin import FAILURES, ID, OVERVIEW, fail, failure_url, register
from tests.test_admin_pages import ASKING, DELAYED, QUEUES, SHOWN, WORKERS, fill, push
from tests.test_figures import record
from tests.test_stats import STATS

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        not (BROWSER and DRIVER),
        reason="No browser: the tests of the admin in one need Debian's chromium-driver.",
    ),
]

#: A preference of Chromium's: 2 blocks.
JAVASCRIPT = "profile.managed_default_content_settings.javascript"

Start = Callable[..., webdriver.Chrome]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Start]:
    """Starts one, with JavaScript or without."""
    started: list[webdriver.Chrome] = []

    def start(*, script: bool = True, size: str = "1280,900") -> webdriver.Chrome:
        options = webdriver.ChromeOptions()
        options.binary_location = str(BROWSER)
        options.add_experimental_option("prefs", {} if script else {JAVASCRIPT: 2})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        for flag in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage"):
            options.add_argument(flag)
        options.add_argument(f"--window-size={size}")
        options.add_argument(f"--user-data-dir={tmp_path / 'profile'}")
        if os.geteuid() == 0:
            options.add_argument("--no-sandbox")  # Chromium has none for root.
        started.append(webdriver.Chrome(options=options, service=Service(str(DRIVER))))
        return started[-1]

    yield start
    for each in started:
        each.quit()


def log_in(driver: webdriver.Chrome, server: LiveServer) -> None:
    from django.contrib.auth.models import User

    User.objects.create_superuser("ada", password="lovelace")
    driver.get(f"{server.url}/admin/django_resque/overview/")
    driver.find_element(By.NAME, "username").send_keys("ada")
    driver.find_element(By.NAME, "password").send_keys("lovelace", Keys.ENTER)
    shows(driver, "Waiting")


def shows(driver: webdriver.Chrome, text: str, deadline: float = 20) -> None:
    """Waits for a text on the page."""
    wait_for(lambda: text in body(driver), f"{text!r} on the page", deadline)


def body(driver: webdriver.Chrome) -> str:
    from selenium.common.exceptions import WebDriverException

    try:
        return driver.find_element(By.ID, "content").text
    except WebDriverException:  # Between two pages.
        return ""


def refreshed(driver: webdriver.Chrome) -> str:
    driver.refresh()
    return body(driver)


def enter(element: WebElement) -> None:
    """As who has no mouse."""
    element.send_keys(Keys.ENTER)


def link(driver: webdriver.Chrome, text: str) -> WebElement:
    return driver.find_element(By.LINK_TEXT, text)


def button(driver: webdriver.Chrome, text: str) -> WebElement:
    return driver.find_element(By.XPATH, f"//div[@id='content-main']//button[.='{text}']")


def complaints(driver: webdriver.Chrome) -> list[Any]:
    """What the console says: violations of the policy, errors of scripts, missing files."""
    log = driver.get_log("browser")  # type: ignore[no-untyped-call]  # not annotated
    said = [entry["message"] for entry in log]
    return [text for text in said if "favicon.ico" not in text]


def really_fail(farm: Farm, redis: Redis, key: Path) -> str:
    """A job that a worker fails. Answers its id; no worker is left."""
    work = farm("resque_work", "--burst")
    handle = enqueue(jobs.unlock, str(key))
    wait_for(lambda: redis.llen("resque:failed"), "the failure")
    work.ends()
    return handle.id


@pytest.mark.parametrize("script", [True, False], ids=["JavaScript", "no JavaScript"])
def test_a_failed_job_is_found_retried_and_seen_done(
    browser: Start,
    live_server: LiveServer,
    farm: Farm,
    redis: Redis,
    tmp_path: Path,
    script: bool,
) -> None:
    key = tmp_path / "key"
    job_id = really_fail(farm, redis, key)
    driver = browser(script=script)
    log_in(driver, live_server)

    enter(driver.find_element(By.CSS_SELECTOR, f"dd a[href='{FAILURES}']"))
    shows(driver, "no key at")
    enter(link(driver, "tests.project.jobs.unlock"))
    shows(driver, 'raise FileNotFoundError(f"no key at {path}")')
    key.touch()
    enter(button(driver, "Retry"))
    shows(driver, "Waits in a queue")
    assert job_id in driver.current_url
    farm("resque_work", "--burst")
    if not script:
        wait_for(lambda: redis.llen("resque:queue:default") == 0, "the job is taken")
        wait_for(lambda: "complete" in refreshed(driver), "the job is done")
    shows(driver, "complete")
    shows(driver, '"open"')

    assert redis.llen("resque:failed") == 0
    assert complaints(driver) == []


def test_a_page_keeps_itself_fresh_until_it_is_told_not_to_or_cannot(
    browser: Start, live_server: LiveServer, store: Store
) -> None:
    driver = browser()
    log_in(driver, live_server)
    field = driver.find_element(By.ID, "resque-find")
    field.send_keys("half an id")

    push(store, "one more")
    shows(driver, "mail: 1 waiting, and no worker listens to it")
    focused = driver.switch_to.active_element
    assert focused.id != field.id
    assert focused.get_attribute("id") == "resque-find"
    assert focused.get_attribute("value") == "half an id"
    assert complaints(driver) == []

    pause = button(driver, "Pause refreshing")
    enter(pause)
    assert (pause.text, pause.get_attribute("aria-pressed")) == ("Refresh again", "true")
    driver.execute_script("window.fetch = () => Promise.reject(new TypeError('away'))")
    assert "Not refreshed" not in body(driver)

    enter(pause)
    shows(driver, "Not refreshed: the server does not answer as expected.")


#: A class, a queue and a host, without a blank where a line could be broken.
LONG_CLASS = "shop.integrations.payments.AuthorizeAndCaptureTheSubscriptionRenewalOfTheCustomer"
LONG_QUEUE = "a_queue_whose_name_has_forty_letters_yes"
LONG_WORKER = f"worker-7d9f8b6c5-x2x4q.eu-central-1.example.com:99123:{LONG_QUEUE},mail,images"

#: The buttons and fields that do not stand within the window, and within their table's box; or by
#: how much the whole page is wider than the window.
OUTSIDE = """
    const page = document.scrollingElement;
    const controls = document.querySelectorAll("#content :is(.button, input, select)");
    const beside = [...controls].filter((each) => {
        const at = each.getBoundingClientRect();
        const box = (each.closest(".resque-scroll") ?? document.body).getBoundingClientRect();
        return at.width && (at.left < box.left || at.right > box.right || at.right > innerWidth);
    }).map((each) => each.outerHTML);
    const by = page.scrollWidth - innerWidth;
    return by > 0 ? [`the page, by ${by}`] : beside;
"""


def long_names(store: Store) -> list[str]:
    """Something long for every page. Answers the addresses of all pages."""
    fill(store)
    args = ["x" * 300, {"note": "y" * 300}]
    later = int(time.time()) + 4000
    register(store, LONG_WORKER)
    store.push([Parcel(LONG_QUEUE, Payload.new(LONG_CLASS, args, "f" * 32, 1.0))])
    store.reserve(Take.new(LONG_WORKER, [LONG_QUEUE]))
    for due in (None, *[later] * 5):
        payload = Payload.new(LONG_CLASS, args, secrets.token_hex(16), 1.0)
        store.push([Parcel(LONG_QUEUE, payload, due=due)])
    store.pause(LONG_QUEUE, "an-operator-with-a-long-name@example.com")
    store.redis.set("resque:stat:processed", 1234567890)
    figures = {PROCESSED: 1234567, FAILED: 98765}
    record(store, ((LONG_QUEUE, LONG_CLASS), figures), (("mail", "X"), {PROCESSED: 1}))
    digest = fail(store, *args, name=LONG_CLASS, queue=LONG_QUEUE)
    held = store.in_hand(LONG_WORKER)
    assert held
    job = details.due(store, str(later)).rows[0]
    return [
        *(
            OVERVIEW,
            FAILURES,
            failure_url(digest),
            STATS,
            f"{DELAYED}?due={later}",
            *SHOWN,
            *ASKING,
        ),
        f"{FAILURES}edit/?digest={digest}&near=0",
        f"{FAILURES}retry/",
        f"{QUEUES}queue/?name={LONG_QUEUE}",
        f"{QUEUES}queue/?name={'nowhere' * 20}",
        f"{QUEUES}clear/?name={LONG_QUEUE}",
        f"{WORKERS}worker/?id={LONG_WORKER}",
        f"{WORKERS}stop/?id={LONG_WORKER}",
        f"{WORKERS}kill/?id={LONG_WORKER}&token={held.token}",
        f"{DELAYED}cancel/?due={later}&digest={job.digest}",
        f"{OVERVIEW}job/?id={'f' * 32}",
        f"{OVERVIEW}job/?id={ID}",
    ]


@pytest.mark.parametrize("language", ["en-us", "ar"])
def test_every_page_and_its_buttons_fit_a_phone_and_break_no_policy(
    browser: Start, live_server: LiveServer, store: Store, settings: Settings, language: str
) -> None:
    urls = long_names(store)
    driver = browser()
    log_in(driver, live_server)
    settings.LANGUAGE_CODE = language  # Arabic is written from right to left.

    def fit(urls: list[str]) -> None:
        for width in (375, 1200):
            driver.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride",
                {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500},
            )
            for url in urls:
                driver.get(live_server.url + url)
                assert driver.execute_script("return innerWidth") == width
                assert driver.execute_script(OUTSIDE) == [], url

    fit(urls)
    yesterday = 1000 * (int(time.time()) - 86400)
    store.redis.hset(store.keys.leases, mapping=dict.fromkeys(store.leases(), yesterday))
    fit([OVERVIEW, QUEUES, WORKERS, f"{WORKERS}worker/?id={LONG_WORKER}"])  # Silent by now.
    away = [text for text in complaints(driver) if "405 (Method Not Allowed)" not in text]
    assert away == []


def test_a_row_is_a_card_that_names_its_cells_where_the_table_is_narrow(
    browser: Start, live_server: LiveServer, store: Store
) -> None:
    fill(store)
    driver = browser()
    log_in(driver, live_server)
    driver.get(live_server.url + FAILURES)
    shown = """
        const cell = document.querySelector('[data-label="Queue"]');
        const row = cell.closest("tr");
        return [getComputedStyle(row).display, getComputedStyle(cell, "::before").content,
                row.computedRole ?? row.getAttribute("role"), cell.getAttribute("role")];
    """

    wide = driver.execute_script(shown)
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 375, "height": 800, "deviceScaleFactor": 1, "mobile": True},
    )
    narrow = driver.execute_script(shown)

    assert wide == ["table-row", "none", "row", "cell"]
    assert narrow == ["grid", '"Queue" / ""', "row", "cell"]
