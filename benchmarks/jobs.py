"""Jobs that do nothing, so that what is measured is what surrounds a job."""

from django_resque import job


@job(track=False)
def nothing(number: int) -> None:
    pass


@job()
def tracked(number: int) -> None:
    pass
