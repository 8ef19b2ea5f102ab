"""The probe of docs/deployment: whether a `resque_work` works, by the time of its pid file."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from django_resque import pidfile
from tests.conftest import ROOT, Farm, gone, wait_for
from tests.test_outage import Server, server

__all__ = ["server"]  # A fixture.

#: Longer ago than any probe allows.
LONG_AGO = 1_000_000_000

Probe = Callable[[], int]


@pytest.fixture
def pid(tmp_path: Path) -> Path:
    return tmp_path / "resque.pid"


@pytest.fixture
def probe(pid: Path) -> Probe:
    """Runs the probe as Kubernetes does; answers its exit code."""
    text = (ROOT / "docs/deployment/kubernetes.yaml").read_text("utf-8")
    pod = yaml.safe_load(text)["spec"]["template"]["spec"]
    words = [
        word.replace("/run/resque/resque.pid", str(pid))
        for word in pod["containers"][0]["livenessProbe"]["exec"]["command"]
    ]
    return lambda: subprocess.run(words, check=False, capture_output=True).returncode


def renewed(pid: Path) -> bool:
    return pid.stat().st_mtime > LONG_AGO


def age(pid: Path) -> None:
    os.utime(pid, (LONG_AGO, LONG_AGO))


def test_a_working_resque_work_is_well_until_it_has_stopped(
    farm: Farm, pid: Path, probe: Probe
) -> None:
    absent = probe()

    work = farm("resque_work", f"--pid={pid}", RESQUE_HEARTBEAT="0.5")
    wait_for(lambda: probe() == 0, "the probe finds it well")
    age(pid)
    wait_for(lambda: probe() == 0, "it goes on telling")
    work.send(signal.SIGTERM)

    assert work.ends() == 0
    assert absent == probe() == 1


def test_one_that_waits_for_redis_at_its_start_is_not_well_yet(
    farm: Farm, pid: Path, probe: Probe
) -> None:
    work = farm("resque_work", f"--pid={pid}", REDIS_URL="redis://localhost:1/0")

    work.says("waiting 30 s for it")

    assert pid.exists()
    assert probe() == 1


def test_one_that_hangs_is_not_well(farm: Farm, pid: Path, probe: Probe) -> None:
    work = farm("resque_work", f"--pid={pid}")
    wait_for(lambda: probe() == 0, "the probe finds it well")

    work.send(signal.SIGSTOP)
    stat = Path(f"/proc/{work.pid}/stat")
    wait_for(lambda: ") T " in stat.read_text("utf-8"), "it has stopped")
    age(pid)
    time.sleep(pidfile.RENEW_EACH + 0.2)

    assert probe() == 1
    work.send(signal.SIGCONT)
    wait_for(lambda: probe() == 0, "it is well again")


def test_one_without_redis_is_well(farm: Farm, pid: Path, probe: Probe, server: Server) -> None:
    work = farm("resque_work", f"--pid={pid}")
    wait_for(lambda: probe() == 0, "the probe finds it well")

    server.kill()
    work.says("redis is away, waiting who=supervisor")
    age(pid)

    wait_for(lambda: probe() == 0, "it goes on telling")


def test_one_that_lacks_a_worker_process_is_not_well(farm: Farm, pid: Path) -> None:
    """After the third that dies young, the next ones are begun 0.5, 1, 2... seconds later."""
    work = farm("resque_work", f"--pid={pid}")
    for number in range(6):
        work.says("*** Starting worker", times=number + 1)
        newborn = work.worker_pids()[-1]
        os.kill(newborn, signal.SIGKILL)
        gone(newborn)
    age(pid)

    until = time.monotonic() + pidfile.RENEW_EACH + 0.2
    while time.monotonic() < until:
        work.send(signal.SIGCONT)  # Wakes it.
        time.sleep(0.05)

    assert not renewed(pid)
    assert len(work.worker_pids()) == 6
    wait_for(lambda: renewed(pid), "its worker process is replaced")


def test_a_pid_file_is_renewed_at_most_each_second(pid: Path) -> None:
    with pidfile.held(pid):
        at_first = renewed(pid)
        pidfile.renew()
        then = renewed(pid)
        age(pid)
        for _ in range(100):
            pidfile.renew()

        assert (at_first, then, renewed(pid)) == (False, True, False)


def test_without_a_pid_file_there_is_nothing_to_renew(pid: Path) -> None:
    with pidfile.held(pid):
        pass

    pidfile.renew()

    assert not pid.exists()
