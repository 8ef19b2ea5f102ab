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

#: Where Redis is stands in $REDIS_URL, or is localhost.
RESQUE = {
    "INTERVAL": 0.5,
    "NAMESPACE": os.environ.get("SHOP_NAMESPACE", "resque"),
}

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(os.environ.get("SHOP_DIRECTORY", BASE_DIR)) / "shop.sqlite3",
        # A web server and several workers write to it: let them wait for each other.
        "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
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

STATIC_URL = "static/"
TIME_ZONE = "UTC"
