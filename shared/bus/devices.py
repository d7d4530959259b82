"""What a machine can compute on, found without torch."""

import os
import platform
import shutil
import subprocess
from typing import TypedDict


class Device(TypedDict):
    """A CPU or a GPU. `memory` in bytes."""

    id: str
    kind: str
    name: str
    memory: int


def find_devices() -> list[Device]:
    """Return the CPU and the GPUs this process may use."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cpu = Device(id="cpu", kind="cpu", name=_cpu_name(), memory=memory)
    return [cpu, *_gpus()]


def _cpu_name() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{platform.machine()} CPU, {cores} cores"


def _gpus() -> list[Device]:
    if shutil.which("nvidia-smi") is None:
        return []
    command = ["nvidia-smi", "--query-gpu=index,name,memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    rows = [line.split(", ") for line in answer.splitlines() if line.count(", ") == 2]
    return [
        Device(id=f"gpu:{index}", kind="gpu", name=name, memory=int(memory) * 2**20)
        for index, name, memory in rows
        if visible is None or index in visible.split(",")
    ]
