"""What 0.1.0 made, before a store remembered its revision."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Nothing: its tables are there."""
