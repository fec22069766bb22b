"""A place where a trace can be hooked in; costs nothing where none is taken.

Rooms say ``with span("step", job=...)``; who traces is decided at the process edge. Attributes are ids, names of steps
and routes, and figures; never content.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

Attribute = str | int | float | bool
Tracer = Callable[[str, dict[str, Attribute]], AbstractContextManager[object]]

_tracers: list[Tracer] = []


def trace_with(tracer: Tracer) -> None:
    """Have every span from now on told to ``tracer``."""
    _tracers[:] = [tracer]


def span(name: str, **attributes: Attribute) -> AbstractContextManager[object]:
    """A piece of work with a beginning and an end; an exception that ends it is its outcome, by kind alone."""
    return _tracers[0](name, attributes) if _tracers else nullcontext()


@contextmanager
def traced_by(tracer: Tracer) -> Iterator[None]:
    """For the length of the block."""
    before = list(_tracers)
    trace_with(tracer)
    try:
        yield
    finally:
        _tracers[:] = before
