"""An image with the editor started as it is meant to be."""

from tests.image.conftest import MODES, Image
from tests.worlds.containers import Recipe, answers_http, running


def test_the_editor_answers_once_it_is_ready(image: Image, mode: str) -> None:
    with running(Recipe(image.name, MODES[mode])) as box:
        box.wait_ready()
        assert answers_http(box.ide_port)
