"""Classes of every sort: properties, class methods, inner classes, dunder methods, descriptors."""

import asyncio
import functools
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

from bazaar.agents import helpers
from bazaar.telling import named, spanned, traced, tracer
from bazaar.tools import helpers as tool_helpers


class Base:
    tracer.start_span("class body").end()
    words = [word for word in (tracer.start_span("class comprehension").end(), "x") if word]

    def __init__(self) -> None:
        tracer.start_span("init").end()
        self._price = 1

    def run(self) -> str:
        tracer.start_span("base run").end()
        return self.step()

    def step(self) -> str:
        tracer.start_span("base step").end()
        return ""


class Planner(Base):
    class Note:
        tracer.start_span("inner class body").end()

        def write(self) -> None:
            tracer.start_span("note").end()

    @property
    def price(self) -> int:
        tracer.start_span("get price").end()
        return self._price

    @price.setter
    def price(self, price: int) -> None:
        tracer.start_span("set price").end()
        self._price = price

    @functools.cached_property
    def plan(self) -> str:
        tracer.start_span("plan").end()
        return "plan"

    @classmethod
    @traced
    def made(cls) -> "Planner":
        tracer.start_span("made").end()
        return cls()

    @staticmethod
    @named("static")
    def helper() -> None:
        tracer.start_span("static").end()

    def __call__(self) -> str:
        tracer.start_span("called").end()
        return super().run()

    def __enter__(self) -> "Planner":
        tracer.start_span("enter").end()
        return self

    def __exit__(self, *_: object) -> None:
        tracer.start_span("exit").end()

    def __getitem__(self, key: int) -> int:
        tracer.start_span("item").end()
        return key

    def step(self) -> str:
        self.Note().write()
        self.price += 1
        helpers.clean(tool_helpers.clean(" x "))
        return self.plan + str(self[0])

    async def answer(self) -> str:
        tracer.start_span("answer").end()
        async for word in self.stream():
            tracer.start_span(f"word {word}").end()
        await asyncio.gather(*(self.part(number) for number in range(3)))
        return await asyncio.to_thread(self.blocking)

    async def stream(self) -> AsyncIterator[int]:
        for number in range(3):
            tracer.start_span("streaming").end()
            yield number
            await asyncio.sleep(0)

    async def part(self, number: int) -> int:
        with tracer.start_as_current_span("part"):
            await asyncio.sleep(0)
            tracer.start_span("later in part").end()
        return number

    def blocking(self) -> str:
        tracer.start_span("blocking").end()
        return "done"


@functools.singledispatch
def told(what: object) -> None:
    tracer.start_span("told anything").end()


@told.register
def _(what: int) -> None:
    tracer.start_span("told a number").end()


@told.register
def _(what: str) -> None:
    tracer.start_span("told a text").end()


def factory(size: int) -> type[Base]:
    class Made(Base):
        tracer.start_span("made class body").end()

        def step(self) -> str:
            tracer.start_span("made step").end()
            return "made" * size

    return Made


def work(planner: Planner) -> None:
    for what in (1, "one", None):
        told(what)
    with planner, spanned("working"):
        planner()
    factory(2)().run()
    Planner.made()
    Planner.helper()
    threads = [threading.Thread(target=planner.blocking) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda each: (tracer.start_span("pooled").end(), each)[1], range(3)))
    asyncio.run(planner.answer())
