"""What part an agent plays, in one word."""

__all__ = ["AGENT_TYPES"]

AGENT_TYPES = ("primary", "orchestrator", "specialist", "tool", "unknown")
"""The last is what nothing tells; an agent may say the others of itself."""
