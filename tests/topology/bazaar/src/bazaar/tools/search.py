"""Functions of every sort: nested, recursive, generators, lambdas, comprehensions."""

from bazaar.telling import named, traced, tracer

ALIASES = {
    "short": lambda text: (tracer.start_span("short").end(), text[:3])[1],
    "long": lambda text: (tracer.start_span("long").end(), text * 2)[1],
}
AT_IMPORT = [tracer.start_span("module comprehension").end() for _ in range(2)]
tracer.start_span("module").end()


def find(text: str) -> list[str]:
    """Calls of all sorts within one function."""

    def deeper(level: int) -> int:
        tracer.start_span("deeper").end()

        def deepest() -> int:
            tracer.start_span("deepest").end()
            return level

        return deepest() if level == 0 else deeper(level - 1)

    deeper(2)
    found = [ALIASES[name](text) for name in sorted(ALIASES)]
    found += [tracer.start_span("in a comprehension").end() or word for word in text.split()]
    sizes = {word: (tracer.start_span("in a dict").end(), len(word))[1] for word in found}
    total = sum((tracer.start_span("in a generator").end(), size)[1] for size in sizes.values())
    found.sort(
        key=lambda word: (
            tracer.start_span("in a key").end(),
            sizes[word],
            total,
        )
    )
    return list(pages(found))


def pages(words: list[str]):
    tracer.start_span("before the first").end()
    for word in words:
        tracer.start_span("between").end()
        yield word
    yield from rest()


def rest():
    tracer.start_span("rest").end()
    yield "rest"


@traced
@named("decorated")
def twice(text: str) -> str:
    tracer.start_span("inside").end()
    return text + text


if AT_IMPORT:

    def chosen() -> str:
        tracer.start_span("this one").end()
        return "this"

else:

    def chosen() -> str:
        tracer.start_span("that one").end()
        return "that"
