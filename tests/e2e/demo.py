"""The life of a secret in eight steps, with the real programs and the official CLI; every line is
checked. script/demo builds first; needs no network beyond loopback and leaves nothing behind."""

import contextlib
import pathlib
import secrets
import signal
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from support import postgresql, programs  # noqa: E402
from support.canary import Search  # noqa: E402
from support.instance import Instance, run_injector  # noqa: E402
from support.operator_client import operator_client  # noqa: E402
from support.replicas import new_control_plane  # noqa: E402
from support.story import CheckFailed, Story  # noqa: E402
from support.wait import wait_for  # noqa: E402

SET, AGENT, IMAGE = "bot-secrets", "bot", "demo/bot:1"


class Demo:
    def __init__(self, directory, resources):
        self.directory = directory
        self.resources = resources  # an ExitStack: what it holds ends with the demo
        self.story = Story(steps=8)
        self.api_key = "sk-demo-" + secrets.token_hex(16)
        self.outputs = []  # all that a client printed or was answered
        self.control_plane = self.operator = self.rest = None
        self.credential = self.old = self.search = None

    def run(self):
        self.start_control_plane()
        self.set_secrets()
        self.deploy()
        self.start_bot()
        self.change_secret()
        self.hear_of_it()
        self.redeploy()
        self.survive_outage()
        self.look_for_leaks()

    # Steps

    def start_control_plane(self):
        story = self.story
        control_plane = new_control_plane(self.directory / "control-plane")
        story.step(f"control plane on {'PostgreSQL' if control_plane.database else 'SQLite'}")
        self.control_plane = self.resources.enter_context(control_plane)
        self.rest = control_plane.rest()
        self.operator = operator_client(control_plane, self.directory / "operator")
        story.fact(f"{control_plane.database or control_plane.data_dir}, {control_plane.url}")
        mode = control_plane.master_key_file.stat().st_mode & 0o777
        story.equal(oct(mode), oct(0o600), "mode of the master key")
        story.equal(self.rest.org("GET", "secrets").body, {"sets": []}, "the first list of sets")

    def set_secrets(self):
        story = self.story
        story.step(f"$ {self.operator.name} secrets set {SET} GREETING=hello OPENAI_API_KEY=sk-demo-… --skip")
        running = self.operator.start_secrets_set(SET, GREETING="hello", OPENAI_API_KEY=self.api_key)
        # While the CLI is still on its way out: the set is pending for half a second.
        # On a busy machine the CLI takes seconds to start.
        wait_for(lambda: self.set_keys() == ["GREETING", "OPENAI_API_KEY"], 60, "both keys being listed")
        written = time.monotonic()
        early = self.rest.deploy(AGENT, IMAGE, secretSet=SET)
        self.outputs.append(early.text)
        story.equal(early.status, 409, "a deploy while the set is pending")
        story.check("not yet ready" in early.body["error"], "the 409 saying that the set is not yet ready")
        story.equal(self.rest.org("GET", f"services/{AGENT}").status, 404, "the agent after a refused deploy")
        self.control_plane.wait_ready(SET)
        took = time.monotonic() - written
        self.finish(running)
        story.fact(f"202, a deploy while pending → 409; pending → ready in {took:.1f} s")

    def deploy(self):
        story = self.story
        story.step(f"$ {self.operator.name} deploy {AGENT} {IMAGE} --secrets {SET} …")
        code, output = self.operator.deploy(AGENT, IMAGE, SET)
        self.outputs.append(output)
        story.equal(code, 0, f"exit code of deploy ({output.strip()})")
        agent = self.rest.org("GET", f"services/{AGENT}").body["body"]
        story.check(agent["ready"] and agent["available"], "the agent being ready and available")
        on_disk = Search({"OPENAI_API_KEY": self.api_key})
        files = on_disk.tree(self.control_plane.directory)
        database = self.control_plane.database
        if database:
            dump = postgresql.dump(database)
            story.check(SET.encode() in dump, "the set's name in a dump of the database")
            on_disk.bytes(dump, "a dump of the database")
        story.equal(on_disk.leaks, [], "leaks on disk")
        story.check(files >= 3, "at least three files of the control plane on disk")
        story.fact(f"on disk: the value is found in 0 of {files} files{', and not in a dump of the database' * bool(database)}")

    def start_bot(self):
        story = self.story
        self.credential = self.control_plane.issue_credential(AGENT)
        story.check(self.credential.startswith("agentcred_v1_"), "a credential")
        story.step("credential issued; $ secret-injector --sidecar -- python3 bot.py")
        self.old = self.new_instance("old")
        story.equal(self.old.bot("/livez"), (200, {"pid": self.old.pid}), "the bot's pid, the injector's own")
        story.equal(self.greeting(self.old), "hello", "GREETING")
        names = self.old.bot("/environment-names")[1]["names"]
        story.check("OPENAI_API_KEY" in names, "OPENAI_API_KEY in the bot's environment")
        story.check(
            not {"AGENT_SECRETS_CREDENTIAL", "AGENT_SECRETS_CREDENTIAL_FILE"} & set(names),
            "AGENT_SECRETS_CREDENTIAL absent from the bot's environment",
        )
        environment = pathlib.Path(f"/proc/{self.old.pid}/environ").read_bytes()
        story.check(self.api_key.encode() in environment, "the value in the bot's environment")
        story.check(self.credential.encode() not in environment, "no credential in the bot's environment")
        wait_for(lambda: self.old.sidecar("/readyz")[0] == 200, what="the sidecar being ready")
        story.equal(self.old.redeploy_flag(), None, "the redeploy flag")
        story.fact("same pid; GREETING=hello; AGENT_SECRETS_CREDENTIAL absent from the bot")

    def change_secret(self):
        story = self.story
        story.step(f"$ {self.operator.name} secrets set {SET} GREETING=bonjour --skip     the bot still says hello")
        running = self.operator.start_secrets_set(SET, GREETING="bonjour")
        self.finish(running)
        story.equal(self.greeting(self.old), "hello", "GREETING of the running bot")

    def hear_of_it(self):
        story = self.story
        self.control_plane.wait_ready(SET)
        flag = wait_for(self.old.redeploy_flag, what="redeploy.json")
        ready = self.control_plane.logged_at("set version is ready", set=SET, version=3)
        # A file's time is as coarse as the kernel's tick, a few ms, and may lie before it was written.
        took = max(self.old.redeploy_flag_written_at() - ready, 0) * 1000
        story.step(f"sidecar, {took:.0f} ms later: REDEPLOY NEEDED {SET} v2→v3 changed: GREETING")
        story.equal(flag.get("state"), "stale", "state in redeploy.json")
        facts = set(leaves(flag))
        story.check({SET, 2, 3, "GREETING"} <= facts, f"{SET}, 2, 3 and GREETING in redeploy.json: {flag}")
        story.check("OPENAI_API_KEY" not in facts, "redeploy.json naming changed keys only")
        story.equal(self.old.sidecar("/readyz")[0], 503, "/readyz of the sidecar")
        story.equal(self.old.bot("/readyz")[0], 503, "/readyz of the bot")
        story.equal(self.old.sidecar("/livez")[0], 200, "/livez of the sidecar")
        story.equal(self.old.sidecar_status(), 10, "exit code of secret-sidecar status")
        story.fact("/readyz 200→503; redeploy.json")

    def redeploy(self):
        story = self.story
        story.step("redeployed: the old instance hears it is superseded; a new one says bonjour; the flag is gone")
        code, output = self.operator.deploy(AGENT, IMAGE, SET, force=True)
        self.outputs.append(output)
        story.equal(code, 0, f"exit code of deploy --force ({output.strip()})")
        wait_for(lambda: (self.old.redeploy_flag() or {}).get("state") == "superseded", what="superseded")
        story.equal(self.old.sidecar_status(), 11, "exit code of secret-sidecar status")
        story.equal(self.greeting(self.old), "hello", "GREETING of the superseded bot")
        self.look_into_processes()
        story.equal(self.old.stop(), 0, "exit code of the superseded bot")
        new = self.new_instance("old")  # the same container: the old flag lies in its state directory
        story.equal(self.greeting(new), "bonjour", "GREETING of the new bot")
        wait_for(lambda: new.sidecar_status() == 0, what="secret-sidecar status saying current")
        story.equal(new.redeploy_flag(), None, "the redeploy flag")
        story.equal(new.bot("/readyz")[0], 200, "/readyz of the new bot")
        story.equal(new.stop(), 0, "exit code of the new bot")

    def survive_outage(self):
        story = self.story
        story.step("control plane stopped: the bot restarts from its sealed cache with a warning; a tampered cache → exit 125")
        story.equal(self.control_plane.stop(), 0, "exit code of the control plane")
        seen = len(self.old.log())
        offline = self.new_instance("old", sidecar=False, timeout=2)
        story.equal(self.greeting(offline), "bonjour", "GREETING from the cache")
        warnings = [line for line in offline.log()[seen:].splitlines() if "warning" in line and "cache" in line]
        story.check(warnings, "a warning that the cache was used")
        story.equal(offline.stop(), 0, "exit code of the bot")
        flip_a_byte(offline.cache_dir)
        refused = run_injector(
            self.credential, "/bin/true",
            options=("--timeout", 2, "--cache-dir", offline.cache_dir, "--state-dir", offline.state_dir),
        )
        self.outputs.append(refused.stdout + refused.stderr)
        story.equal(refused.returncode, 125, f"exit code with a tampered cache ({refused.stderr.strip()})")
        story.check("hint: " in refused.stderr, "a hint with the refusal")

    def look_for_leaks(self):
        search = self.canaries()
        for number, output in enumerate(self.outputs):
            search.text(output, f"output {number}")
        search.tree(self.directory)
        self.search.leaks += search.leaks
        self.story.equal(self.search.leaks, [], "leaks")
        self.story.passed(f"{self.story.checks} checks, 0 leaks of 2 canaries")

    # Parts

    def canaries(self):
        # The secret half of the credential; the public half is meant to be read.
        return Search({"OPENAI_API_KEY": self.api_key, "the credential's seed": self.credential.rsplit(".", 1)[1]})

    def look_into_processes(self):
        """The control plane and the sidecar while they run; the sidecar's answers and metrics."""
        self.search = self.canaries()
        sidecar = self.old.sidecar_pid()
        self.story.check(sidecar, "a running sidecar")
        for pid in self.control_plane.pids():
            self.search.process(pid, memory=False)
        try:
            self.search.process(sidecar)
        except PermissionError:
            pass  # not root, and the sidecar made itself undumpable
        for path in ("/status", "/metrics"):
            status, body = self.old.sidecar(path)
            self.story.equal(status, 200, f"{path} of the sidecar")
            self.search.bytes(body, path)

    def new_instance(self, name, **options):
        return self.resources.enter_context(Instance(self.directory / name, self.credential, **options))

    def greeting(self, instance):
        return instance.bot("/hello")[1]["greeting"]

    def set_keys(self):
        answer = self.rest.org("GET", f"secrets/{SET}")
        self.outputs.append(answer.text)
        return sorted(key["fieldName"] for key in (answer.body or {}).get("secrets", []))

    def finish(self, running):
        code, output = self.operator.finish(running)
        self.outputs.append(output)
        self.story.equal(code, 0, f"exit code of secrets set ({output.strip()})")
        self.story.check("error" not in output.lower(), "no error from secrets set")


def leaves(value):
    """Every scalar in a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def flip_a_byte(cache_dir):
    """In the middle of the largest file: the cached bundle."""
    path = max((file for file in cache_dir.rglob("*") if file.is_file()), key=lambda file: file.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def main():
    # Both signals unwind the stack, so that processes and files go with the demo.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if not programs.control_plane_program().exists():
        sys.exit("demo: error: the programs are not built\nhint: run script/demo, which builds first")
    with contextlib.ExitStack() as resources:
        directory = resources.enter_context(tempfile.TemporaryDirectory(prefix="agent-secrets-demo-"))
        demo = Demo(pathlib.Path(directory), resources)
        try:
            demo.run()
            return 0
        except (CheckFailed, AssertionError) as failure:
            demo.story.failed(str(failure))
            for log in sorted(pathlib.Path(directory).rglob("*.log")):
                print(f"--- {log}", *log.read_text(errors="replace").splitlines()[-15:], sep="\n", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 130


if __name__ == "__main__":
    sys.exit(main())
