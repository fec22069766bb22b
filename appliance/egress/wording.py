"""The report on one page, for somebody who audits: in Hungarian and English."""

from collections import Counter
from collections.abc import Mapping
from typing import Final, Literal

from appliance.egress.model import Attempt, EgressReport, Ground, Outcome, Protocol, Reason, Verdict

Language = Literal["hu", "en"]

_TEXTS: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "title": "Nothing leaves: report of an attempt",
        "machine": "Machine",
        "release": "Release",
        "made": "Made",
        "key": "Signed with",
        "verdict": "VERDICT",
        Verdict.SILENT: "SILENT: nothing left this machine, and nothing can",
        Verdict.LEAKS: "LEAKS: something left this machine, or could",
        Verdict.UNPROVEN: "UNPROVEN: nothing was seen to leave, but not everything could be looked at",
        "remarks": "To be known besides",
        "rules": "Firewall",
        "policy": "what no rule lets out is dropped",
        "no_policy": "DOES NOT DROP WHAT GOES OUT",
        "no_table": "NOT LOADED",
        "hash": "rules' SHA-256",
        "declared": "as declared",
        "yes": "yes",
        "no": "NO",
        "unknown": "not compared",
        "refused_total": "packets refused since loading",
        "meanwhile": "of these during the attempts",
        "seen": "packets seen on the wire",
        "unwatched": "nobody watched",
        "network": "Attached by",
        "gateways": "default routes",
        "none": "none",
        "filter": "systemd's filter of addresses",
        "works": "works: a denied connection was stopped",
        "idle": "DOES NOTHING on this machine",
        "untried": "not tried",
        "units": "Processes, and what their units let them reach",
        "everything": "every address",
        "only": "only",
        "attempts": "Attempts, and what stopped them",
        Outcome.NO_SOCKET: "no such socket",
        Outcome.REFUSED: "refused by the kernel",
        Outcome.NO_ROUTE: "no route",
        Outcome.NO_ANSWER: "dropped",
        Outcome.SENT: "SENT",
        Outcome.ANSWERED: "ANSWERED",
        Outcome.BROKEN: "could not be tried",
    },
    "hu": {
        "title": "Semmi nem távozik: jegyzőkönyv a kísérletről",
        "machine": "Gép",
        "release": "Kiadás",
        "made": "Készült",
        "key": "Aláírta",
        "verdict": "ÍTÉLET",
        Verdict.SILENT: "CSEND: semmi nem hagyta el a gépet, és nem is hagyhatja el",
        Verdict.LEAKS: "SZIVÁROG: valami elhagyta a gépet, vagy elhagyhatta",
        Verdict.UNPROVEN: "NEM BIZONYÍTOTT: távozó csomag nem látszott, de nem lehetett mindent megvizsgálni",
        "remarks": "Tudni kell még",
        "rules": "Tűzfal",
        "policy": "amit szabály nem enged ki, azt eldobja",
        "no_policy": "NEM DOBJA EL A KIMENŐ FORGALMAT",
        "no_table": "NINCS BETÖLTVE",
        "hash": "a szabályok SHA-256 értéke",
        "declared": "a leírtak szerint",
        "yes": "igen",
        "no": "NEM",
        "unknown": "nem volt összevetve",
        "refused_total": "visszatartott csomag a betöltés óta",
        "meanwhile": "ebből a kísérletek alatt",
        "seen": "a vezetéken látott csomag",
        "unwatched": "senki nem figyelte",
        "network": "Csatlakozik",
        "gateways": "alapértelmezett útvonal",
        "none": "nincs",
        "filter": "a systemd címszűrője",
        "works": "működik: a tiltott kapcsolatot megállította",
        "idle": "HATÁSTALAN ezen a gépen",
        "untried": "nem volt kipróbálva",
        "units": "Folyamatok, és hogy az egységük mit enged elérniük",
        "everything": "minden cím",
        "only": "csak",
        "attempts": "Kísérletek, és ami megállította őket",
        Outcome.NO_SOCKET: "nincs ilyen csatolója",
        Outcome.REFUSED: "a rendszermag megtagadta",
        Outcome.NO_ROUTE: "nincs út",
        Outcome.NO_ANSWER: "eldobva",
        Outcome.SENT: "ELKÜLDVE",
        Outcome.ANSWERED: "VÁLASZT KAPOTT",
        Outcome.BROKEN: "nem lehetett kipróbálni",
    },
}


