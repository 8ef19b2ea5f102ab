"""
The plan of the house: which room may import which, held against every file.

The same plan in words is docs/architecture.rst. Change both or neither.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import django_resque

PACKAGE = Path(django_resque.__file__).parent

#: Rooms from the ground up: what each may import of ours, and of third parties.
PLAN: dict[str, set[str]] = {
    # Ground: names and text. The standard library, and setproctitle for titles.
    "version": set(),
    "errors": set(),
    "keys": set(),
    "dates": set(),
    "masking": set(),
    "retry": set(),
    "pidfile": set(),
    "memory": set(),
    "descriptors": set(),
    "process": {"descriptors", "setproctitle"},
    "forking": {"process"},
    "figures": set(),
    "sheet": {"figures"},
    "counting": {"figures", "sheet"},
    "charts": set(),
    "board": {"counting", "sheet"},
    "post": {"board", "descriptors", "sheet"},
    "patterns": set(),
    "reloading": set(),
    "leftover": {"process"},
    "sources": set(),
    "stdio": {"descriptors"},
    "hygiene": {"descriptors", "leftover", "process", "stdio"},
    "arguments": {"errors"},
    "wire": {"dates"},
    "about": {"memory", "wire"},
    "items": {"wire"},
    "failure": {"arguments", "dates", "errors", "masking", "wire"},
    # First floor: Redis.
    "scripts": {"wire", "redis"},
    "connection": {"redis", "django_redis"},
    "parcels": {"items", "keys", "wire"},
    "outcome": {"failure", "figures", "items", "wire"},
    "line": {"connection", "descriptors", "hiredis", "redis"},
    "roster": {"about", "dates", "keys", "line", "outcome", "parcels", "scripts", "wire", "redis"},
    "failed": {"failure", "parcels", "roster", "scripts", "wire"},
    "delayed": {"failed", "items", "parcels", "redis"},
    "queued": {"dates", "delayed", "failed", "parcels", "wire"},
    "store": {
        "dates", "errors", "failure", "items", "outcome", "parcels", "queued", "scripts", "wire",
    },
    "answers": {"roster", "wire", "redis"},
    "recording": {"answers", "figures", "roster", "scripts"},
    "listing": {"store", "wire", "redis"},
    "waiting": {"connection", "redis"},
    "doorbell": {"connection", "keys", "process", "scripts", "wire", "redis"},
    "rules": {"connection", "patterns", "retry", "django", "redis"},
    "conf": {"connection", "keys", "process", "retry", "rules", "store", "django", "redis"},
    # Second floor: jobs, and two windows on the data.
    "signals": {"django"},
    "registry": {"errors", "jobs", "sources"},  # jobs: for the type checker only
    "options": {"errors", "django"},
    "delivery": {"conf", "connection", "errors", "parcels", "django", "redis"},
    "handles": {"conf", "delivery", "errors", "items", "listing", "store", "wire"},
    "enqueueing": {
        "arguments", "conf", "delivery", "errors", "handles", "options", "parcels", "rules",
        "signals", "wire", "asgiref", "django",
    },
    "jobs": {"enqueueing", "handles", "options", "registry", "retry", "rules", "wire"},
    "queues": {"conf", "enqueueing", "errors", "listing", "process", "wire"},
    "rows": {"dates", "failure", "roster", "wire"},
    "problems": {"about", "patterns", "roster", "rows", "wire", "django"},
    "history": {"answers", "figures", "store"},
    "monitor": {
        "about", "answers", "dates", "failure", "history", "problems", "rows", "search", "store",
        "wire", "redis",
    },
    "contents": {
        "answers", "history", "patterns", "problems", "rows", "search", "store", "wire",
    },
    "details": {"answers", "dates", "items", "rows", "search", "store", "wire"},
    "findings": {"patterns", "rows", "wire", "django"},
    "doctor": {
        "conf", "connection", "findings", "monitor", "registry", "store", "version", "django",
        "redis",
    },
    "search": {"failure", "rows", "store", "wire"},
    "control": {
        "contents", "details", "failed", "failure", "monitor", "patterns", "process", "rows",
        "search", "store", "wire",
    },
    # Third floor: the engine. It never looks through the windows.
    "verdict": {"errors", "failure", "items", "outcome", "registry", "retry", "wire"},
    "execution": {
        "arguments", "errors", "jobs", "outcome", "parcels", "registry", "retry", "signals",
        "verdict", "wire", "django",
    },
    "order": {"about", "conf", "patterns", "process", "registry", "version"},
    "apart": {
        "board", "descriptors", "errors", "execution", "forking", "outcome", "process", "wire",
        "django",
    },
    "reports": {"failure", "outcome", "wire"},
    "persistence": {"about", "connection", "process", "store", "redis"},
    "worker": {
        "about", "apart", "board", "conf", "errors", "execution", "forking", "hygiene", "line",
        "listing", "memory", "order", "outcome", "patterns", "persistence", "post", "process",
        "reports", "signals", "store", "verdict", "version", "wire",
    },
    "clock": {"counting", "errors", "retry", "roster", "store", "verdict", "wire"},
    "child": {"about", "board", "errors", "process"},
    "crew": {"about", "board", "child", "forking", "post", "process"},
    "upkeep": {
        "about", "clock", "conf", "connection", "doorbell", "patterns", "recording", "store",
    },
    "supervisor": {
        "about", "child", "clock", "conf", "connection", "crew", "doorbell", "errors", "execution",
        "forking", "order", "pidfile", "post", "process", "reloading", "scripts", "store", "upkeep",
        "version", "wire", "worker", "django",
    },
    "alone": {
        "board", "child", "clock", "conf", "connection", "crew", "descriptors", "doorbell", "order",
        "pidfile", "post", "process", "reloading", "scripts", "store", "upkeep", "worker", "redis",
    },
    # The doors. Nothing inside imports them.
    "__init__": {"enqueueing", "errors", "handles", "jobs", "retry", "version"},
    "apps": {"checks", "conf", "delivery", "execution", "parcels", "registry", "django"},
    "checks": {"conf", "connection", "rules", "django"},
    "models": {"django"},
    "migrations": {"django"},
    "admin": {
        "arguments", "charts", "conf", "connection", "contents", "control", "dates", "details",
        "doctor", "errors", "findings", "history", "masking", "models", "monitor", "registry",
        "rows", "search", "wire", "django",
    },
    "templatetags": {"django"},
    "management": {
        "alone", "conf", "contents", "control", "doctor", "enqueueing", "errors", "findings",
        "masking", "monitor", "options", "order", "pidfile", "process", "registry", "reloading",
        "rows", "rules", "search", "supervisor", "waiting", "wire", "django",
    },
}  # fmt: skip

DOORS = {"apps", "checks", "models", "migrations", "admin", "templatetags", "management"}

ENGINE = {
    "order", "verdict", "execution", "apart", "reports", "persistence", "worker", "clock", "child",
    "crew", "upkeep", "supervisor", "alone",
}  # fmt: skip

#: Rooms that may pass 300 lines, each with its reason.
LARGE: dict[str, str] = {}


def files() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """Rooms of ours and third parties that a file imports, lazily or not."""
    package = ["django_resque", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _rooms(alias.name.split("."), [])
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            names = [alias.name for alias in node.names]
            yield from _rooms(base + (node.module or "").split("."), names)


def _rooms(dotted: list[str], names: list[str]) -> Iterator[str]:
    dotted = [part for part in dotted if part]
    if dotted[0] != "django_resque":
        yield dotted[0]
    elif len(dotted) > 1:
        yield dotted[1]
    else:
        yield from names


def third_parties_and_rooms(path: Path) -> set[str]:
    import sys

    return {name for name in imported(path) if name not in sys.stdlib_module_names} - {room(path)}


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_what_the_plan_allows(path: Path) -> None:
    assert third_parties_and_rooms(path) <= PLAN[room(path)]


def test_the_plan_names_no_room_and_no_right_that_is_not_used() -> None:
    used: dict[str, set[str]] = {}
    for path in files():
        used.setdefault(room(path), set()).update(third_parties_and_rooms(path))

    assert used == PLAN


def test_nothing_inside_opens_a_door() -> None:
    inside = PLAN.keys() - DOORS

    assert {name: PLAN[name] & DOORS for name in inside if PLAN[name] & DOORS} == {}


def test_a_web_process_that_enqueues_loads_no_engine() -> None:
    reached, waiting = set(), ["jobs"]
    while waiting:
        name = waiting.pop()
        if name in PLAN and name not in reached:
            reached.add(name)
            waiting += PLAN[name]

    assert reached & (ENGINE | DOORS | {"monitor", "control"}) == set()


def test_no_two_rooms_import_each_other_in_a_circle() -> None:
    order: list[str] = []
    left = {name: rights & PLAN.keys() for name, rights in PLAN.items()}
    left["registry"] = left["registry"] - {"jobs"}  # Only while types are checked.
    while left:
        free = [name for name, rights in left.items() if rights <= set(order)]
        assert free, f"a circle among {sorted(left)}"
        order += free
        left = {name: rights for name, rights in left.items() if name not in free}


def test_the_registry_imports_jobs_for_the_type_checker_only() -> None:
    text = (PACKAGE / "registry.py").read_text("utf-8")

    assert re.search(r"^if TYPE_CHECKING:\n    from \.jobs import Job$", text, re.MULTILINE)
    assert text.count("import Job") == 1


KEY_PARTS = ["queues", "workers", "failed", "stat", "worker", "queue", "lease", "heartbeat"]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_keys_spells_a_key(path: Path) -> None:
    if path.name == "keys.py":
        return
    spelled = re.findall(rf"[\"'](?:resque:)?(?:{'|'.join(KEY_PARTS)}):", path.read_text("utf-8"))

    assert spelled == []


def test_no_script_builds_a_key_but_the_status() -> None:
    for path in (PACKAGE / "scripts").glob("*.lua"):
        code = re.sub(r"--[^\n]*", "", path.read_text("utf-8"))
        built = re.findall(r"'(:[a-z]+|[a-z]+:)'", code)

        assert built in ([], [":status"]), path.name
        of_a_string = path.name == "_record.lua" and code.count("cjson") == 2
        assert of_a_string or "cjson" not in code
        assert "KEYS *" not in code


def test_every_script_has_its_header() -> None:
    for path in (PACKAGE / "scripts").glob("*.lua"):
        first = path.read_text("utf-8").splitlines()[0]

        assert first.startswith(f"-- {path.stem}: "), path.name
        if not path.stem.startswith("_"):
            text = path.read_text("utf-8")
            assert "--   KEYS[1]" in text, path.name
            assert "--   ARGV[1]" in text, path.name
            assert "--   returns" in text, path.name


def test_only_conf_reads_the_setting() -> None:
    for path in files():
        if path.name != "conf.py":
            text = path.read_text("utf-8")
            assert "settings.RESQUE" not in re.sub(r'"""[\s\S]*?"""|#.*', "", text), path.name


def test_a_room_over_300_lines_has_a_reason() -> None:
    large = {room(path) for path in files() if len(path.read_text("utf-8").splitlines()) > 300}

    assert large == LARGE.keys()


def test_no_function_is_longer_than_50_lines() -> None:
    for path in files():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                docstring = ast.get_docstring(node) or ""
                length = (node.end_lineno or 0) - node.lineno - len(docstring.splitlines())
                assert length <= 50, f"{path.name}: {node.name}"


def test_nothing_prints_but_through_its_command() -> None:
    for path in files():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id != "print", path.name
