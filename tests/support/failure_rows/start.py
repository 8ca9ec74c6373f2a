"""Faults in the container: the credential, names and files of the secrets, the surroundings of the command."""

import errno
import resource

from support import misbehaving_server as bad
from support import no_memfd
from support.failure_rows.row import AT_DEADLINE, OURS_ALONE, Fails, Row, Starts, answers, credential_in_a_pipe
from support.failure_scene import FETCHED

MEMFD = ("allow memfd_create in the container's seccomp profile, or name a path on a tmpfs: "
         "--file KEY=VARIABLE:/run/agent-secrets/files/NAME")


def credential(text):
    def arrange(scene):
        scene.serve(bad.good)
        scene.variables["AGENT_SECRETS_CREDENTIAL"] = text
    return arrange


def a_set_of(**values):
    return lambda scene: scene.serve(bad.bundles(members={"values": values}))


def started_with(*options, serve=answers(bad.good)):
    def arrange(scene):
        serve(scene)
        scene.options += options
    return arrange


def without_memfd(error_number):
    def arrange(scene):
        started_with("--file", "OWNER=OWNER_FILE")(scene)
        scene.preexec = no_memfd.refuse_with(error_number)
    return arrange


def few_descriptors(scene):
    started_with("--file", "OWNER=OWNER_FILE")(scene)
    scene.preexec = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def at_a_path(spoil):
    """A file in the directory DIR-files, which `spoil` has made."""
    def arrange(scene):
        directory = scene.cache.with_name(scene.cache.name + "-files")
        spoil(directory)
        started_with("--allow-disk", "--file", f"OWNER=OWNER_FILE:{directory}/key")(scene)
    return arrange


def made(mode):
    def make(directory):
        directory.mkdir()
        directory.chmod(mode)
    return make


def linked(directory):
    target = directory.with_name("elsewhere")
    target.mkdir()
    directory.symlink_to(target)


def occupied(directory):
    directory.mkdir()
    (directory / "key").write_text("of somebody else")


def a_dotenv(scene):
    scene.serve(bad.good)
    scene.working_directory = scene.directory
    (scene.directory / ".env").write_text("OWNER=of-the-file\n")


def a_broken_promise(scene):
    scene.serve(bad.good)
    scene.variables["NODE_CHANNEL_FD"] = "63"


SECTIONS = {
    "The credential": [
        Row("no credential", credential(None),
            Fails("credential: no credential is given",
                  "give --env-file .env, --agent NAME, or an agent's credential: --credential-file FILE, "
                  "or AGENT_SECRETS_CREDENTIAL in a container")),
        Row("a damaged credential", credential("agentcred_v1_e30.AAAA"),
            Fails("credential: AGENT_SECRETS_CREDENTIAL: agent credential: the secret part is not 36 bytes in base64url",
                  "copy the whole text that `credential issue` printed, or issue a new one")),
        Row("a credential in a pipe that nobody writes to", credential_in_a_pipe,
            Fails("credential: it was not done within --timeout, <t>",
                  "the credential's file is a pipe that nobody writes to, or on a disk that hangs", AT_DEADLINE)),
    ],
    "Names and files": [
        Row("`--rename` gives two keys one name",
            started_with("--rename", "OTHER=OWNER", serve=a_set_of(OWNER=FETCHED, OTHER="x")),
            Fails("environment: OTHER and OWNER would both be OWNER",
                  "leave one out with --only, or give each a name of its own with --rename or --file")),
        Row("`--rename` to a reserved name", started_with("--rename", "OWNER=LD_PRELOAD"),
            Fails("environment: the secret set has reserved names: LD_PRELOAD (loads code into every program)",
                  "take them out of the set, choose with --only, or permit each with --allow KEY")),
        Row("a value that no variable can hold", a_set_of(OWNER="x" * 131_072),
            Fails("environment: name and value take more than 131072 bytes: OWNER",
                  "no environment variable can hold that: give the program a file, --file KEY=VARIABLE")),
        Row("`--file` of a key that is not there", started_with("--file", "OWNERS=OWNER_FILE"),
            Fails("environment: keys for --file are missing: OWNERS",
                  "--file names a key as the set or the env file has it, before --rename and --prefix")),
        Row("`--file`, and the seccomp profile forbids memfd_create", without_memfd(errno.EPERM),
            Fails("files: OWNER: memfd_create: operation not permitted", MEMFD)),
        Row("`--file`, and the kernel has no memfd_create", without_memfd(errno.ENOSYS),
            Fails("files: OWNER: memfd_create: function not implemented", MEMFD)),
        Row("`--file`, and 64 descriptors at most", few_descriptors,
            Fails("files: OWNER: dup memfd: invalid argument",
                  "raise the limit of open files to 228 or more (ulimit -n)")),
        Row("`--file` at a path that is not on a tmpfs", started_with("--file", "OWNER=OWNER_FILE:/proc/sys/key"),
            Fails("files: OWNER: /proc/sys is not on a tmpfs",
                  "mount a tmpfs there, or let the value be written to that file system with --allow-disk")),
        Row("`--file` at a path, in a directory that is a symbolic link", at_a_path(linked),
            Fails("files: OWNER: DIR-files: not a directory, or a symbolic link", "give the directory itself")),
        Row("`--file` at a path, in a directory that others may write to", at_a_path(made(0o1777)),
            Fails("files: OWNER: DIR-files: others may write to the directory (mode 1777)", OURS_ALONE)),
        Row("`--file` at a path where something else is", at_a_path(occupied),
            Fails("files: OWNER: DIR-files/key is there already, and no earlier start made it",
                  "name another path, or remove what is there")),
        Row("`--file` at a path without a parent", started_with("--file", "OWNER=OWNER_FILE:/proc/no/such/key"),
            Fails("files: OWNER: open directory of a secret file /proc/no: no such file or directory",
                  "name a path in a directory that is there, or whose parent is, on a tmpfs that this user may "
                  "write to")),
    ],
    "Around the command": [
        Row("a `.env` beside the command has an injected key", a_dotenv,
            Starts(warning="a .env has injected keys: load_dotenv(override=True) would use its values")),
        Row("`NODE_CHANNEL_FD` names a descriptor that is not open", a_broken_promise,
            Starts(warning="a variable promises descriptors that the command cannot have: it is left out")),
    ],
}
