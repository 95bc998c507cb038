"""What is deployed: settings that need their secrets, the image, and the services around it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
COMPOSE = ROOT / "docker-compose.yml"
REQUIRED = {
    "SECRET_KEY": "e1rX-only-for-this-test-8Qz_0vJm4tYw7KpLs2HdNc5bUfGa9oEi3RkTxWq6",
    "DATABASE_URL": "postgres://nobody@127.0.0.1/none",
    "REDIS_URL": "redis://127.0.0.1/0",
    "ALLOWED_HOSTS": "clinic.example",
}
ONE_SHOT = {"migrate"}
NAMES_A_SECRET = re.compile(r"SECRET|PASSWORD|TOKEN|_URL$")
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)([^}]*)\}")


def run_python(*arguments: str, without: str = "") -> subprocess.CompletedProcess[str]:
    """Python under production settings, with nothing else in its environment."""
    environment = {name: value for name, value in REQUIRED.items() if name != without}
    environment |= {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"}
    environment["DJANGO_SETTINGS_MODULE"] = "clinic.settings.production"
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("name", REQUIRED)
def test_production_does_not_start_without(name: str) -> None:
    done = run_python("-c", "import clinic.settings.production", without=name)

    assert done.returncode != 0
    assert f"Set the {name} environment variable" in done.stderr


def test_the_deployment_checks_find_nothing() -> None:
    done = run_python("manage.py", "check", "--deploy", "--fail-level", "DEBUG")

    assert done.returncode == 0, done.stderr
    assert "no issues (0 silenced)" in done.stdout


def test_scripts_come_from_our_own_files_only() -> None:
    program = (
        "import json, clinic.settings.production as s;"
        "print(json.dumps([s.CONTENT_SECURITY_POLICY, s.DEBUG]))"
    )
    policy, debug = json.loads(run_python("-c", program).stdout)
    directives = policy["DIRECTIVES"]

    assert debug is False
    assert directives["script-src"] == ["'self'"]
    assert directives["default-src"] == ["'self'"]
    assert not policy["EXCLUDE_URL_PREFIXES"]
    every_source = {source for sources in directives.values() for source in sources}
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*"} & every_source


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    return document


def test_every_service_that_stays_up_is_looked_after(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if name in ONE_SHOT:
            assert service["restart"] == "no"
            continue
        assert service["healthcheck"]["test"], name
        assert service["restart"] == "unless-stopped", name


def test_services_have_limits_and_may_not_write_to_their_image(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["mem_limit"], name
        assert service["cpus"], name


def test_only_the_proxy_is_reached_from_outside(compose: dict[str, Any]) -> None:
    networks = compose["networks"]
    for name, service in compose["services"].items():
        if name == "proxy":
            assert service["ports"] == ["80:80", "443:443", "443:443/udp"]
            continue
        assert "ports" not in service, name
        assert all(networks[network].get("internal") for network in service["networks"]), name
    for name in ("postgres", "redis"):
        assert "front" not in compose["services"][name]["networks"]


def test_services_name_only_what_is_there(compose: dict[str, Any]) -> None:
    services, volumes = compose["services"], compose["volumes"]
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in volumes or (ROOT / source).exists(), volume


def test_no_secret_is_written_down(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for key, value in service.get("environment", {}).items():
            if NAMES_A_SECRET.search(key):
                names = {found for found, rest in VARIABLE.findall(value) if rest[:2] == ":?"}
                assert names & {"SECRET_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD"}, (name, key)


def test_the_example_of_env_names_every_variable_and_holds_no_secret() -> None:
    lines = (ROOT / "deploy" / ".env.example").read_text(encoding="utf-8").splitlines()
    values = dict(line.split("=", 1) for line in lines if "=" in line and line[0] != "#")
    uses = VARIABLE.findall(COMPOSE.read_text(encoding="utf-8"))

    assert {name for name, _ in uses} == set(values)
    assert {name for name, rest in uses if rest.startswith(":?")} == {
        name for name, value in values.items() if not value and name != "PIP_EXTRA_ARGS"
    }


def test_the_image_runs_as_an_ordinary_user_and_holds_no_secret() -> None:
    instructions = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    final = instructions[max(i for i, line in enumerate(instructions) if line[:5] == "FROM ") :]
    users = [line.split()[1] for line in final if line.startswith("USER ")]

    assert users == ["10001:10001"]
    assert any(line.startswith("HEALTHCHECK ") for line in final)
    stored = [line for line in instructions if line.startswith(("ENV ", "ARG "))]
    assert not any(NAMES_A_SECRET.search(line) for line in stored)


def test_the_builder_is_not_sent_what_is_private() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and line[0] != "#"]

    # Everything is left out first, then what the image needs is let in.
    assert rules[0] == "*"
    assert not {"!.env", "!.git", "!var", "!deploy"} & set(rules)


def test_the_lock_out_sees_the_client_behind_the_proxy() -> None:
    script = (
        "import django; django.setup()\n"
        "from django.test import RequestFactory\n"
        "from axes.helpers import get_client_ip_address\n"
        "request = RequestFactory().get('/', HTTP_X_FORWARDED_FOR='203.0.113.9')\n"
        "print(get_client_ip_address(request))"
    )
    told = run_python("-c", script)
    assert told.stdout.split()[-1:] == ["203.0.113.9"], told.stderr
