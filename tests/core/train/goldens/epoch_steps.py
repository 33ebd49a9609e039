"""Writes epoch_steps.json: how many optimizer steps transformers' Trainer takes for fractions of epochs.

A case is [rows, batch size, gradient accumulation, epochs, steps].
Run with transformers 5.18: python3 tests/core/train/goldens/epoch_steps.py
"""

import json
import math
import pathlib
from types import SimpleNamespace

from transformers import Trainer


class Loader:
    def __init__(self, rows, batch):
        self.batches = math.ceil(rows / batch)

    def __len__(self):
        return self.batches


def steps_of(rows, batch, accumulation, epochs):
    trainer = SimpleNamespace(
        get_total_train_batch_size=lambda args: batch * accumulation,
        get_sp_size=lambda: 1,
        num_examples=lambda loader: rows,
    )
    args = SimpleNamespace(max_steps=-1, num_train_epochs=epochs, gradient_accumulation_steps=accumulation)
    return Trainer.set_initial_training_values(trainer, args, Loader(rows, batch))[-1]


cases = [
    [rows, batch, accumulation, epochs, steps_of(rows, batch, accumulation, epochs)]
    for rows in [1, 7, 10, 33, 100]
    for batch, accumulation in [(1, 1), (4, 1), (4, 2), (3, 5), (8, 16)]
    for epochs in [0.01, 0.1, 0.5, 0.7, 1.0, 1.1, 1.5, 2.3, 3.0]
]
lines = ",\n".join(json.dumps(case) for case in cases)
pathlib.Path(__file__).with_suffix(".json").write_text(f"[\n{lines}\n]\n")
