from bazaar.telling import tracer


def clean(text: str) -> str:
    tracer.start_span("clean agents").end()
    return text.strip()
