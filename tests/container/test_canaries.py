"""No value of a secret in an image, in a container's files, in /proc but for the bot's environ, in a log."""

import pytest
from support.canary import Search
from support.container_search import search_container
from support.containers import PLAIN_BOT
from support.wait import wait_for


@pytest.fixture
def search(values):
    return Search({"the old value": values[0], "the new value": values[1]})


@pytest.fixture
def writable(run, images):
    """(the bot in a container whose file system can be written, the name that commit() knows it by)."""
    container, root = images.writable_root(images.base("trixie"))
    return run(images.base("trixie"), mounts=PLAIN_BOT, root=root).wait_up(), container


def test_no_value_is_where_it_does_not_belong(search, writable, images, change, control_plane, credential):
    bot, container = writable
    change()
    assert search_container(search, bot, allowed=bot.pid_of("python3")) == 3
    assert search.tree(bot.root) > 1000
    assert images.search(search, images.commit(container, "committed")) > 1000
    search.text(control_plane.log_path.read_text(), "the control plane's log")
    assert search.leaks == []


def test_the_search_finds_the_one_place_that_is_allowed(search, writable):
    bot, _ = writable
    pid = bot.pid_of("python3")
    search_container(search, bot, allowed=None)
    places = {leak.split(" in ")[1].split(" at ")[0] for leak in search.leaks}
    assert places == {f"/proc/{pid}/environ", f"/proc/{pid}/mem"}


@pytest.mark.parametrize("where", ["ENV", "LABEL", "RUN", "COPY"])
def test_a_planted_value_in_an_image_is_found(search, images, values, tmp_path, where):
    (tmp_path / "file").write_text(f"before {values[0]} after")
    instruction = {
        "ENV": f"ENV KEY={values[0]}",
        "LABEL": f"LABEL key={values[0]}",
        "RUN": f"RUN busybox true {values[0]}",
        "COPY": "COPY file /",
    }[where]
    base = images.alpine_like()
    planted = images.build(f"planted-{where.lower()}", tmp_path, f"FROM localhost/{base}\n{instruction}\n")
    images.search(search, base)
    assert search.leaks == []
    images.search(search, planted)
    place = "file in a layer" if where == "COPY" else "the configuration"
    assert f"the old value (plain) in {place} of {planted}" in search.leaks


@pytest.mark.parametrize(
    "plant, place",
    [
        ("echo $KEY > /run/agent-secrets/planted; exec sleep 600", "planted"),
        ("echo $KEY > /tmp/planted; exec sleep 600", "planted"),
        ("echo $KEY; exec sleep 600", "log"),
        ("exec sh -c 'sleep 600; : '$KEY", "cmdline"),
        ("KEY= exec env OTHER=$KEY sleep 600", "environ"),
        ("echo $KEY > /tmp/gone; exec 9< /tmp/gone; rm /tmp/gone; exec sleep 600", "fd"),
    ],
)
def test_a_planted_value_in_a_container_is_found(search, run, images, values, plant, place):
    container = run(
        images.base("trixie"), entrypoint=["tini", "--"], command=["sh", "-c", plant], environment={"KEY": values[0]}
    )
    wait_for(lambda: container.pid_of("sleep"), what="the planting")
    search_container(search, container, allowed=None)
    assert any(place in leak.split(" in ", 1)[1] for leak in search.leaks), search.leaks
