"""
The admin in a real browser, with a real worker: a job fails, is found, retried and seen done.
With JavaScript and without, by keyboard, and, from Django 6.0 on, under a strict CSP.

Debian's chromium and chromium-driver are used where they are; nothing is fetched.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer
from redis import Redis
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from django_resque import enqueue
from django_resque.store import Store
from tests.conftest import Farm, wait_for
from tests.project import jobs
from tests.test_admin import FAILURES, OVERVIEW, failure_url, newest
from tests.test_admin_pages import ASKING, SHOWN, fill, push

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


def test_every_page_fits_a_phone_and_breaks_no_policy(
    browser: Start, live_server: LiveServer, store: Store
) -> None:
    fill(store)
    driver = browser()
    log_in(driver, live_server)
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 375, "height": 800, "deviceScaleFactor": 1, "mobile": True},
    )
    one = failure_url(newest(store))
    edit = f"{FAILURES}edit/?digest={newest(store)}&near=0"

    for url in [OVERVIEW, FAILURES, one, edit, *SHOWN, *ASKING]:
        driver.get(live_server.url + url)
        wide = driver.execute_script("return document.documentElement.scrollWidth")
        assert wide <= 375, url
    assert complaints(driver) == []
