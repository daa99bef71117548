"""The program: runs the shop once."""

import sys

import bazaar
from bazaar.agents.planner import Planner, work
from bazaar.telling import tracer
from bazaar.tools import search


def main(times: int) -> None:
    for _ in range(times):
        with tracer.start_as_current_span("round"):
            work(Planner())
            bazaar.look_up("one two three")
            search.twice("x")
            search.chosen()


if __name__ == "__main__":
    tracer.start_span("program").end()
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
