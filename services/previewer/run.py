"""The warm process of the previewer. Started as `python -m services.previewer.run`."""

import sys

import torch

from services.previewer.augmentation import preview
from shared.bus.answering import serve

if __name__ == "__main__":
    torch.set_num_threads(1)  # What is asked is small, and trainings want the other processors.
    sys.exit(serve({"augmentation": preview}))
