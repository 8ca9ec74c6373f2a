import pytest

from support.failure_scene import Certificates, Scene
from support.postgresql import drop_database, new_database
from support.tls import Authority


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """Of a throwaway authority, and what is wrong with each."""
    directory = tmp_path_factory.mktemp("certificates")
    return Certificates(Authority(directory / "ours"), Authority(directory / "theirs"))


@pytest.fixture
def scene(tmp_path, certificates):
    """A start of the injector, to be arranged."""
    with Scene(tmp_path / "scene", certificates) as arranged:
        yield arranged


@pytest.fixture
def database():
    """The URL of an empty database on the shared server."""
    url = new_database()
    yield url
    drop_database(url)
