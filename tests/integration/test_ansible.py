"""Real playbooks through the adapter that runs them: what is told of tasks, what is left of a run that is killed."""

import fcntl
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from appliance.adapters.ansible import AnsibleMachinery
from appliance.configuration.ports import Run, TaskState

SHIPPED = Path(__file__).parents[2] / "ansible"
WRITES = """
- hosts: appliance
  gather_facts: false
  tasks:
    - name: Write a file
      ansible.builtin.copy:
        content: "{{ appliance.web.port }} of {{ release.version }}\\n"
        dest: "{{ playbook_dir }}/written"
        mode: "0600"
"""
REFUSES = """
- hosts: appliance
  gather_facts: false
  tasks:
    - name: Refuse
      ansible.builtin.assert:
        that: appliance.web.port == 1
        fail_msg: The port is not 1.
"""
TWO = """
- hosts: appliance
  gather_facts: false
  tasks:
    - name: Begin, and wait for a file
      ansible.builtin.shell:
        cmd: touch first; until test -e go; do sleep 0.1; done
        chdir: "{{ playbook_dir }}"
    - name: Go on
      ansible.builtin.file:
        path: "{{ playbook_dir }}/second"
        state: touch
        mode: "0600"
"""
SHOWS = """
- hosts: appliance
  gather_facts: false
  tasks:
    - name: Show the strategy
      ansible.builtin.copy:
        content: "{{ lookup('ansible.builtin.config', 'DEFAULT_STRATEGY') }}"
        dest: "{{ playbook_dir }}/strategy"
        mode: "0600"
"""


@pytest.fixture
def playbooks(tmp_path: Path) -> Path:
    """A folder as a release has it, with another site.yml."""
    for name in ("ansible.cfg", "inventory", "callback_plugins"):
        source = SHIPPED / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name)
        else:
            shutil.copy(source, tmp_path / name)
    (tmp_path / "roles").mkdir()
    return tmp_path


def run_of(*, check: bool = False, diff: bool = False, hold: int | None = None) -> Run:
    """A run with one setting."""
    return Run(
        settings={"web.port": 443}, release_path="/opt/hangjegyzet/current", release_version="1.2.3",
        check=check, diff=diff, hold=hold,
    )  # fmt: skip


def ended(playbooks: Path, run: Run) -> list[TaskState]:
    """How each task ended."""
    told = AnsibleMachinery(playbooks).run(run)
    return [task.state for task in told if task.state is not TaskState.BEGUN]


def test_a_second_run_changes_nothing(playbooks: Path) -> None:
    """The first writes what the settings say, a look beforehand writes nothing, and afterwards all is there."""
    (playbooks / "site.yml").write_text(WRITES)
    assert ended(playbooks, run_of(check=True)) == [TaskState.CHANGED]
    assert not (playbooks / "written").exists()
    assert ended(playbooks, run_of()) == [TaskState.CHANGED]
    assert (playbooks / "written").read_text() == "443 of 1.2.3\n"
    assert ended(playbooks, run_of()) == [TaskState.OK]


def test_a_difference_is_shown(playbooks: Path) -> None:
    """Who asks for it sees what would be written."""
    (playbooks / "site.yml").write_text(WRITES)
    (task,) = [one for one in AnsibleMachinery(playbooks).run(run_of(check=True, diff=True)) if one.diff]
    assert "+443 of 1.2.3" in task.diff


def test_a_refusal_is_told_with_its_reason(playbooks: Path) -> None:
    """The task that failed, in its own words."""
    (playbooks / "site.yml").write_text(REFUSES)
    last = list(AnsibleMachinery(playbooks).run(run_of()))[-1]
    assert (last.state, last.name, last.reason) == (TaskState.FAILED, "Refuse", "The port is not 1.")


def test_one_interpreter_serves_all_tasks(playbooks: Path) -> None:
    """People wait for a run of the playbooks, so the quick strategy is not lost unnoticed."""
    (playbooks / "site.yml").write_text(SHOWS)
    assert ended(playbooks, run_of()) == [TaskState.CHANGED]
    assert (playbooks / "strategy").read_text() == "mitogen_linear"


def test_a_killed_run_begins_no_other_task(playbooks: Path) -> None:
    """The task under way ends, and holds the lock so long; whoever takes over then finds nobody at work."""
    (playbooks / "site.yml").write_text(TWO)
    script = (
        "import os, sys; from pathlib import Path; from tests.integration.test_ansible import ended, run_of;"
        "folder = Path(sys.argv[1]); lock = os.open(folder / 'lock', os.O_RDWR | os.O_CREAT);"
        "import fcntl; fcntl.flock(lock, fcntl.LOCK_EX); ended(folder, run_of(hold=lock))"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(playbooks)]) as driver:
        until(lambda: (playbooks / "first").exists())
        driver.kill()
    with (playbooks / "lock").open("r+") as lock:
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (playbooks / "go").touch()
        until(lambda: free(lock))
    assert not (playbooks / "second").exists()


def free(lock: IO[str]) -> bool:
    """Whether nobody holds it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that comes soon."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)
