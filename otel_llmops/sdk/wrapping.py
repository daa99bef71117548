"""A function run inside an invocation: plain, coroutine, generator or async generator.

Strategy
    The wrapper is of the same kind as the function, because frameworks ask. A generator is
    driven step by step, with our context attached during a step and the consumer's between: so
    nothing leaks to the consumer, and the spans of the body are ours. Its span starts with its
    first step and ends when it is exhausted, closed or broken.
"""

import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Any, ParamSpec, TypeVar, cast

from otel_llmops.sdk.invocation import Invocation, Plan

P = ParamSpec("P")
R = TypeVar("R")


def wrapped(function: Callable[P, R], plan: Plan) -> Callable[P, R]:
    """`function` with its signature and kind, each run of it an invocation of `plan`.

    Raises: TypeError for a class, which has to stay one; the caller guards.
    """
    if isinstance(function, type):
        raise TypeError(f"{function.__qualname__} is a class: decorate its methods")
    if isinstance(function, staticmethod | classmethod):
        kind = type(function)
        return cast("Callable[P, R]", kind(wrapped(function.__func__, plan)))
    wrapper: Callable[..., Any]
    if _is(inspect.isasyncgenfunction, function):
        wrapper = _async_generator(cast("Callable[..., AsyncGenerator[Any, Any]]", function), plan)
    elif _is(inspect.isgeneratorfunction, function):
        wrapper = _generator(cast("Callable[..., Generator[Any, Any, Any]]", function), plan)
    elif _is(inspect.iscoroutinefunction, function):
        wrapper = _coroutine(cast("Callable[..., Awaitable[Any]]", function), plan)
    else:
        wrapper = _plain(function, plan)
    return cast("Callable[P, R]", functools.update_wrapper(wrapper, function))


def _is(kind: Callable[[object], bool], function: Callable[..., object]) -> bool:
    # or an object with a __call__ of that kind
    return kind(function) or kind(getattr(function, "__call__", None))  # noqa: B004


def _plain(function: Callable[..., Any], plan: Plan) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        run = Invocation(plan)
        run.enter()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            run.leave()
            run.fail(error)
            raise
        run.leave()
        run.finish(result)
        return result

    return wrapper


def _coroutine(function: Callable[..., Awaitable[Any]], plan: Plan) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        run = Invocation(plan)
        run.enter()
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            run.leave()
            run.fail(error)
            raise
        run.leave()
        run.finish(result)
        return result

    return wrapper


def _generator(function: Callable[..., Generator[Any, Any, Any]], plan: Plan) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        steps = function(*args, **kwargs)
        run = Invocation(plan)
        resume: Callable[[], Any] = functools.partial(next, steps)
        try:
            while True:
                item = _step(run, resume)
                run.saw(item)
                try:
                    sent = yield item
                except GeneratorExit:
                    _step(run, steps.close)
                    raise
                except BaseException as error:  # noqa: BLE001 - the consumer's, thrown into the user's generator
                    resume = functools.partial(steps.throw, error)
                else:
                    resume = functools.partial(steps.send, sent)
        except StopIteration as end:
            run.finish(end.value)
            return end.value
        except GeneratorExit:
            run.finish()
            raise
        except BaseException as error:
            run.fail(error)
            raise

    return wrapper


def _step(run: Invocation, resume: Callable[[], Any]) -> Any:
    run.enter()
    try:
        return resume()
    finally:
        run.leave()


def _async_generator(
    function: Callable[..., AsyncGenerator[Any, Any]], plan: Plan
) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        steps = function(*args, **kwargs)
        run = Invocation(plan)
        resume: Callable[[], Awaitable[Any]] = steps.__anext__
        try:
            while True:
                item = await _async_step(run, resume)
                run.saw(item)
                try:
                    sent = yield item
                except GeneratorExit:
                    await _async_step(run, steps.aclose)
                    raise
                except BaseException as error:  # noqa: BLE001 - the consumer's, thrown into the user's generator
                    resume = functools.partial(steps.athrow, error)
                else:
                    resume = functools.partial(steps.asend, sent)
        except StopAsyncIteration:
            run.finish()
        except GeneratorExit:
            run.finish()
            raise
        except BaseException as error:
            run.fail(error)
            raise

    return wrapper


async def _async_step(run: Invocation, resume: Callable[[], Awaitable[Any]]) -> Any:
    run.enter()
    try:
        return await resume()
    finally:
        run.leave()
