"""The benchmarks run; what they measure is for people to read."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("words", "last"),
    [(("delayed",), "promote, two at once"), (("throughput", "--rounds=1"), "worker, tracked")],
)
def test_a_benchmark_prints_its_figures(words: tuple[str, ...], last: str) -> None:
    name, *flags = words

    ran = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", "--jobs=300", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert last in ran.stdout
