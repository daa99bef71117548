"""From here on a store remembers its revision. All else that is new is added by comparing."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Nothing that comparing does not find."""
