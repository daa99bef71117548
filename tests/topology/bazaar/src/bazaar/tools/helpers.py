from bazaar.telling import tracer


def clean(text: str) -> str:
    tracer.start_span("clean tools").end()
    return text.strip()
