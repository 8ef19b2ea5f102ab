"""
The shop's settings. What is django-resque's here: a line in INSTALLED_APPS, and RESQUE.

demo.py gives the shop a directory that is gone afterwards and, on a Redis that
belongs to somebody, a namespace of its own.
"""

import os
from pathlib import Path

BASE_DIR = Path(__file__).parent

SECRET_KEY = "for the demo only"
DEBUG = True
ROOT_URLCONF = "urls"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_resque",
    "shop",
]

#: What demo.py keeps apart from what else is on this machine.
DIRECTORY = Path(os.environ.get("SHOP_DIRECTORY", BASE_DIR))
NAMESPACE = os.environ.get("SHOP_NAMESPACE", "resque")
REDIS_URL = os.environ.get("REDIS_URL", "redis://localhost:6379")

#: One Redis server, and two databases of it: 0, or what the URL says, for the cache ...
CACHES = {
    alias: {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": NAMESPACE,
    }
    for alias in ("default", "resque")
}

#: ... and 1 for the jobs, so that cache.clear() does not delete them. Address, password and TLS
#: come from the cache.
RESQUE = {
    "CACHE": "resque",
    "DB": 1,
    "NAMESPACE": NAMESPACE,
    # The most urgent first: a customer waits for a receipt, nobody for an import.
    "QUEUES": ["mail", "payments", "images", "raw", "reports", "imports"],
}

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DIRECTORY / "shop.sqlite3",
        # A web server and several workers write to it: let them wait for each other.
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"

STATIC_URL = "static/"
MEDIA_URL = "media/"
MEDIA_ROOT = DIRECTORY / "media"
TIME_ZONE = "UTC"
