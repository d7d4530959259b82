"""What a person may choose, from the command line or the environment."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_PORT = 8000
DEFAULT_FLOWER_PORT = 5555


@dataclass(frozen=True, slots=True)
class Options:
    """The choices of one start. A port of None means: the default one, or the next that is free."""

    command: str = "run"
    host: str = "127.0.0.1"
    port: int | None = None
    flower_port: int | None = None
    flower: bool = True
    browser: bool = True
    workspace: Path = ROOT / "workspace"
    redis_url: str | None = None
    torch_index: str | None = None
    task: str | None = None
    data: Path | None = None
    exit: bool = False
    dev: bool = False


def parse(arguments: list[str]) -> Options:
    """Return the choices made by command line arguments and, where those are silent, the environment."""
    given = vars(_parser().parse_args(arguments))
    workspace = Path(given.pop("workspace", None) or os.environ.get("AI_STUDIO_WORKSPACE") or ROOT / "workspace")
    data = given.pop("data", None)
    return Options(
        workspace=workspace.expanduser().absolute(),
        data=data.expanduser().absolute() if data else None,
        **given,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="studio", description="AI Studio on this machine, without Docker.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, about in (
        ("run", "start the studio"),
        ("demo", "start the studio and take a dataset from folder to exported model"),
    ):
        command = commands.add_parser(name, help=about, description=about.capitalize() + ".")
        _add_start_options(command)
        _add_torch_option(command)
        if name == "demo":
            command.add_argument("--task", help="id of the task to show (default: the first)")
            command.add_argument("--data", type=Path, help="folder with annotated images (default: made up)")
            command.add_argument("--exit", action="store_true", help="end when the demo is through")
    install = commands.add_parser("install", help="only install what the studio needs")
    install.add_argument("--dev", action="store_true", help="also what the checks and the tests need")
    _add_torch_option(install)
    return parser


def _add_start_options(command: argparse.ArgumentParser) -> None:
    env = os.environ.get
    command.add_argument("--host", default=env("AI_STUDIO_HOST", "127.0.0.1"), help="address to listen on")
    command.add_argument(
        "--port", type=_port, default=env("AI_STUDIO_PORT"), help=f"port of the studio (default: {DEFAULT_PORT})"
    )
    command.add_argument(
        "--flower-port",
        type=_port,
        default=env("AI_STUDIO_FLOWER_PORT"),
        help=f"port of Flower (default: {DEFAULT_FLOWER_PORT})",
    )
    command.add_argument("--workspace", type=Path, help="folder that holds everything (default: ./workspace)")
    command.add_argument("--redis-url", default=env("AI_STUDIO_REDIS_URL"), help="use this Redis; start none")
    command.add_argument("--no-flower", dest="flower", action="store_false", help="do not start Flower")
    command.add_argument("--no-browser", dest="browser", action="store_false", help="do not open a browser")


def _add_torch_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--torch-index",
        metavar="URL",
        default=os.environ.get("TORCH_INDEX") or None,
        help="package index to take another build of torch from, for example one without CUDA",
    )


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; choose a number from 1 to 65535")
    return int(text)
