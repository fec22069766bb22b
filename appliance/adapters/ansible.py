"""Ansible as the machinery of ``hangjegyzet apply``: a process of its own that runs the release's playbooks here.

Ansible-core is GPL; it is started as a program and never imported. Its callback plugin, shipped with the playbooks,
tells each task as one JSON line. Mitogen keeps one interpreter for all tasks instead of starting one or two for each:
people wait for a run of the playbooks while a machine is upgraded (ADR 116).
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, cast

from appliance.configuration.errors import ApplyFailed
from appliance.configuration.model import Value
from appliance.configuration.ports import Run, Task, TaskState

FOLDER_PREFIX = "hangjegyzet-apply-"
"""Of a run's own folder for temporary files; one that was killed leaves it behind."""


class AnsibleMachinery:
    """Runs ``site.yml`` against this machine.

    Args:
        playbooks: folder with ``site.yml`` and ``ansible.cfg``.
        playbook: what is run.
        portal_port: where the portal answers when it is not at its own address, as while an upgrade is tried.
    """

    def __init__(self, playbooks: Path, *, portal_port: int | None = None, playbook: str = "site.yml") -> None:
        self._playbooks = playbooks
        self._playbook = playbook
        self._portal_port = portal_port

    def run(self, run: Run) -> Iterator[Task]:
        """Tell each task as it begins and ends.

        Raises:
            ApplyFailed: Ansible itself did not run to its end.
        """
        with TemporaryDirectory(prefix=FOLDER_PREFIX) as own:
            variables = Path(own, "variables.json")
            variables.write_text(json.dumps(_variables(run, self._portal_port)), encoding="utf-8")
            # Begins no further task when we are gone; the one under way ends, and holds the lock until then.
            command = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-I", "-m", "ansible", "playbook"]
            command += [self._playbook]
            command += ["--extra-vars", f"@{variables}"]
            command += ["--check"] if run.check else []
            command += ["--diff"] if run.diff else []
            with subprocess.Popen(
                command,
                cwd=self._playbooks,
                env=_environment(Path(own), self._playbooks),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                pass_fds=() if run.hold is None else (run.hold,),
            ) as process:
                yield from _tell(process, cast("IO[str]", process.stdout))


def _tell(process: subprocess.Popen[str], lines: IO[str]) -> Iterator[Task]:
    """Read the callback's lines; anything else that is printed explains a run that broke."""
    unexpected: list[str] = []
    failed = False
    for line in lines:
        said = _parsed(line)
        if said is None:
            unexpected = [*unexpected[-20:], line.rstrip()]
        elif said["event"] in {"begin", "task"}:
            task = _task(said)
            failed = failed or task.state is TaskState.FAILED
            yield task
    if process.wait() != 0 and not failed:
        raise ApplyFailed(task="Ansible", reason="\n".join(unexpected) or "it gave no reason", outcome="")


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) and "event" in said else None


def _task(said: dict[str, Any]) -> Task:
    state = TaskState.BEGUN if said["event"] == "begin" else TaskState(said["state"])
    return Task(said["role"], said["task"], state, reason=said.get("reason", ""), diff=said.get("diff", ""))


def told(task: Task) -> dict[str, Any]:
    """A task as one line of JSON says it, in the callback's own shape; the inverse of ``parse_task``."""
    line: dict[str, Any] = {"event": "begin" if task.state is TaskState.BEGUN else "task"}
    line |= {"role": task.role, "task": task.name, "state": task.state.value}
    return line | {name: value for name, value in (("reason", task.reason), ("diff", task.diff)) if value}


def parse_task(line: str) -> Task | None:
    """The task that a line of JSON tells; None for any other line."""
    said = _parsed(line)
    if said is None or said["event"] not in {"begin", "task"}:
        return None
    try:
        return _task(said)
    except (KeyError, ValueError):
        return None


def _variables(run: Run, portal_port: int | None) -> dict[str, Any]:
    """Settings as a tree, as the roles read them: ``appliance.web.port``."""
    tree: dict[str, Any] = {}
    for key, value in run.settings.items():
        *sections, name = key.split(".")
        _inside(tree, sections)[name] = value
    release: dict[str, Any] = {"path": run.release_path, "version": run.release_version}
    if portal_port is not None:
        release["portal_port"] = portal_port
    return {"appliance": tree, "release": release}


def _inside(tree: dict[str, Any], sections: list[str]) -> dict[str, Value | Any]:
    for section in sections:
        tree = tree.setdefault(section, {})
    return tree


def _environment(own: Path, playbooks: Path) -> dict[str, str]:
    """Nothing of the caller's surroundings decides what is run; all that Ansible writes goes into ``own``."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(own),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_CONFIG": str(playbooks / "ansible.cfg"),
        "ANSIBLE_LOCAL_TEMP": str(own / "tmp"),
        "ANSIBLE_STRATEGY": "mitogen_linear",
        "ANSIBLE_STRATEGY_PLUGINS": str(_mitogen() / "plugins/strategy"),
        "ANSIBLE_NOCOLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": os.environ.get("TMPDIR", "/tmp"),  # noqa: S108  # where the caller's temporary files go, as always
    }


def _mitogen() -> Path:
    """Where its plugins lie; looked up and not imported, since they import Ansible."""
    found = find_spec("ansible_mitogen")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("ansible_mitogen", name="ansible_mitogen")
    return Path(found.origin).parent
