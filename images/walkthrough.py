"""Install a machine and picture its terminal, for docs/operator-manual/installing.md: ``make walkthrough``.

    python -m images.walkthrough [--bundle FILE] [--out docs/operator-manual/images]

The machine is a real one, a bare Debian booted without a network, as the tests use it; every picture is what it said to
what was typed, at a terminal. As root, because it boots a machine.
"""

import argparse
import io
import json
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from images.console_walk import Snap, photograph
from tests.appliance.box import PATH, Box
from tests.appliance.machines import MODELS, media_with, this_commit

OUT = Path("docs/operator-manual/images")
CUSTODIANS = ("first", "second")
COLUMNS, ROWS = 110, 48
LIMIT_S = 1800.0
NAME = "irattar"
CHECK_STATEMENT = (
    "for n in 1 2 3; do openssl pkeyutl -verify -pubin -inkey keys/root-$n.pem -rawin "
    "-in keys/release.json -sigfile keys/release.json.root-$n.sig; done"
)
_FONT = re.compile(r"@font-face \{\{.*?\}\}", re.DOTALL)
"""The pictures ask nobody for a typeface."""


@dataclass(frozen=True, slots=True)
class Step:
    """One picture.

    Args:
        picture: its file's name.
        title: above the picture.
        typed: the commands, one after the other.
        answers: what is typed when the words before it are read.
        last: how many lines at the end are shown; all when 0.
        codes: how its last command may end.
    """

    picture: str
    title: str
    typed: tuple[str, ...]
    answers: tuple[tuple[str, str], ...] = ()
    last: int = 0
    codes: tuple[int, ...] = (0,)


def steps(fingerprint: str, custodians: Sequence[str]) -> Sequence[Step]:
    """The first hour of a machine, in its order.

    Args:
        fingerprint: of the root keys, as the letter has it.
        custodians: public keys of those who can open the backups.
    """
    bare = "cd /media/usb"
    groups = f"{fingerprint[:8]} {fingerprint[-8:]}"
    return (
        Step(
            "letter",
            "The letter and the stick",
            (bare, "cat keys/root-[123].pem | sha256sum | fold -w 8 | paste -sd ' '"),
        ),
        Step(
            "by-hand",
            "Before anything of the stick runs",
            (
                bare,
                CHECK_STATEMENT,
                "openssl pkeyutl -verify -pubin -inkey keys/release.pem -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig",
                "sha256sum --check --strict --quiet SHA256SUMS && echo every byte is what was signed",
            ),
        ),
        Step("install", "./install.sh", (bare, "./install.sh"), answers=(("group of eight:", groups),)),
        Step("health-first", "What is still missing", ("hangjegyzet health --quick",), codes=(0, 1)),
        Step(
            "models",
            "The models, from another stick",
            (f"for pack in {MODELS}/*; do hangjegyzet models import $pack; done",),
        ),
        Step(
            "network",
            "Who may reach it",
            (
                "hangjegyzet config set firewall.portal_from '[\"10.20.0.0/16\"]'",
                "hangjegyzet config diff",
                "hangjegyzet apply",
            ),
        ),
        Step("confirm", "From a new connection: it can be reached", ("hangjegyzet apply --confirm",)),
        Step(
            "custodians",
            "Who can open the backups",
            (f"hangjegyzet config set backups.custodians '{json.dumps(list(custodians))}'", "hangjegyzet apply"),
        ),
        Step("again", "A second run changes nothing", ("hangjegyzet apply",)),
        Step("health", "What is left to do", ("hangjegyzet health",), codes=(0, 1)),
    )


