"""OTLP bytes to Arrow and back; sans-I/O."""
