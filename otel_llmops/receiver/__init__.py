"""OTLP servers: bytes, check, journal, acknowledge."""
