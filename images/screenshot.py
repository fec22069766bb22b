"""Photograph the portal with the sample meeting in it, for README and docs: ``make screenshot``.

    python -m images.screenshot [--folder .demo] [--out docs/images]

Runs a whole appliance as the demo does, over real engines; a meeting that the folder has already is used again.
"""

import argparse
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from appliance.models.offline import go_offline
from appliance.quality.samples import sample_meeting
from cli.demo import stage
from cli.demo.client import PortalClient

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SHOTS = (
    ("portal.png", "light", 1440, 900),
    ("portal-dark.png", "dark", 1440, 900),
    ("portal-narrow.png", "light", 320, 720),
)


def main() -> None:
    """Write one picture per theme and width."""
    parser = argparse.ArgumentParser(description="Photograph the portal.")
    parser.add_argument("--folder", type=Path, default=Path(".demo"), help="the demo's folder")
    parser.add_argument("--out", type=Path, default=Path("docs/images"), help="where the pictures go")
    options = parser.parse_args()
    go_offline()
    options.out.mkdir(parents=True, exist_ok=True)
    options.folder.mkdir(parents=True, exist_ok=True)
    with stage.set_up(options.folder.absolute() / "state", port=None) as running:
        with PortalClient(running.url, certificate=running.certificate) as portal:
            portal.wait_until_ready(timeout_s=120)
            portal.become_somebody(running.code, email=stage.EMAIL, name=stage.NAME, password=running.password)
            meeting_id = _finished_meeting(portal, running)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
            for name, theme, width, height in SHOTS:
                _photograph(browser, running, f"/meetings/{meeting_id}", options.out / name, theme, (width, height))
            browser.close()


def _finished_meeting(portal: PortalClient, running: stage.Stage) -> str:
    """The newest meeting that is done, or a new one once it is."""
    for meeting in portal.meetings():
        if meeting["state"] == "ready":
            return str(meeting["id"])
    sample = sample_meeting("en")
    meeting_id, job_id = portal.send_recording(
        sample.audio, title=sample.title, language=None, progress=lambda fraction: None
    )
    *_, job = portal.follow_job(job_id)
    if job["state"] != "done":
        raise SystemExit(f"the sample meeting ended {job['state']}: {job.get('failure')}")
    return meeting_id


def _photograph(
    browser: Browser, running: stage.Stage, path: str, target: Path, theme: Any, size: tuple[int, int]
) -> None:
    """Sign in and photograph one page; the certificate is the appliance's own, which Chromium cannot know."""
    context = browser.new_context(
        base_url=running.url,
        viewport={"width": size[0], "height": size[1]},
        color_scheme=theme,
        locale="en-GB",
        ignore_https_errors=True,
    )
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(stage.EMAIL)
    page.get_by_label("Password").fill(running.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/meetings")
    page.goto(path)
    page.get_by_role("button", name="Play").first.wait_for()
    page.wait_for_timeout(800)
    page.screenshot(path=target)
    context.close()


if __name__ == "__main__":
    main()
