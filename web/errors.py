"""Failures as answers: problem details for the API (RFC 9457), a page for people."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import structlog
from litestar import Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.status_codes import HTTP_500_INTERNAL_SERVER_ERROR

from appliance.identity.errors import NotSignedIn
from appliance.kernel.errors import Conflict, Corrupt, HangJegyzetError, Invalid, NotFound, Refused, Unavailable
from web.rendering import error_text
from web.request import PortalRequest

log = structlog.get_logger(__name__)

MEDIA_TYPE: Final = "application/problem+json"

_STATUS_BY_KIND: Final[tuple[tuple[type[HangJegyzetError], int, str], ...]] = (
    (NotFound, 404, "Not found"),
    (Conflict, 409, "Conflict"),
    (Refused, 403, "Not allowed"),
    (Invalid, 422, "Not valid"),
    (Unavailable, 503, "Not available"),
    (Corrupt, 500, "Damaged data"),
)

_STATUS_BY_CODE: Final[Mapping[str, tuple[int, str]]] = {
    "identity.not_signed_in": (401, "Not signed in"),
    "identity.wrong_credentials": (401, "Not signed in"),
    "identity.too_many_attempts": (429, "Too many attempts"),
    "web.too_many_streams": (429, "Too many streams"),
    "web.range_not_satisfiable": (416, "Range not satisfiable"),
}
"""Where HTTP has a status that says more than the kind of the error."""


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the API answers when something fails; pages render the same thing."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    """Stable, for programs."""
    detail: str
    """For people: what happened, to which thing."""
    hint: str = ""
    """What to do now."""
    fields: dict[str, str | int | float | bool | None] = {}
    """The values that the text was made from."""
    errors: list[dict[str, str]] = []
    """For input: which field is wrong in which way."""
    reference: str = ""
    """Names the log entry of an unexpected failure."""


ProblemPage = Callable[[PortalRequest, Problem, HangJegyzetError | None], Response[Any]]
"""Shows a problem to a person, in their language when there is an error whose template can be translated."""


def problem_of(error: HangJegyzetError) -> Problem:
    """An expected failure as the API tells it."""
    status, title = _STATUS_BY_CODE.get(error.code) or next(
        ((status, title) for kind, status, title in _STATUS_BY_KIND if isinstance(error, kind)), (500, "Failed")
    )
    return Problem(
        type=f"urn:hangjegyzet:error:{error.code}",
        title=title,
        status=status,
        code=error.code,
        detail=str(error),
        hint=error.remedy,
        fields={name: _plain(value) for name, value in error.fields.items()},
    )


def _plain(value: Any) -> str | int | float | bool | None:
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


class ErrorHandlers:
    """The exception handlers of the application."""

    def __init__(self, problem_page: ProblemPage) -> None:
        self._problem_page = problem_page

    def as_mapping(self) -> dict[type[Exception] | int, Any]:
        """What Litestar takes."""
        return {HangJegyzetError: self.expected, HTTPException: self.http, Exception: self.unexpected}

    def expected(self, request: PortalRequest, error: HangJegyzetError) -> Response[Any]:
        """One of the six kinds: its own text, code and hint.

        The API's are English, unless a language is asked for: as scripts in the portal's pages do, who show them.
        """
        problem = problem_of(error)
        if not request.wants_html and "accept-language" in request.headers:
            detail, hint = error_text(error, request.context.locale)
            problem = msgspec.structs.replace(problem, detail=detail, hint=hint)
        if isinstance(error, Corrupt):
            log.error("stored_data_corrupt", code=error.code, path=request.scope["path"])
        headers = {}
        if retry_after_s := error.fields.get("retry_after_s"):
            headers["retry-after"] = str(retry_after_s)
        if isinstance(error, NotSignedIn):
            headers["www-authenticate"] = "Cookie"
        return self._answer(request, problem, headers, error)

    def http(self, request: PortalRequest, error: HTTPException) -> Response[Any]:
        """What the framework refuses: unknown path, wrong method, body that is not what it should be."""
        if error.status_code >= HTTP_500_INTERNAL_SERVER_ERROR:
            return self.unexpected(request, error)
        problem = Problem(
            title=_HTTP_TITLES.get(error.status_code, "Not valid"),
            status=error.status_code,
            code=f"http.{error.status_code}",
            detail=_HTTP_DETAILS.get(error.status_code, error.detail),
            errors=_field_errors(error) if isinstance(error, ValidationException) else [],
        )
        return self._answer(request, problem, dict(error.headers or {}))

    def unexpected(self, request: PortalRequest, error: Exception) -> Response[Any]:
        """A fault of ours: logged with its trace, answered with a reference and nothing else."""
        reference = uuid.uuid4().hex[:12]
        log.error("request_failed", reference=reference, path=request.scope["path"], exc_info=error)
        problem = Problem(
            title="Internal error",
            status=500,
            code="web.internal",
            detail="Something went wrong inside the appliance.",
            hint=f"Tell your administrator the reference {reference}: the log explains it.",
            reference=reference,
        )
        return self._answer(request, problem, {})

    def _answer(
        self,
        request: PortalRequest,
        problem: Problem,
        headers: dict[str, str],
        error: HangJegyzetError | None = None,
    ) -> Response[Any]:
        if request.wants_html:
            response = self._problem_page(request, problem, error)
            response.headers.update(headers)
            return response
        return Response(
            msgspec.json.encode(problem), status_code=problem.status, media_type=MEDIA_TYPE, headers=headers
        )


_HTTP_TITLES: Final[Mapping[int, str]] = {
    404: "Not found",
    405: "Method not allowed",
    413: "Too large",
    415: "Unsupported media type",
}

_HTTP_DETAILS: Final[Mapping[int, str]] = {
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    413: "The request is larger than this address takes.",
}


def _field_errors(error: ValidationException) -> list[dict[str, str]]:
    """Which field is wrong in which way, as far as the framework knows."""
    if not isinstance(error.extra, list):
        return []
    known = [entry for entry in error.extra if isinstance(entry, dict)]
    return [{"field": str(entry.get("key", "")), "message": str(entry.get("message", ""))} for entry in known]
