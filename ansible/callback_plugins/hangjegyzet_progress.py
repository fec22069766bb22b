"""Tells the run as JSON lines, one per finished task, for ``hangjegyzet apply``, the console and the upgrade.

Each line is an object: ``{"event": "task", "role", "task", "state": "ok|changed|skipped|failed", "reason", "diff"}``,
and at the end ``{"event": "end", "ok", "changed", "failed"}``. Nothing of a task marked ``no_log`` is told.
"""

from __future__ import annotations

import json

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: hangjegyzet_progress
type: stdout
short_description: one JSON line per finished task
description: For programs that run a playbook and show how far it is.
"""


class CallbackModule(CallbackBase):
    """See the module's docstring."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "hangjegyzet_progress"

    def __init__(self):
        super().__init__()
        self._diffs = {}

    def v2_playbook_on_task_start(self, task, is_conditional):
        self._tell({"event": "begin", **self._named(task)})

    def v2_on_file_diff(self, result):
        shown = result.result.get("diff")
        if shown and not result.result.get("_ansible_no_log"):
            self._diffs[id(result.task)] = self._get_diff(shown)

    def v2_runner_on_ok(self, result):
        self._finish(result, "changed" if result.result.get("changed") else "ok")

    def v2_runner_on_skipped(self, result):
        self._finish(result, "skipped")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._finish(result, "ok" if ignore_errors else "failed")

    def v2_runner_on_unreachable(self, result):
        self._finish(result, "failed")

    def v2_playbook_on_stats(self, stats):
        hosts = [stats.summarize(host) for host in stats.processed]
        totals = {name: sum(host[name] for host in hosts) for name in ("ok", "changed", "failures", "unreachable")}
        failed = totals.pop("failures") + totals.pop("unreachable")
        self._tell({"event": "end", **totals, "failed": failed})

    def _finish(self, result, state):
        task = result.task
        line = {"event": "task", **self._named(task), "state": state}
        if state == "failed":
            line["reason"] = self._reason(result.result)
        if diff := self._diffs.pop(id(task), ""):
            line["diff"] = diff
        self._tell(line)

    @staticmethod
    def _named(task):
        role, _, name = task.get_name().rpartition(" : ")
        return {"role": role, "task": name}

    @staticmethod
    def _reason(outcome):
        if outcome.get("_ansible_no_log"):
            return "its output is not shown, because it may hold a secret"
        items = [item for item in outcome.get("results", []) if item.get("failed")]
        said = [
            str(what[name]).strip()
            for what in items or [outcome]
            for name in ("msg", "stderr", "stdout")
            if what.get(name)
        ]
        return "\n".join(said)[:4000] or "no reason given"

    def _tell(self, line):
        self._display.display(json.dumps(line, ensure_ascii=False), screen_only=False)
