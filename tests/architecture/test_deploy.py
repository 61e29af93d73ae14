"""What stands under deploy/ fits this version: series, labels, options, paths, time limits and pages are those of the code."""

import gzip
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import ray
import yaml

from switch.api.app import OPEN_ROUTES
from switch.cli.rescore.group import rescore_group
from switch.cli.serve import serve_command
from switch.node.supervisor import DRAIN_TIMEOUT_S
from switch.reference.metrics import families

ROOT: Final = Path(__file__).parents[2]
DEPLOY: Final = ROOT / "deploy"
FILES: Final = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
SERIES: Final = re.compile(r"\bshardpay_[a-z_]+")
LABELS: Final = re.compile(r"by \(([^)]*)\)|\{([^}]*)\}")
OPTIONS: Final = {option for parameter in serve_command.params for option in parameter.opts}
SECONDS: Final = {"s": 1, "": 1, "m": 60}


def expressions() -> list[str]:
    dashboard = json.loads((DEPLOY / "grafana" / "shardpay.json").read_text())
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())["groups"][0]["rules"]
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]] + [
        rule["expr"] for rule in rules
    ]


def kubernetes(kind: str) -> Any:
    documents = yaml.safe_load_all((DEPLOY / "kubernetes" / "shardpay.yaml").read_text())
    return next(document for document in documents if document["kind"] == kind)


