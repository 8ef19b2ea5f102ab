"""settings.RESQUE: read lazily, forgotten when it changes, and wrong in clear words."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from pytest_django import Settings

from django_resque import checks, conf, connection

INFINITE, NO_NUMBER = float("inf"), float("nan")
DJANGO_REDIS = {"BACKEND": "django_redis.cache.RedisCache"}


def address(**resque: Any) -> str:
    return connection.describe(conf.pool(conf.build(resque)))


def test_without_any_setting_redis_is_on_localhost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL")

    assert address() == "redis://localhost:6379/0"
    assert conf.build({}).namespace == "resque"


def test_the_environment_names_redis_and_a_url_overrides_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://env:6380/3")

    assert address() == "redis://env:6380/3"
    assert address(URL="rediss://:secret@set:6381/4") == "rediss://set:6381/4"
    assert address(URL="unix:///run/redis.sock?db=2") == "unix:///run/redis.sock?db=2"


@pytest.fixture
def cache(settings: Settings) -> None:
    settings.CACHES = {
        "default": {
            **DJANGO_REDIS,
            "LOCATION": "redis://user:secret@cache:6390/1",
        },
        "tls": {**DJANGO_REDIS, "LOCATION": "rediss://x/0?ssl_cert_reqs=bogus"},
        "dots": {**DJANGO_REDIS, "LOCATION": "redis://foo..bar/0"},
        "slash": {**DJANGO_REDIS, "LOCATION": "redis://:hunter2/hunter2@x/0"},
        "local": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    }


def test_a_django_redis_cache_names_redis_and_db_the_database(cache: None) -> None:
    pool = conf.pool(conf.build({"CACHE": "default", "DB": 5}))

    assert connection.describe(pool) == "redis://cache:6390/5"
    assert pool.connection_kwargs["username"] == "user"
    assert pool.connection_kwargs["password"] == "secret"
    assert address(CACHE="default") == "redis://cache:6390/1"


def test_a_store_by_way_of_a_cache_works(settings: Settings, redis_url: str, redis: Any) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": redis_url,
            "OPTIONS": {"SOCKET_TIMEOUT": 3},
        }
    }
    settings.RESQUE = {"CACHE": "default", "DB": 2, "NAMESPACE": "shop"}

    conf.store().order_stop({"h:1:q": "a birth"})

    redis.select(2)
    try:
        assert redis.keys("*") == [b"shop:workers:orders"]
    finally:
        redis.select(0)


def test_the_settings_are_forgotten_when_they_change(settings: Settings) -> None:
    settings.RESQUE = {"NAMESPACE": "one"}
    assert conf.store().keys.namespace == "one"

    settings.RESQUE = {"NAMESPACE": "two"}

    assert conf.store().keys.namespace == "two"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "RESQUE must be a dict, not list."),
        ("redis://:hunter2@x/0", "RESQUE must be a dict, not str."),
        (["redis://:hunter2@x/0"], "RESQUE must be a dict, not list."),
        ({"COUNT": 0}, "RESQUE['COUNT'] must be a whole number above 0, not 0."),
        ({"COUNT": True}, "RESQUE['COUNT'] must be a whole number above 0, not True."),
        ({"INTERVAL": "5"}, "RESQUE['INTERVAL'] must be a number of seconds above 0, not '5'."),
        ({"INTERVAL": INFINITE}, "must be a number of seconds above 0, not inf. At most 1e9"),
        ({"INTERVAL": NO_NUMBER}, "must be a number of seconds above 0, not nan."),
        ({"INTERVAL": 1e300}, "must be a number of seconds above 0, not 1e+300. At most 1e9"),
        ({"STOP_TIMEOUT": 10**400}, "RESQUE['STOP_TIMEOUT'] must be a number of seconds above 0"),
        ({"STATUS_TTL": INFINITE}, "RESQUE['STATUS_TTL'] must be a number of seconds above 0"),
        ({"HEARTBEAT": NO_NUMBER}, "seconds above 0 and at most 5, not nan."),
        ({"HEARTBEAT": 60}, "must be a number of seconds above 0 and at most 5, not 60."),
        ({"QUEUES": "a,b"}, "Write a list: ['a', 'b']."),
        ({"QUEUES": ["a:b"]}, "The queue name 'a:b' contains ':'."),
        ({"QUEUES": ["a", "b c"]}, "The queue name 'b c' contains ' '."),
        ({"QUEUES": ["!mail"]}, "The list of queues only says what to leave out"),
        ({"DEFAULT_QUEUE": "mail*"}, "'mail*' is a pattern"),
        ({"DEFAULT_QUEUE": "!mail"}, "'!mail' is a pattern"),
        ({"TIMEOUT": 0}, "RESQUE['TIMEOUT'] must be a number of seconds above 0, or None"),
        ({"HOSTNAME": "a:b"}, "RESQUE['HOSTNAME'] must be a name without colon"),
        ({"DB": 1}, "RESQUE['DB'] goes with RESQUE['CACHE'] only."),
        ({"URL": "redis://x", "CACHE": "default"}, "RESQUE names both 'URL' and 'CACHE'."),
        ({"URL": "localhost:6379"}, "RESQUE['URL'] is no address of a Redis"),
        ({"URL": "redis://x:6379/jobs"}, "RESQUE['URL'] is no address of a Redis"),
        ({"RETRY": {"limits": 3}}, "Write {'limit': 5}; the arguments are limit, delay, factor"),
        ({"RETRY": True}, "Write {'limit': 5}; the arguments are limit, delay, factor"),
        ({"URL": "redis://x:port/0"}, "RESQUE['URL'] is no address of a Redis"),
        ({"URL": "redis://x/0?foo=1"}, "RESQUE['URL'] is no address of a Redis"),
        ({"URL": b"redis://:hunter2@x/0"}, "not bytes."),
        ({"URL": "redis://:hunter2/hunter2@x/0"}, "RESQUE['URL'] is no address of a Redis"),
        ({"URL": "rediss://x/0?ssl_cert_reqs=bogus"}, "RESQUE['URL'] is no address of a Redis"),
        ({"URL": "redis://foo..bar/0"}, "RESQUE['URL'] is no address of a Redis"),
        ({"URL": f"redis://{'x' * 64}.org/0"}, "RESQUE['URL'] is no address of a Redis"),
        ({"CACHE": "redis://:hunter2@x/0"}, "in settings.CACHES, not str. A URL goes to 'URL'."),
        ({"CACHE": "tls"}, "RESQUE['CACHE'] names 'tls', no usable"),
        ({"CACHE": "dots"}, "RESQUE['CACHE'] names 'dots', no usable"),
        ({"CACHE": "slash"}, "RESQUE['CACHE'] names 'slash', no usable"),
        ({"DB": "redis://:hunter2@x/0"}, "RESQUE['DB'] must be the number of a Redis database"),
        ({"COUNT": ["redis://:hunter2@x/0"]}, "RESQUE['COUNT'] must be a whole number above 0"),
        ({"HOSTNAME": "redis://:hunter2@x/0"}, "RESQUE['HOSTNAME'] must be a name without colon"),
        ({"DEFAULT_QUEUE": "redis://:hunter2@x/0"}, "RESQUE['DEFAULT_QUEUE'] must be a queue's"),
        ({"QUEUES": "redis://:hunter2@x/0"}, "RESQUE['QUEUES'] must be a list of queue names"),
        ({"QUEUES": ["redis://:hunter2@x/0"]}, "RESQUE['QUEUES'] must be a list of queue names"),
        ({"CACHE": "absent"}, "RESQUE['CACHE'] names 'absent', no usable"),
        ({"CACHE": "local"}, "RESQUE['CACHE'] names 'local', no usable"),
    ],
)
def test_what_cannot_work_is_said_in_one_sentence(
    cache: None, settings: Settings, given: Any, message: str
) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        conf.build(given)
    settings.RESQUE = given
    (found, *_) = checks.check_settings()

    assert message in str(caught.value)
    assert "hunter2" not in f"{caught.value} {checks.check_settings()}"
    assert found.id == "django_resque.E001"
    assert found.msg in str(caught.value)


def test_a_malformed_redis_url_of_the_environment_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REDIS_URL", "nonsense")

    with pytest.raises(ImproperlyConfigured, match=r"^\$REDIS_URL is no address"):
        conf.build({})


def test_an_unknown_key_is_a_warning_with_the_nearest_name(settings: Settings) -> None:
    settings.RESQUE = {"NAMSPACE": "x"}

    (warning,) = checks.check_settings()

    assert warning.id == "django_resque.W001"
    assert warning.hint == "Did you mean 'NAMESPACE'?"
    assert conf.options().namespace == "resque"


def test_no_password_is_shown_for_a_key_that_is_none(settings: Settings) -> None:
    settings.RESQUE = {"redis://:hunter2@x/0": 1}

    (warning,) = checks.check_settings()

    assert warning.msg == "RESQUE[str] is not a setting of django-resque."


def test_a_host_outside_ascii_is_an_address() -> None:
    assert address(URL="redis://bücher.example/0") == "redis://bücher.example:6379/0"


@pytest.mark.parametrize(
    "location",
    [
        "redis://cache:6390/1",
        ["redis://other:6379/0", "redis://cache:6390/1"],
        "redis://other:6379,redis://:pw@cache:6390/1",
    ],
)
def test_sharing_a_caches_database_is_a_warning(settings: Settings, location: Any) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": location,
        }
    }
    settings.RESQUE = {"URL": "redis://cache:6390/1"}

    (warning,) = checks.check_settings()

    assert warning.id == "django_resque.W002"
    assert "its clear() would delete them" in warning.msg
    settings.RESQUE = {"URL": "redis://cache:6390/2"}
    assert checks.check_settings() == []


def test_the_checks_run_with_djangos_and_touch_no_redis(settings: Settings) -> None:
    settings.RESQUE = {"URL": "redis://192.0.2.1:1/0"}

    call_command("check")


def test_a_hostname_with_colons_is_made_harmless() -> None:
    assert conf.hostname(conf.build({"HOSTNAME": "web-1"})) == "web-1"
    assert ":" not in conf.hostname(conf.build({}))


def test_flags_on_top_of_what_is_no_dict_are_one_sentence(settings: Settings) -> None:
    settings.RESQUE = "redis://:hunter2@x/0"

    with pytest.raises(ImproperlyConfigured, match=r"^RESQUE must be a dict, not str\."):
        conf.overridden({"COUNT": 2})


@pytest.mark.parametrize("host", ["[::1]", "my_redis", "10.0.0.1", "redis.example.org."])
def test_an_address_may_name_its_host_in_many_ways(host: str) -> None:
    assert conf.build({"URL": f"redis://{host}:6379/0"}).url
