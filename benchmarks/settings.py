"""The smallest project that performs jobs: the Redis is $REDIS_URL's."""

SECRET_KEY = "for benchmarks only"
INSTALLED_APPS = ["django_resque", "benchmarks"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
USE_TZ = True
