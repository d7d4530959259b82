"""The Lightning Trainer as the studio uses it: a loop and nothing else.

Progress, metric rows and checkpoints are the business of the callback it is given.
"""

import logging
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from shared.schemas.experiment import Precision
from shared.taskkit.parameters import TrainParams


def make_trainer(
    device: torch.device,
    epochs: int,
    params: TrainParams,
    callback: Callback,
    *,
    validates: bool,
    precision: Precision = "32",
) -> Trainer:
    """Return a trainer on one device for `epochs` epochs, as far as `params` concern the loop.

    Loaders are made anew for each epoch, because the order of an epoch is a fact of its loader.
    """
    return Trainer(
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=1,
        precision=precision,
        max_epochs=epochs,
        accumulate_grad_batches=params.accumulate,
        # Only a warning for operations that have no repeatable form: without them some models could not be trained.
        deterministic="warn" if params.deterministic else False,
        gradient_clip_val=params.clip_norm or None,
        callbacks=[_OwnSignals(), callback],
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        limit_val_batches=1.0 if validates else 0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


class _OwnSignals(Callback):
    """Puts the process's own handler of SIGTERM back: Lightning's ends the training without an orderly save."""

    def __init__(self) -> None:
        self._handler = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Undo what Lightning did when the fit began."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._handler)


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Silence Lightning's advice to the authors of scripts; a person of the studio cannot act on it."""
    for name in ("lightning.pytorch.utilities.rank_zero", "lightning.fabric.utilities.seed"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*module\\(s\\) in eval mode at the start of training.*")
        warnings.filterwarnings("ignore", message=".*training_step. returned .None.*")
        warnings.filterwarnings("ignore", message="GPU available but not used.*")
        warnings.filterwarnings("ignore", message=".*LeafSpec.* is deprecated.*", category=FutureWarning)
        yield
