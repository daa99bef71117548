"""A child of `serve`: `python -m otel_llmops.app receiver|engine DATA`.

The configuration is the first line of stdin, as JSON; DATA is there for whoever reads `ps`.

Strategy: the tie to the parent comes first, before anything slow or large is imported, so that
there is no moment in which this process could outlive its parent.
"""

import importlib
import json
import logging
import sys

from otel_llmops.app.extras import extra_required
from otel_llmops.app.lifeline import Lifeline
from otel_llmops.config import serve_config
from otel_llmops.errors import LlmopsError

_REFUSED = 2


def main() -> int:
    """Run the role named in argv; the exit code is 2 where it could not start."""
    lifeline = Lifeline.hold()
    role = sys.argv[1]
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.WARNING,
        format=f"%(asctime)s {role} %(levelname)s %(message)s",
    )
    for library in ("urllib3.connectionpool", "clickhouse_connect"):
        # a call of the store that fails is told once, by whoever made it
        logging.getLogger(library).setLevel(logging.ERROR)
    try:
        with extra_required(f"the {role}"):
            child = importlib.import_module(f"otel_llmops.app.{role}_child")
        exit_code: int = child.run(serve_config(json.loads(lifeline.order)), lifeline)
    except LlmopsError as error:
        lifeline.say({"error": error.message, "hint": error.hint})
        return _REFUSED
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