def commands() -> dict[str, list[str]]:
    """The command line of `serve` in each file that has one."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    unit = (DEPLOY / "systemd" / "shardpay.service").read_text()
    image = (DEPLOY / "Dockerfile").read_text()
    started = re.search(r"^ExecStart=\S*shardpay (.*)$", unit, re.MULTILINE)
    default = re.search(r"^CMD (.*)$", image, re.MULTILINE)
    assert started is not None and default is not None
    return {
        "compose": compose["services"]["switch"]["command"],
        "kubernetes": kubernetes("StatefulSet")["spec"]["template"]["spec"]["containers"][0]["args"],
        "systemd": shlex.split(started[1]),
        "image": json.loads(default[1]),
    }


def test_an_image_in_which_no_bytecode_can_be_written_has_it() -> None:
    image = (DEPLOY / "Dockerfile").read_text()
    assert "PYTHONDONTWRITEBYTECODE=1" in image
    own = re.search(
        r"^RUN \S*python -m compileall -qq --invalidation-mode unchecked-hash (.*) && \\$", image, re.MULTILINE
    )
    assert own is not None and {"actors", "models", "rules", "switch"} <= set(own[1].split()), "or it is not made"
    assert re.search(r"^ +\(.* -m compileall .* \.venv/lib \|\| true\)$", image, re.MULTILINE)


def test_an_image_is_made_of_nothing_that_git_ignores() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    patterns = {each.strip("/") if each.startswith("/") else f"**/{each.rstrip('/')}" for each in ignored if each}
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert {*patterns, ".git"} <= set(lines), "keys and data would be in it, and a .venv of another machine"
    assert not [line for line in lines if line.startswith("!")]


def test_a_unit_that_protects_the_system_keeps_bytecode_in_its_own_directory() -> None:
    unit = (DEPLOY / "systemd" / "shardpay.service").read_text()
    assert {"ProtectSystem=strict", "CacheDirectory=shardpay"} <= set(unit.splitlines())
    assert re.search(r"^Environment=.*\bPYTHONPYCACHEPREFIX=/var/cache/shardpay/", unit, re.MULTILINE)


def test_a_unit_that_protects_the_system_has_a_place_for_temporary_files() -> None:
    unit = (DEPLOY / "systemd" / "shardpay.service").read_text().splitlines()
    assert {"ProtectSystem=strict", "PrivateTmp=yes"} <= set(unit)


def test_a_unit_is_started_again_however_often_a_start_failed() -> None:
    unit = (DEPLOY / "systemd" / "shardpay.service").read_text()
    general, service = unit.partition("[Service]")[::2]
    assert "StartLimitIntervalSec=0" in general.splitlines() and "Restart=always" in service.splitlines()


def test_machine_code_is_kept_where_the_switch_may_write() -> None:
    unit = (DEPLOY / "systemd" / "shardpay.service").read_text()
    image = (DEPLOY / "Dockerfile").read_text()
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["switch"]
    mounts = kubernetes("StatefulSet")["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    volumes = {each.split(":")[1] for each in compose["volumes"]} & {each["mountPath"] for each in mounts}
    named = {place: re.findall(r"\bNUMBA_CACHE_DIR=(\S+)", text) for place, text in (("unit", unit), ("image", image))}
    assert named == {"unit": ["/var/cache/shardpay/kernels"], "image": ["/var/lib/shardpay/kernels"]}
    assert "/var/lib/shardpay" in volumes and "XDG_CACHE_HOME" not in unit + image


def test_the_user_of_the_image_is_a_number_that_kubernetes_knows_for_no_root() -> None:
    image = (DEPLOY / "Dockerfile").read_text()
    (user,) = re.findall(r"^USER (.*)$", image, re.MULTILINE)
    (group,) = re.findall(r"groupadd .*--gid (\d+) shardpay", image)
    made = re.findall(r"useradd .*--uid (\d+) --gid (\d+) .*--home-dir (\S+) shardpay", image)
    assert made == [(user.split(":")[0], group, "/var/lib/shardpay")] and user == f"{made[0][0]}:{group}"
    assert int(made[0][0]) > 0
    security = kubernetes("StatefulSet")["spec"]["template"]["spec"]["securityContext"]
    assert security == {"runAsNonRoot": True, "fsGroup": int(group)}


def test_each_file_that_is_data_parses() -> None:
    for path in FILES:
        if path.suffix in (".yaml", ".yml"):
            assert list(yaml.safe_load_all(path.read_text())), path
        elif path.suffix == ".json":
            json.loads(path.read_text())


def test_every_series_and_label_is_one_of_metrics() -> None:
    known = {
        series: {*getattr(family, "_labelnames", ()), "instance", "le"}
        for family in families()
        for series in _series(family)
    }
    for expression in expressions():
        named = SERIES.findall(expression)
        assert set(named) <= known.keys(), expression
        labels = {
            re.split(r"[=!~]", label.strip())[0]
            for pair in LABELS.findall(expression)
            for label in "".join(pair).split(",")
            if label.strip()
        }
        assert labels <= set().union(*(known[name] for name in named)) | {"job"}, expression


def _series(family: Any) -> list[str]:
    name = family.name
    return {"counter": [f"{name}_total"], "histogram": [f"{name}_bucket", f"{name}_sum", f"{name}_count"]}.get(
        family.type, [name]
    )


def test_every_alert_names_a_page_that_is_there() -> None:
    for rule in yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())["groups"][0]["rules"]:
        assert (ROOT / rule["annotations"]["page"]).is_file(), rule["alert"]


@pytest.mark.parametrize("place", ["compose", "kubernetes", "systemd", "image"])
def test_every_option_is_one_of_serve(place: str) -> None:
    command, *given = commands()[place]
    assert command == "serve"
    assert {each for each in given if each.startswith("--")} <= OPTIONS


def test_probes_ask_paths_that_are_answered_without_a_key() -> None:
    container = kubernetes("StatefulSet")["spec"]["template"]["spec"]["containers"][0]
    asked = {container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert asked <= {route.path for route in OPEN_ROUTES}


def test_everybody_waits_for_grace_and_drain_before_killing() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["switch"]
    unit = (DEPLOY / "systemd" / "shardpay.service").read_text()
    waits = {
        "compose": int(compose["stop_grace_period"].removesuffix("s")),
        "kubernetes": kubernetes("StatefulSet")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"],
        "systemd": int(re.findall(r"TimeoutStopSec=(\d+)", unit)[0]),
    }
    default: Any = next(each.default for each in serve_command.params if each.name == "drain_grace_s")
    for place, wait in waits.items():
        given = commands()[place]
        grace = float(given[given.index("--drain-grace") + 1]) if "--drain-grace" in given else float(default)
        assert wait >= grace + DRAIN_TIMEOUT_S + 5, place


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze on this machine")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "shardpay.service"
    text = (DEPLOY / "systemd" / "shardpay.service").read_text()
    unit.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE))
    checked = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


RAY_JOB: Final = Path(__file__).with_name("rayjob.schema.json.gz")
"""Of ray.io/v1 RayJob, without its descriptions, from the custom resource definitions of KubeRay of August 2026 (Apache 2.0)."""


def strict(schema: Any) -> Any:
    """A schema that takes no field that it does not name, as the API server warns of."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: strict(each) for name, each in schema.items()}
    closes = isinstance(schema.get("properties"), dict) and not schema.get("x-kubernetes-preserve-unknown-fields")
    return {"additionalProperties": False, **made} if closes and "type" in schema else made


