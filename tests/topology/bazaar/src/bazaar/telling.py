"""What every part of the shop asks when it wants a model: one span each."""

from collections.abc import Callable
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

from opentelemetry import trace

tracer = trace.get_tracer("bazaar")
F = TypeVar("F", bound=Callable[..., Any])


def traced(function: F) -> F:
    """A decorator like those that programs have: the span is made in the wrapper."""

    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with tracer.start_as_current_span("traced"):
            return function(*args, **kwargs)

    return wrapper


def named(name: str) -> Callable[[F], F]:
    """A decorator with an argument, and a span in each of its layers."""
    tracer.start_span("naming").end()

    def decorate(function: F) -> F:
        tracer.start_span("decorating").end()

        @wraps(function)
        def inner(*args: Any, **kwargs: Any) -> Any:
            with tracer.start_as_current_span(name):
                return function(*args, **kwargs)

        return inner

    return decorate


@contextmanager
def spanned(name: str) -> Any:
    """A context manager that is a generator."""
    tracer.start_span("before").end()
    with tracer.start_as_current_span(name):
        yield
    tracer.start_span("after").end()
