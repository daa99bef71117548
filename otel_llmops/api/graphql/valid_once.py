"""A query that was found valid is not looked at again: pages and scripts ask the same ones.

Strategy: to validate a query of one line takes 1 to 5 ms of the event loop, as long as to write its
answer. Whether it is valid depends on nothing but its text, the schema and the limits; so texts are
remembered, a few of them, and only short ones.
"""

from collections import OrderedDict
from collections.abc import Iterator

from strawberry.extensions import SchemaExtension

__all__ = ["ValidOnce", "ValidTexts"]

_TEXTS_MAX = 200
_CHARACTERS_MAX = 4_000


class ValidTexts:
    """The texts that were last used, of those that are valid. For one thread."""

    def __init__(self) -> None:
        self._texts: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, text: object) -> bool:
        return text in self._texts

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, text: str) -> None:
        """It is valid, and was just used."""
        if len(text) > _CHARACTERS_MAX:
            return
        self._texts[text] = None
        self._texts.move_to_end(text)
        if len(self._texts) > _TEXTS_MAX:
            self._texts.popitem(last=False)


class ValidOnce(SchemaExtension):
    """Leaves out the validation of a text that is among `valid`, and adds those that pass it.

    To be the last of the extensions: what another one refuses is not valid.
    """

    def __init__(self, valid: ValidTexts) -> None:
        super().__init__()
        self._valid = valid

    def on_validate(self) -> Iterator[None]:
        """Around the validation, which takes place where nothing is known of errors yet."""
        context = self.execution_context
        text = context.query or ""
        if context.pre_execution_errors is None and text in self._valid:
            context.pre_execution_errors = []
        yield
        if context.pre_execution_errors == []:
            self._valid.add(text)
