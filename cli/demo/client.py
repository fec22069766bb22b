"""A visitor of the portal's HTTP API: signs in, sends a recording, follows its job, fetches what came out.

It does what a browser does, over TLS with the appliance's own certificate, and knows nothing else of the appliance.
"""

import base64
import hashlib
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from appliance.identity.model import CodePurpose, OneTimeCode
from appliance.kernel.errors import Refused, Unavailable

_RETRY_PAUSE_S = 0.5


class PortalRefused(Refused):
    code = "demo.portal_refused"
    message = "The portal answered {status}: {detail}"
    hint = "{remedy}"


class PortalSilent(Unavailable):
    code = "demo.portal_silent"
    message = "The portal at {url} did not answer for {patience_s:.0f} seconds: {reason}"
    hint = "Its log is in the folder logs of the data directory."


class PortalClient:
    """One signed-in visit.

    Args:
        url: the portal's address.
        certificate: the certificate it must show (PEM); nothing else is trusted.
        patience_s: how long a lost connection is tried again.
    """

    def __init__(self, url: str, *, certificate: Path, patience_s: float = 30.0) -> None:
        self.url = url
        self._patience_s = patience_s
        self._csrf: str | None = None
        context = ssl.create_default_context(cafile=str(certificate))
        self._http = httpx.Client(base_url=url, verify=context, timeout=60.0, headers={"Origin": url})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def wait_until_ready(self, *, timeout_s: float) -> None:
        """Wait until the portal and what it stands on are ready."""
        deadline = time.monotonic() + timeout_s
        reason = "not asked yet"
        while time.monotonic() < deadline:
            try:
                answer = self._http.get("/health/ready", timeout=2.0)
                if answer.status_code == httpx.codes.OK:
                    return
                reason = answer.text
            except httpx.TransportError as lost:
                reason = str(lost)
            time.sleep(0.2)
        raise PortalSilent(url=self.url, patience_s=timeout_s, reason=reason)

    def become_somebody(self, code: OneTimeCode, *, email: str, name: str, password: str) -> None:
        """Use a one-time code: become the first administrator, or choose a password; signs in."""
        form = {"code": code.code, "password": password}
        if code.purpose is CodePurpose.FIRST_ADMINISTRATOR:
            answer = self._request("POST", "/api/v1/first-administrator", json={**form, "email": email, "name": name})
        else:
            answer = self._request("POST", "/api/v1/passwords", json=form)
        self._csrf = answer.json()["csrf_token"]

    def sign_in(self, email: str, password: str) -> None:
        """Open a session; its cookie and CSRF token go with every later request."""
        answer = self._request("POST", "/api/v1/sessions", json={"email": email, "password": password})
        self._csrf = answer.json()["csrf_token"]

    def send_recording(
        self, file: Path, *, title: str, language: str | None, progress: Callable[[float], None]
    ) -> tuple[str, str]:
        """Send a recording in slices, each with its checksum; returns the ids of the meeting and of its job."""
        size_bytes = file.stat().st_size
        form = {"filename": file.name, "size_bytes": size_bytes, "title": title, "language": language}
        upload = self._request("POST", "/api/v1/uploads", json=form).json()
        offset, address = upload["offset"], f"/api/v1/uploads/{upload['id']}"
        with file.open("rb") as source:
            while offset < size_bytes:
                source.seek(offset)
                offset = self._send_slice(address, offset, source.read(upload["slice_bytes"]))
                progress(offset / size_bytes)
        made = self._request("POST", f"{address}/complete").json()
        return made["meeting_id"], made["job_id"]

    def _send_slice(self, address: str, offset: int, piece: bytes) -> int:
        """Send one slice; returns where to go on, also when an answer was lost and the appliance is further than we."""
        digest = base64.b64encode(hashlib.sha256(piece).digest()).decode()
        headers = {"Content-Digest": f"sha-256=:{digest}:", "Content-Type": "application/octet-stream"}
        try:
            answer = self._request("PUT", address, params={"offset": offset}, content=piece, headers=headers)
        except PortalRefused as refusal:
            if refusal.fields["status"] != httpx.codes.CONFLICT:
                raise
            answer = self._request("GET", address)
        return int(answer.json()["offset"])

    def meetings(self) -> list[dict[str, Any]]:
        """The newest meetings, newest first."""
        found: list[dict[str, Any]] = self._request("GET", "/api/v1/meetings").json()["meetings"]
        return found

    def job(self, job_id: str) -> dict[str, Any]:
        """A job and its steps, as they are now."""
        found: dict[str, Any] = self._request("GET", f"/api/v1/jobs/{job_id}").json()
        return found

    def follow_job(self, job_id: str) -> Iterator[dict[str, Any]]:
        """The job's state each time it may have changed, until it rests."""
        while True:
            job = self.job(job_id)
            yield job
            if job["state"] in {"done", "failed", "cancelled"}:
                return
            time.sleep(0.3)

    def fetch(self, meeting_id: str, what: str, *, form: str) -> bytes:
        """The transcript or the minutes of a meeting, in one of their formats."""
        return self._request("GET", f"/api/v1/meetings/{meeting_id}/{what}", params={"format": form}).content

    def delete_meeting(self, meeting_id: str) -> None:
        """Destroy a meeting with all that was made of it."""
        self._request("DELETE", f"/api/v1/meetings/{meeting_id}")

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one request; a lost connection is tried again for a while, a refusal raises ``PortalRefused``."""
        headers = {**options.pop("headers", {}), **({"X-CSRF-Token": self._csrf} if self._csrf else {})}
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                answer = self._http.request(method, path, headers=headers, **options)
            except httpx.TransportError as lost:
                if time.monotonic() > deadline:
                    raise PortalSilent(url=self.url, patience_s=self._patience_s, reason=lost) from lost
                time.sleep(_RETRY_PAUSE_S)
                continue
            if answer.is_success:
                return answer
            if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and time.monotonic() < deadline:
                time.sleep(_RETRY_PAUSE_S)
                continue
            raise _refusal(answer)


def _refusal(answer: httpx.Response) -> PortalRefused:
    problem = answer.json() if "json" in answer.headers.get("content-type", "") else {}
    detail = problem.get("detail") or answer.reason_phrase
    return PortalRefused(status=answer.status_code, detail=detail, remedy=problem.get("hint") or "")
