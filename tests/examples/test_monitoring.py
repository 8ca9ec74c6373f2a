"""examples/monitoring: Prometheus accepts the rules, every alert fires in a unit test of promtool, and every metric that
rules, dashboard and docs/metrics.md name is in an answer of a real control plane."""

import json
import re
import shutil
import subprocess

import pytest
from support.control_plane import ControlPlane, Tls
from support.postgresql import drop_database, new_database
from support.programs import ROOT
from support.tls import Authority

yaml = pytest.importorskip("yaml", reason="script/bootstrap --examples installs it")
MONITORING = ROOT / "examples" / "monitoring"
RULES = MONITORING / "alerts.yml"
DASHBOARD = json.loads((MONITORING / "dashboard.json").read_text())
ALERTS = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
NAME = re.compile(r"\bagent_secrets_\w+")


@pytest.fixture(scope="module")
def promtool():
    """Of Debian's package prometheus."""
    found = shutil.which("promtool") or shutil.which("promtool", path=ROOT / "build" / "promtool" / "usr" / "bin")
    if not found:
        pytest.skip("promtool is not installed; run script/bootstrap --examples")

    def run(*arguments):
        return subprocess.run([found, *arguments], capture_output=True, text=True, timeout=60)
    return run


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """{family: type} of a control plane that has every metric: with TLS, and on PostgreSQL."""
    directory = tmp_path_factory.mktemp("served")
    authority = Authority(directory / "authority")
    tls = Tls(*authority.server_certificate(), authority.certificate)
    database = new_database()
    try:
        with ControlPlane(directory / "control-plane", tls=tls, database=database) as plane:
            plane.rest().request("GET", "/v1/secrets")
            text = plane.rest().request("GET", "/metrics").text
    finally:
        drop_database(database)
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))


def series(families):
    """The names that an expression may have."""
    names = set()
    for family, kind in families.items():
        names |= {family + end for end in ("_bucket", "_sum", "_count")} if kind == "histogram" else {family}
    return names


def expressions():
    """Of the dashboard, by the titles of its panels."""
    return [(panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel["targets"]]


# The rules


def test_prometheus_accepts_the_rules(promtool, tmp_path):
    checked = promtool("check", "rules", str(RULES))
    assert checked.returncode == 0, checked.stderr
    faulty = tmp_path / "faulty.yml"
    faulty.write_text(RULES.read_text().replace("sum by (region)", "sum by region", 1))
    assert promtool("check", "rules", str(faulty)).returncode != 0


def unit_test(directory, without=None):
    """The file for promtool; `without` is a metric that stays good."""
    firing = [{"labels": f'{{alertname="{rule["alert"]}"}}', "value": 1} for rule in ALERTS]
    text = (ROOT / "tests" / "examples" / "alerts.test.yml").read_text()
    text = text.replace("{{RULES}}", str(RULES)).replace("{{FIRING}}", json.dumps(firing))
    if without:
        text = "".join(line for line in text.splitlines(keepends=True) if f"'{without}" not in line)
    file = directory / "alerts.test.yml"
    file.write_text(text)
    return str(file)


def test_every_alert_fires_and_none_does_in_a_quiet_hour(promtool, tmp_path):
    tested = promtool("test", "rules", unit_test(tmp_path))
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_an_alert_that_does_not_fire_fails_the_unit_test(promtool, tmp_path):
    assert promtool("test", "rules", unit_test(tmp_path, "agent_secrets_log_lines_dropped_total")).returncode != 0


def test_every_alert_says_what_is_wrong_and_how_bad_it_is():
    for rule in ALERTS:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"] and rule["annotations"]["description"].endswith(".")


# The names


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_the_metrics_of_an_alert_are_served(rule, served):
    named = set(NAME.findall(rule["expr"]))
    assert named <= series(served), named - series(served)


def test_the_metrics_of_the_dashboard_are_served_and_all_are_on_it(served):
    named = {name for _, expression in expressions() for name in NAME.findall(expression)}
    assert named <= series(served), named - series(served)
    shown = {family for family in served if any(name.startswith(family) for name in named)}
    assert shown == set(served)


def test_the_page_of_metrics_has_each_and_no_other(served):
    assert set(NAME.findall((ROOT / "docs" / "metrics.md").read_text())) == set(served)


# The dashboard


def test_every_expression_of_the_dashboard_is_one(promtool, tmp_path):
    rules = [{"record": f"panel:{number}", "expr": expression.replace("$instance", ".*")}
             for number, (_, expression) in enumerate(expressions())]
    file = tmp_path / "panels.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    checked = promtool("check", "rules", str(file))
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_no_two_panels_of_the_dashboard_overlap():
    cells = [(x, y) for panel in DASHBOARD["panels"] for place in [panel["gridPos"]]
             for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])]
    assert len(cells) == len(set(cells)) and all(x < 24 for x, _ in cells)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
