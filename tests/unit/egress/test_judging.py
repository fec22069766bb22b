"""Silence is proven or it is not: what was seen decides, and nothing is taken for well that was not looked at."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.egress.model import (
    PROBES,
    Attempt,
    Confinement,
    EgressReport,
    Ground,
    Network,
    Outcome,
    Probe,
    Protocol,
    Reason,
    Rules,
    Seen,
    Verdict,
    judge,
)
from appliance.egress.service import EgressService
from appliance.egress.wording import as_text, sentence
from appliance.kernel.clock import FixedClock

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
RULES = Rules(
    drops=True, openings=(), as_declared=True, refused=100, sha256="ab" * 32, text="table inet hangjegyzet {}"
)
WEB = Confinement("hangjegyzet-web.service", "hangjegyzet", "AF_INET AF_INET6 AF_UNIX", "0.0.0.0/0 ::/0", "::/0")
WORKER = Confinement("hangjegyzet-worker@speech.service", "hangjegyzet", "AF_UNIX", "", "0.0.0.0/0 ::/0")
STOPPED = (
    Attempt("root", PROBES[0], Outcome.NO_ANSWER),
    Attempt("root", PROBES[3], Outcome.REFUSED, "EPERM"),
    Attempt("hangjegyzet-worker@speech.service", PROBES[0], Outcome.NO_SOCKET, "EAFNOSUPPORT"),
)
SILENCE = Seen(RULES, STOPPED, frames=0, counted=2, filter_enforced=True)


def grounds(seen: Seen) -> tuple[Verdict, set[Ground]]:
    """The verdict, and what it rests on."""
    judgement = judge(seen)
    return judgement.verdict, {reason.ground for reason in judgement.reasons}


def test_silence_is_rules_that_drop_and_attempts_that_were_stopped() -> None:
    """Both are told."""
    assert grounds(SILENCE) == (Verdict.SILENT, {Ground.DROPPING, Ground.STOPPED})


@pytest.mark.parametrize(
    ("seen", "ground"),
    [
        (replace(SILENCE, frames=1), Ground.FRAMES),
        (replace(SILENCE, rules=None), Ground.NO_TABLE),
        (replace(SILENCE, rules=replace(RULES, drops=False)), Ground.NO_POLICY),
        (replace(SILENCE, attempts=(*STOPPED, Attempt("root", PROBES[3], Outcome.SENT))), Ground.GOT_OUT),
        (replace(SILENCE, attempts=(*STOPPED, Attempt("root", PROBES[0], Outcome.ANSWERED))), Ground.GOT_OUT),
    ],
    ids=["on the wire", "no table", "no policy", "sent", "answered"],
)
def test_one_packet_is_a_leak(seen: Seen, ground: Ground) -> None:
    """However many others were stopped; and rules that do not hold are one, though no cable is in."""
    assert grounds(seen) == (Verdict.LEAKS, {ground})


@pytest.mark.parametrize(
    ("seen", "ground"),
    [
        (replace(SILENCE, frames=None), Ground.UNWATCHED),
        (replace(SILENCE, counted=0), Ground.UNCOUNTED),
        (replace(SILENCE, attempts=(*STOPPED, Attempt("root", PROBES[0], Outcome.BROKEN, "EIO"))), Ground.UNTRIED),
        (replace(SILENCE, attempts=()), Ground.NOTHING_TRIED),
        (replace(SILENCE, rules=replace(RULES, as_declared=False)), Ground.NOT_AS_DECLARED),
    ],
    ids=["unwatched", "uncounted", "untried", "nothing tried", "other rules"],
)
def test_what_was_not_seen_is_not_proven(seen: Seen, ground: Ground) -> None:
    """A doubt is no leak, and no proof."""
    assert grounds(seen) == (Verdict.UNPROVEN, {ground})


def test_weaknesses_are_told_with_a_good_verdict() -> None:
    """An auditor learns what the silence rests on: openings, a filter that does nothing, a portal that answers all."""
    seen = replace(
        SILENCE,
        rules=replace(RULES, openings=("ip daddr 10.0.0.5 tcp dport 4317 accept",)),
        filter_enforced=False,
        units=(WEB, WORKER),
    )
    judgement = judge(seen)
    assert judgement.verdict is Verdict.SILENT
    assert {(one.ground, one.who) for one in judgement.remarks} == {
        (Ground.FILTER_IDLE, ""),
        (Ground.OPENING, "ip daddr 10.0.0.5 tcp dport 4317 accept"),
        (Ground.FIREWALL_ALONE, WEB.unit),
    }


def test_without_a_route_the_attempts_prove_little() -> None:
    """On a machine without a cable everything is stopped; the report says so."""
    judgement = judge(replace(SILENCE, attempts=(Attempt("root", PROBES[0], Outcome.NO_ROUTE, "ENETUNREACH"),)))
    assert judgement.verdict is Verdict.SILENT
    assert [one.ground for one in judgement.remarks] == [Ground.NO_ROUTE]


OUTCOMES = st.lists(st.tuples(st.sampled_from(Outcome), st.sampled_from(PROBES)), max_size=12)


@given(OUTCOMES, st.none() | st.integers(0, 3), st.integers(0, 12))
def test_nothing_that_got_out_is_ever_silent(
    tried: list[tuple[Outcome, Probe]], frames: int | None, counted: int
) -> None:
    """Whatever else was seen."""
    attempts = [Attempt("root", probe, outcome) for outcome, probe in tried]
    verdict = judge(Seen(RULES, attempts, frames, counted)).verdict
    out = bool(frames) or any(outcome in (Outcome.SENT, Outcome.ANSWERED) for outcome, _ in tried)
    assert (verdict is Verdict.LEAKS) == out
    if verdict is Verdict.SILENT:
        assert frames == 0
        assert counted >= sum(outcome is Outcome.NO_ANSWER for outcome, _ in tried)


def test_what_is_tried_harms_nobody_and_covers_everything() -> None:
    """Every protocol in both versions, to addresses that the documents of the internet keep for examples."""
    assert {(probe.protocol, probe.version) for probe in PROBES} == {
        (protocol, version) for protocol in Protocol for version in (4, 6)
    }
    reserved = ("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8::")
    assert all(probe.address.startswith(reserved) for probe in PROBES)


class FakeMachine:
    """Firewall, askers and wire in one: attempts that were stopped, each counted by the firewall."""

    def __init__(self, rules: Rules | None = RULES) -> None:
        self._rules = rules
        self.asked: list[bool] = []

    def rules(self) -> Rules | None:
        return self._rules and replace(self._rules, refused=self._rules.refused + len(PROBES) * len(self.asked))

    def confinements(self) -> Sequence[Confinement]:
        return (WEB, WORKER)

    def attempt(self, probes: Sequence[Probe], *, everybody: bool) -> Sequence[Attempt]:
        self.asked.append(everybody)
        return [Attempt("root", probe, Outcome.NO_ANSWER) for probe in probes]

    def filter_enforced(self) -> bool | None:
        return True

    def network(self) -> Network:
        return Network(("eth0",), ("10.0.0.1 (eth0)",))

    @contextmanager
    def watch(self, addresses: Sequence[str]) -> Iterator[Callable[[], int | None]]:
        assert set(addresses) == {probe.address for probe in PROBES}
        yield lambda: 0


def examined(machine: FakeMachine, *, everybody: bool = True) -> EgressReport:
    service = EgressService(
        firewall=machine, askers=machine, wire=machine, clock=FixedClock(NOW), release="1.2.3", host="box"
    )
    return service.examine(everybody=everybody)


def test_a_report_holds_what_was_looked_at() -> None:
    """Rules, processes, attempts, counters; and comes back from JSON as it was."""
    report = examined(FakeMachine())
    assert report.verdict is Verdict.SILENT
    assert (report.counted, report.frames, len(report.attempts)) == (len(PROBES), 0, len(PROBES))
    assert [unit.unit for unit in report.units] == [WEB.unit, WORKER.unit]
    again = msgspec.convert(msgspec.json.decode(msgspec.json.encode(report)), EgressReport)
    assert as_text(again, "hu") == as_text(report, "hu")


def test_a_quick_look_asks_root_alone() -> None:
    """Health looks every few minutes; starting a process in every sandbox would be too much."""
    machine = FakeMachine()
    assert examined(machine, everybody=False).units == ()
    assert machine.asked == [False]


@pytest.mark.parametrize("language", ["hu", "en"])
def test_the_page_says_everything_in_both_languages(language: str) -> None:
    """Verdict, rules' hash, every asker; and each ground has a sentence."""
    report = examined(FakeMachine())
    page = as_text(report, language, key="cd" * 32)  # type: ignore[arg-type]  # parametrized
    for word in ("ab" * 32, "cd" * 32, "2026-11-23", "1.2.3", WEB.unit, "eth0", "root"):
        assert word in page
    for verdict in Verdict:
        assert as_text(replace(report, verdict=verdict, rules=None), language)  # type: ignore[arg-type]  # as above
    assert len({sentence(Reason(ground, "x", 1, 2), language) for ground in Ground}) == len(Ground)  # type: ignore[arg-type]  # as above
    assert "No route leads" in sentence(Reason(Ground.NO_ROUTE), "en")