_GROUNDS: Final[Mapping[Language, Mapping[Ground, str]]] = {
    "en": {
        Ground.DROPPING: "The firewall drops what goes out.",
        Ground.STOPPED: "{count} attempts were stopped, and none was seen on the wire.",
        Ground.FRAMES: "{count} packet(s) were seen on the wire.",
        Ground.GOT_OUT: "{who}: {count} attempt(s) got out.",
        Ground.NO_TABLE: "The firewall's table is not loaded.",
        Ground.NO_POLICY: "The firewall does not drop what goes out.",
        Ground.UNWATCHED: "Nobody could watch the wire.",
        Ground.UNCOUNTED: "{count} attempts had no answer, and the firewall counted {more}.",
        Ground.UNTRIED: "{who}: {count} attempt(s) could not be made.",
        Ground.NOTHING_TRIED: "Nothing was tried.",
        Ground.NOT_AS_DECLARED: "The rules in force are not those of the file.",
        Ground.FILTER_IDLE: "systemd's filter of addresses does nothing on this machine; the firewall stands alone.",
        Ground.OPENING: "The firewall lets out: {who}",
        Ground.NO_ROUTE: "No route leads out of this machine, so the attempts prove little; the rules were read.",
        Ground.FIREWALL_ALONE: "Only the firewall keeps {who} from reaching every address; it answers everybody.",
    },
    "hu": {
        Ground.DROPPING: "A tűzfal eldobja a kimenő forgalmat.",
        Ground.STOPPED: "{count} kísérlet elakadt, és egy csomag sem látszott a vezetéken.",
        Ground.FRAMES: "{count} csomag látszott a vezetéken.",
        Ground.GOT_OUT: "{who}: {count} kísérlet kijutott.",
        Ground.NO_TABLE: "A tűzfal táblája nincs betöltve.",
        Ground.NO_POLICY: "A tűzfal nem dobja el a kimenő forgalmat.",
        Ground.UNWATCHED: "A vezetéket nem lehetett figyelni.",
        Ground.UNCOUNTED: "{count} kísérlet válasz nélkül maradt, és a tűzfal csak {more} csomagot számolt.",
        Ground.UNTRIED: "{who}: {count} kísérletet nem lehetett elvégezni.",
        Ground.NOTHING_TRIED: "Semmi nem volt kipróbálva.",
        Ground.NOT_AS_DECLARED: "Nem a fájlban leírt szabályok vannak érvényben.",
        Ground.FILTER_IDLE: "A systemd címszűrője ezen a gépen hatástalan; csak a tűzfal véd.",
        Ground.OPENING: "A tűzfal kienged: {who}",
        Ground.NO_ROUTE: "A gépről nem vezet út kifelé, így a kísérletek keveset bizonyítanak; a szabályok beolvasva.",
        Ground.FIREWALL_ALONE: "A(z) {who} elől csak a tűzfal zár el minden címet, mert mindenkinek válaszol.",
    },
}


def as_text(report: EgressReport, language: Language, *, key: str = "") -> str:
    """The report as lines of at most 100 columns, where names allow it.

    Args:
        key: fingerprint of the key that signed it.
    """
    say = _TEXTS[language]
    lines = [say["title"], "=" * len(say["title"]), ""]
    lines += [f"{say['machine']:<14} {report.host}", f"{say['release']:<14} {report.release}"]
    lines += [f"{say['made']:<14} {report.began_at} ({report.took_s:.1f} s)"]
    lines += [f"{say['key']:<14} {key}"] if key else []
    lines += [
        "",
        f"{say['verdict']:<14} {say[report.verdict]}",
        *(f"  · {sentence(one, language)}" for one in report.reasons),
    ]
    if report.remarks:
        lines += ["", say["remarks"], *(f"  · {sentence(one, language)}" for one in report.remarks)]
    lines += ["", *_rules(report, say), "", *_network(report, say)]
    if report.units:
        lines += ["", say["units"], *_units(report, say)]
    lines += ["", say["attempts"], *_attempts(report, say)]
    return "\n".join(lines) + "\n"


def sentence(reason: Reason, language: Language) -> str:
    """What a verdict rests on, in words."""
    return _GROUNDS[language][reason.ground].format(who=reason.who, count=reason.count, more=reason.more)


def _rules(report: EgressReport, say: Mapping[str, str]) -> list[str]:
    if report.rules is None:
        return [f"{say['rules']:<14} {say['no_table']}"]
    rules = report.rules
    as_declared = {True: say["yes"], False: say["no"], None: say["unknown"]}[rules.as_declared]
    return [
        f"{say['rules']:<14} {say['policy'] if rules.drops else say['no_policy']}",
        f"  {say['hash']}: {rules.sha256}",
        f"  {say['declared']}: {as_declared}",
        f"  {say['refused_total']}: {rules.refused}; {say['meanwhile']}: {report.counted}",
        f"  {say['seen']}: {say['unwatched'] if report.frames is None else report.frames}",
    ]


def _network(report: EgressReport, say: Mapping[str, str]) -> list[str]:
    works = {True: say["works"], False: say["idle"], None: say["untried"]}[report.filter_enforced]
    gateways = ", ".join(report.network.gateways) or say["none"]
    return [
        f"{say['network']:<14} {', '.join(report.network.interfaces) or say['none']}; {say['gateways']}: {gateways}",
        f"  {say['filter']}: {works}",
    ]


def _units(report: EgressReport, say: Mapping[str, str]) -> list[str]:
    width = max(len(unit.unit) for unit in report.units)
    return [
        f"  {unit.unit:<{width}}  {unit.account:<12} {unit.families}; "
        + (say["everything"] if unit.reaches_everything else f"{say['only']} {unit.allowed or say['none']}")
        for unit in report.units
    ]


def _attempts(report: EgressReport, say: Mapping[str, str]) -> list[str]:
    """A line per asker; each protocol of both versions, with what became of it."""
    askers = list(dict.fromkeys(one.asker for one in report.attempts))
    width = max((len(asker) for asker in askers), default=0)
    lines = []
    for asker in askers:
        ours = [one for one in report.attempts if one.asker == asker]
        if len({(one.outcome, one.error) for one in ours}) == 1:
            lines.append(f"  {asker:<{width}}  {len(ours)} × {_became(ours[0], say)}")
            continue
        lines.append(f"  {asker:<{width}}  {len(ours)}:")
        for protocol in Protocol:
            counted = Counter(_became(one, say) for one in ours if one.probe.protocol is protocol)
            told = ", ".join(f"{count} × {what}" for what, count in counted.items())
            lines += [f"  {'':<{width}}    {protocol:<5} {told}"] if told else []
    return lines


def _became(one: Attempt, say: Mapping[str, str]) -> str:
    return say[one.outcome] + (f" ({one.error})" if one.error else "")
