"""What redaction costs a request on its way into the journal: taken as it is, and redacted.

Strategy: one intake with a redactor and one without take the same requests in turn, check, hash,
journal and fsync included; medians of rounds, in CPU time of the whole process, so that the
neighbours and the disk stay out of it. "1 in 100" has an API key and an e-mail address in every
hundredth span, "all" in every span; in the others there is nothing that a rule would mask, but
`content` drops two attributes of each span.

    python benchmarks/bench_redaction.py [--rounds 5]
"""

import argparse
import itertools
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench_decode import request

from otel_llmops.journal import Journal, JournalSettings
from otel_llmops.otlp import DECODER, Encoding, Signal
from otel_llmops.otlp.wire import framed
from otel_llmops.receiver.intake import Intake
from otel_llmops.redaction import Redactor, rules

SPANS = 512
SAID = " my key is sk-proj-aB3xaB3xaB3xaB3xaB3xaB3x, mail bob@example.com "
PRESETS = (("secrets",), ("pii",), ("secrets", "pii"), ("content",), ("secrets", "pii", "content"))


def payload(text_bytes: int, *, secret_in: int) -> bytes:
    """512 spans; every `secret_in`-th (0: none) tells a secret."""
    made = request(SPANS, text_bytes)
    if secret_in:
        for span in made.resource_spans[0].scope_spans[0].spans[::secret_in]:
            said = next(each for each in span.attributes if each.key == "gen_ai.input.messages")
            said.value.string_value += SAID
    body: bytes = made.SerializeToString()
    return body


class Taking:
    """An intake into a journal of its own; every request is another one, or it would be a retry."""

    def __init__(self, folder: Path, redactor: Redactor | None) -> None:
        self._journal = Journal.open(
            folder, JournalSettings(budget_bytes=8 << 30), required_consumers=[]
        )
        self._intake = Intake(self._journal, redactor=redactor)
        self._numbers = itertools.count()

    def cpu_s(self, body: bytes, repeats: int) -> float:
        """CPU seconds that one request takes until it is on the disk."""
        start = time.process_time()
        for _ in range(repeats):
            number = framed(1, [framed(3, [str(next(self._numbers)).encode()])])
            taking = self._intake.take(
                body + number, signal=Signal.TRACES, encoding=Encoding.PROTOBUF
            )
            assert taking.stored is not None
            assert taking.stored.result()
        return (time.process_time() - start) / repeats

    def close(self) -> None:
        self._journal.close()


def measure(body: bytes, redactor: Redactor, rounds: int) -> tuple[float, float, float]:
    """Median spans/s taken and redacted, and the median ratio of the times."""
    with TemporaryDirectory() as folder:
        plain = Taking(Path(folder) / "plain", None)
        redacting = Taking(Path(folder) / "redacting", redactor)
        both = [(plain.cpu_s(body, 8), redacting.cpu_s(body, 4)) for _ in range(rounds + 1)]
        plain.close()
        redacting.close()
    without, with_it = zip(*both[1:], strict=True)  # the first round opens files
    ratio = statistics.median(b / a for a, b in both[1:])
    return SPANS / statistics.median(without), SPANS / statistics.median(with_it), ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print(f"{DECODER} decoder, {SPANS} spans a request, one thread")
    for text_bytes in (64, 2048):
        size = len(payload(text_bytes, secret_in=0)) / SPANS
        print(f"\n{size:,.0f} bytes a span\n")
        print(
            "| presets | secrets | journalled, spans/s | redacted before, spans/s | times the CPU |"
        )
        print("| --- | --- | ---: | ---: | ---: |")
        for names in PRESETS:
            redactor = Redactor(rules(names))
            for label, secret_in in (("none", 0), ("1 in 100", 100), ("all", 1)):
                body = payload(text_bytes, secret_in=secret_in)
                plain, redacted, ratio = measure(body, redactor, arguments.rounds)
                figures = f"{plain:,.0f} | {redacted:,.0f} | {ratio:.1f}"
                print(f"| {', '.join(names)} | {label} | {figures} |")


if __name__ == "__main__":
    main()
