"""A real region node (`serve --only-region`) on a free loopback port."""

import subprocess

from support import programs
from support.control_plane import ControlPlane


class RegionNode(ControlPlane):
    """`with RegionNode(path, "eu-central", keys, place) as node: …`. `keys` is the file of `region export-keys`;
    `place` has the options that name the store, such as ("--region-database", "eu-central=postgresql://…"). Leaving the
    block ends the process."""

    def __init__(self, directory, region, keys, place, environment=None):
        super().__init__(directory, environment=environment)
        self.options = ["--only-region", region, "--region-keys", keys, *place]

    def __enter__(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        self.start()
        return self

    def command(self, *arguments):
        """A node has neither a catalog nor a master key."""
        return [str(part) for part in (programs.control_plane_program(), *arguments, *self.options)]

    def refusal(self):
        """The error output of a `serve` that must fail."""
        self.directory.mkdir(parents=True, exist_ok=True)
        finished = subprocess.run(
            self.command("serve", "--listen", f"127.0.0.1:{self.port}"),
            env=programs.clean_environment(**self.environment), stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=60)
        assert finished.returncode != 0, "the node serves"
        return finished.stderr
