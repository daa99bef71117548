"""Every scenario in every store; beside no other test: of embedded stores a process has one."""

from contextlib import closing

import pytest

from tests.backends import BACKENDS, Backend
from tests.contract.test_corpus import answers_of_embedded, batches, everything, filled


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("backend", BACKENDS[1:], ids=lambda backend: backend.name)
def test_every_batch_has_the_answers_of_the_embedded_store(
    backend: Backend, tmp_path_factory: pytest.TempPathFactory
) -> None:
    differ = []
    for number in range(1, len(batches())):
        folder = tmp_path_factory.mktemp("batch")
        expected = answers_of_embedded(number, folder / "embedded")
        with closing(filled(backend, number, folder / "store")) as opened:
            if everything(opened) != expected:
                differ.append(batches()[number])
    assert differ == []