def ray_job() -> Any:
    return yaml.safe_load((DEPLOY / "kubernetes" / "rescore.yaml").read_text())


def ray_job_faults(document: Any) -> list[str]:
    schema = strict(json.loads(gzip.decompress(RAY_JOB.read_bytes())))
    schema["properties"] |= {"metadata": {"type": "object"}}
    return [error.json_path for error in jsonschema.Draft202012Validator(schema).iter_errors(document)]


def test_kuberay_takes_the_job_that_rescores() -> None:
    job = ray_job()
    assert ray_job_faults(job) == []
    job["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]["replica"] = 4
    job["spec"]["backoffLimit"] = "three"
    assert ray_job_faults(job) == ["$.spec.backoffLimit", "$.spec.rayClusterSpec.workerGroupSpecs[0]"]


def test_the_job_that_rescores_is_a_command_of_this_version() -> None:
    program, command, *given = shlex.split(ray_job()["spec"]["entrypoint"])
    options = {option for parameter in rescore_group.params for option in parameter.opts}
    assert (program, command) == ("shardpay", "rescore")
    assert {each for each in given if each.startswith("--")} <= options
    if os.environ.get("SHARDPAY_VERSIONS") != "other":
        assert ray_job()["spec"]["rayClusterSpec"]["rayVersion"] == ray.__version__


def test_a_password_with_any_characters_reaches_the_database() -> None:
    """asyncpg takes PGPASSWORD as it is; in a URL it would have to be escaped, which compose cannot."""
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    given = services["switch"]["environment"]
    assert "$" not in given["SHARDPAY_DATABASE"] and given["PGPASSWORD"] == "${SHARDPAY_DATABASE_PASSWORD}"
    assert services["database"]["environment"]["POSTGRES_PASSWORD"].startswith("${SHARDPAY_DATABASE_PASSWORD:?")


def test_compose_mounts_what_is_there_and_scrapes_the_switch() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = compose["services"]
    mounts = [each.split(":")[0] for service in services.values() for each in service.get("volumes", [])]
    assert {each for each in mounts if not each.startswith("./")} == set(compose["volumes"])
    assert not [each for each in mounts if each.startswith("./") and not (DEPLOY / each).exists()]
    assert (DEPLOY / services["switch"]["build"]["context"] / services["switch"]["build"]["dockerfile"]).is_file()
    scraped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    (target,) = scraped["scrape_configs"][0]["static_configs"][0]["targets"]
    host, port = target.split(":")
    command = services[host]["command"]
    assert command[command.index("--port") + 1] == port
    assert all((DEPLOY / "prometheus" / name).is_file() for name in scraped["rule_files"])
    assert scraped["scrape_configs"][0]["job_name"] == "shardpay"  # an alert names it


def test_environment_variables_are_those_that_serve_reads() -> None:
    named = {name for path in FILES for name in re.findall(r"\bSHARDPAY_[A-Z_]+", path.read_text())}
    own = {"SHARDPAY_DATABASE_PASSWORD"}  # compose puts it into the URL
    read = {
        name
        for path in (ROOT / "switch" / "cli").rglob("*.py")
        for name in re.findall(r"\bSHARDPAY_[A-Z_]+", path.read_text(encoding="utf-8"))
    }
    assert named - own <= read and own <= named


def test_every_panel_asks_the_datasource_that_is_provisioned() -> None:
    (source,) = yaml.safe_load((DEPLOY / "grafana" / "datasource.yaml").read_text())["datasources"]
    panels = json.loads((DEPLOY / "grafana" / "shardpay.json").read_text())["panels"]
    assert panels and all(panel["datasource"] == {"type": source["type"], "uid": source["uid"]} for panel in panels)
    assert all(panel["targets"] and all(target["expr"] for target in panel["targets"]) for panel in panels)
    (provider,) = yaml.safe_load((DEPLOY / "grafana" / "dashboards.yaml").read_text())["providers"]
    mounts = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["grafana"]["volumes"]
    assert any(each.split(":")[1].startswith(provider["options"]["path"]) for each in mounts)


def test_whoever_starts_a_switch_waits_for_its_first_compilation() -> None:
    """Some 60 s on two cores, with Ray's start before it."""
    probe = kubernetes("StatefulSet")["spec"]["template"]["spec"]["containers"][0]["startupProbe"]
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["switch"]["healthcheck"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 180
    assert int(compose["start_period"].removesuffix("s")) >= 180
