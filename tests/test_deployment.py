"""docker-compose.otel.yml and collector/: syntax, and that all they say of us is so."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from otel_llmops.cli.arguments import parser
from otel_llmops.cli.serve import SETTINGS
from otel_llmops.config import ServeConfig, serve_config

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.otel.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = SERVICES["otel-llmops"]
COLLECTOR: dict[str, Any] = yaml.safe_load((ROOT / "collector/otel-collector.yaml").read_text())
JAEGER: dict[str, Any] = yaml.safe_load((ROOT / "collector/jaeger.yaml").read_text())
DOCKERFILE = (ROOT / "collector/Dockerfile").read_text()


def _config() -> ServeConfig:
    """What `serve` makes of the command and the environment in the file."""
    given = {
        name: re.sub(r"\$\{\w+:-(\w+)\}", r"\1", value)
        for name, value in OURS["environment"].items()
    }
    told = parser({"OTEL_LLMOPS_DATA": "/data"} | given).parse_args(OURS["command"])
    return serve_config({name: getattr(told, name) for name in SETTINGS})


def test_serve_takes_every_option() -> None:
    config = _config()
    assert (config.host, config.jaeger_storage_port, str(config.data)) == (
        "0.0.0.0",  # noqa: S104 - what the file says
        17271,
        "/data",
    )
    assert config.store == "clickhouse://llmops:llmops@clickhouse:8123/llmops"


def test_every_image_is_pinned_and_every_service_is_watched() -> None:
    images = [each["image"] for each in SERVICES.values() if "image" in each]
    images += re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert [image for image in images if not re.fullmatch(r"\S+:[0-9][\w.-]*", image)] == []
    unwatched = {name for name, each in SERVICES.items() if "healthcheck" not in each}
    # ours has it in the image, the Collector's image has nothing to ask with
    assert unwatched == {"otel-llmops", "otel-collector"}
    assert "HEALTHCHECK" in DOCKERFILE


def test_ports_are_published_on_this_machine_alone() -> None:
    published = [port for each in SERVICES.values() for port in each.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_files_that_are_mounted_or_copied_are_there() -> None:
    mounted = [
        volume.split(":")[0] for each in SERVICES.values() for volume in each.get("volumes", [])
    ]
    copied = [
        name
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for name in line.split()[:-1]
    ]
    files = [name for name in mounted if name.startswith("./")] + copied
    assert [name for name in files if not (ROOT / name).exists()] == []
    volumes = {name for name in mounted if not name.startswith("./")}
    assert volumes == set(COMPOSE["volumes"])


def test_the_collector_uses_only_what_it_defines_and_sends_to_us() -> None:
    pipelines = COLLECTOR["service"]["pipelines"].values()
    for kind in ("receivers", "processors", "exporters"):
        assert {each for pipeline in pipelines for each in pipeline[kind]} == set(COLLECTOR[kind])
    assert set(COLLECTOR["service"]["extensions"]) == set(COLLECTOR["extensions"])
    exporter = COLLECTOR["exporters"]["otlp_grpc/llmops"]
    assert exporter["endpoint"] == f"otel-llmops:{_config().grpc_port}"
    assert exporter["sending_queue"]["storage"] in COLLECTOR["extensions"]


def test_jaeger_reads_where_we_serve() -> None:
    backend = JAEGER["extensions"]["jaeger_storage"]["backends"]["llmops"]["grpc"]
    assert backend["endpoint"] == f"otel-llmops:{_config().jaeger_storage_port}"
    ui = JAEGER["extensions"]["jaeger_query"]["ui"]["config_file"]
    mounts = dict(volume.split(":")[1::-1] for volume in SERVICES["jaeger"]["volumes"])
    link = json.loads((ROOT / mounts[ui]).read_text())["linkPatterns"][0]
    assert link["url"].startswith(f"http://localhost:{_config().api_port}/api/sessions/")