def main() -> None:
    """Write one picture per step."""
    parser = argparse.ArgumentParser(description="Picture the installation of a machine.")
    parser.add_argument("--bundle", type=Path, help="unset: that of the present commit")
    parser.add_argument("--out", type=Path, default=OUT, help="where the pictures go (default: %(default)s)")
    options = parser.parse_args()
    if options.bundle:
        os.environ["BUNDLE"] = str(options.bundle)
    stick = this_commit()
    options.out.mkdir(parents=True, exist_ok=True)
    # On a disk: the layers of a machine cannot lie in memory.
    with (
        tempfile.TemporaryDirectory(prefix="hangjegyzet-walkthrough-", dir="/var/tmp") as folder,
        Box.new(NAME, Path(folder), media=media_with(stick)) as box,
    ):
        box.run("hostname", NAME)
        for step in steps(stick.fingerprint, [custodian(Path(folder) / name) for name in CUSTODIANS]):
            picture(options.out / f"{step.picture}.svg", step, at_terminal(box, step))
            sys.stdout.write(f"{options.out / step.picture}.svg\n")
        for snap in photograph(box):
            snapshot(options.out / f"{snap.picture}.svg", snap)
            sys.stdout.write(f"{options.out / snap.picture}.svg\n")


def custodian(key: Path) -> str:
    """Make a custodian's key, elsewhere, as they do; its public half."""
    subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True)
    return subprocess.run(["age-keygen", "-y", key], check=True, capture_output=True, text=True).stdout.strip()


def at_terminal(box: Box, step: Step) -> str:
    """What a terminal in the box shows when the step's commands are typed, prompts included.

    Raises:
        TimeoutError: it did not come to its end.
        RuntimeError: it ended otherwise than it should: nothing is pictured that did not work.
    """
    script = "; ".join(f"printf '%s\\n' {_quoted('# ' + line)}; {line}" for line in step.typed)
    inside = ("env", "-i", f"PATH={PATH}", "HOME=/root", "LANG=C.UTF-8", "TERM=xterm-256color", "bash", "-c", script)
    command = ["nsenter", "--target", str(box.leader), "-m", "-u", "-i", "-n", "-p", "-C", *inside]
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    subprocess.run(["stty", "cols", str(COLUMNS), "rows", str(ROWS)], stdin=slave, check=True)
    running = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    said = b""
    answers = list(step.answers)
    deadline = time.monotonic() + LIMIT_S
    while True:
        ready, _, _ = select.select([master], [], [], 0.5)
        try:
            piece = os.read(master, 65536) if ready else b""
        except OSError:
            break
        said += piece
        if answers and answers[0][0].encode() in said:
            os.write(master, answers.pop(0)[1].encode() + b"\n")
        if not piece and running.poll() is not None:
            break
        if time.monotonic() > deadline:
            raise TimeoutError(said[-2000:].decode(errors="replace"))
    os.close(master)
    words = said.decode(errors="replace").replace("\r\n", "\n")
    if (code := running.wait()) not in step.codes:
        raise RuntimeError(f"{step.picture} ended with {code}:\n{words[-2000:]}")
    return words


def picture(target: Path, step: Step, said: str) -> None:
    """Write what was said as a picture of a terminal."""
    lines = [Text.from_ansi(line, style="bold" if line.startswith("# ") else "") for line in settled(said).splitlines()]
    _draw(target, lines[-step.last :], title=step.title, columns=COLUMNS)


def snapshot(target: Path, snap: Snap) -> None:
    """Write a screen of the console as a picture, with its colours."""
    lines = [Text.from_ansi(line) for line in snap.screen.splitlines()]
    _draw(target, lines, title=snap.title, columns=snap.columns, theme=snap.theme)


def _draw(target: Path, lines: Sequence[Text], *, title: str, columns: int, theme: TerminalTheme | None = None) -> None:
    console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in lines:
        console.print(line, soft_wrap=False)
    form = _FONT.sub("", CONSOLE_SVG_FORMAT)
    drawing = console.export_svg(title=title, code_format=form, unique_id=target.stem, theme=theme)
    target.write_text(drawing, encoding="utf-8")


def settled(said: str) -> str:
    """What stands on the terminal in the end: spinners and progress bars overwrite themselves."""
    kept: list[str] = []
    for line in said.split("\n"):
        up = len(re.findall(r"\x1b\[1A", line))
        del kept[len(kept) - up :]
        last = re.sub(r"\x1b\[(?:\?25[lh]|[12]K|1A)", "", line).split("\r")[-1]
        if last.strip() or not line.strip():
            kept.append(last)
    return "\n".join(kept).strip("\n")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


if __name__ == "__main__":
    main()
