"""The commands."""

import os
import signal
import subprocess
import sys
import threading
import time
import webbrowser
from types import FrameType

from scripts.studio.console import Console
from scripts.studio.failure import StudioFailure
from scripts.studio.install import Installer
from scripts.studio.net import choose_port
from scripts.studio.options import DEFAULT_FLOWER_PORT, DEFAULT_PORT, ROOT, Options, parse
from scripts.studio.runfolder import RunFolder, State
from scripts.studio.stack import Plan, Stack

_LOOK_S = 0.5


def run_command(arguments: list[str]) -> int:
    """Run a command line and return the exit status."""
    options, console = parse(arguments), Console()
    try:
        installer = Installer(console, options.torch_index)
        installer.ensure(dev=options.dev)
        if options.command == "install":
            return 0
        return _Session(options, console, installer).run()
    except StudioFailure as failure:
        console.warn(failure.message)
        if failure.hint:
            console.warn(failure.hint)
        return 1
    except KeyboardInterrupt:
        console.warn("Interrupted. The next start goes on from here.")
        return 130


class _Session:
    """One start of the studio, up to its end."""

    def __init__(self, options: Options, console: Console, installer: Installer) -> None:
        self._options = options
        self._console = console
        self._python = installer.python
        self._folder = RunFolder(options.workspace)
        self._signals = 0
        self._ended = threading.Event()

    def run(self) -> int:
        """Start, wait for the end, clean up."""
        self._folder.make()
        if not self._folder.take():
            return self._use_running()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            return self._start_and_stay()
        finally:
            self._folder.release()

    def _use_running(self) -> int:
        """Another studio has this workspace: the demo uses it, a second start only says where it is."""
        state = self._folder.state()
        if state is None:
            raise StudioFailure(
                f"AI Studio is just starting on the workspace {self._options.workspace}.", "Look there in a moment."
            )
        if self._options.command == "demo":
            return self._demo(state["url"])
        raise StudioFailure(
            f"AI Studio is running already on the workspace {self._options.workspace}: {state['url']}",
            f"End it with Ctrl-C there or `kill {state['pid']}`, or choose another folder with --workspace.",
        )

    def _start_and_stay(self) -> int:
        plan = self._plan()
        stack = Stack(plan, self._folder)
        began = time.monotonic()
        self._console.say("Starting AI Studio ...")
        try:
            stack.start()
            stack.wait_until_ready(self._ended.is_set)
            if self._ended.is_set():
                return 0
            self._folder.tell(State(pid=os.getpid(), url=plan.url, flower=plan.flower_url))
            self._tell_ready(plan, time.monotonic() - began)
            return self._stay(stack)
        finally:
            self._console.say("Ending ...")
            stack.stop(hurry=lambda: self._signals > 1)
            self._console.say("Ended.")

    def _plan(self) -> Plan:
        options = self._options
        port = choose_port(options.host, options.port, DEFAULT_PORT, "--port")
        flower_port = None
        if options.flower:
            flower_port = choose_port("127.0.0.1", options.flower_port, DEFAULT_FLOWER_PORT, "--flower-port")
        return Plan(self._python, options.workspace, options.host, port, flower_port, options.redis_url)

    def _tell_ready(self, plan: Plan, seconds: float) -> None:
        rows = [("studio", plan.url), ("flower", plan.flower_url or "not started")]
        rows += [("workspace", str(plan.workspace)), ("logs", str(self._folder.logs))]
        self._console.table(f"AI Studio is ready ({seconds:.1f} s).", rows)
        if plan.host not in ("127.0.0.1", "localhost", "::1"):
            self._console.warn("Everybody who reaches this machine can use the studio: it has no passwords.")
        if self._options.command == "run":
            self._console.say("Ctrl-C ends it.")
            self._open_browser(plan.url)

    def _open_browser(self, url: str) -> None:
        desktop = sys.platform == "darwin" or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
        if self._options.browser and desktop and sys.stdout.isatty():
            webbrowser.open(url)

    def _stay(self, stack: Stack) -> int:
        status = 0
        if self._options.command == "demo":
            status = self._demo(stack.plan.url, stack)
            if self._options.exit or self._ended.is_set():
                return status
            self._console.say("The studio keeps running. Ctrl-C ends it.")
        while not self._ended.wait(_LOOK_S):
            stack.mend(self._console.warn)
        return status

    def _demo(self, url: str, stack: Stack | None = None) -> int:
        """Run the demo as a process of the environment; a signal ends it with the studio."""
        wanted = {"--data": self._options.data, "--task": self._options.task}
        given = [part for name, value in wanted.items() if value for part in (name, str(value))]
        made = ["--folder", str(self._folder.path / "demo")]
        command = [str(self._python), "-m", "scripts.demo", "--url", url, *given, *made]
        with subprocess.Popen(command, cwd=ROOT) as demo:
            while demo.poll() is None:
                if self._ended.wait(_LOOK_S):
                    demo.terminate()
                    demo.wait()
                elif stack:
                    stack.mend(self._console.warn)
        return demo.returncode

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1
        self._ended.set()
