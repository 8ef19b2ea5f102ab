"""The benchmarks run; what they measure is for people to read."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("words", "last"),
    [
        (("delayed", "--jobs=300"), "promote, two at once"),
        (("throughput", "--jobs=300", "--rounds=1"), "worker, tracked"),
        (("pages", "--failures=300", "--queues=9", "--workers=9"), "\njob  "),
    ],
)
def test_a_benchmark_prints_its_figures(words: tuple[str, ...], last: str) -> None:
    name, *flags = words

    ran = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert last in ran.stdout
