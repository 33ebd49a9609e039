"""Writes best_iterations.json: which evaluation transformers takes for the best, and after which it stops.

    python3 tests/core/loop/goldens/best_iterations.py

Made with transformers 5.18.0. The numbers go through the Trainer's own `_determine_best_metric` and its
EarlyStoppingCallback, in the Trainer's order; null is NaN.
"""

import json
import math
import random
import types
from pathlib import Path

from transformers import EarlyStoppingCallback, Trainer, TrainerControl, TrainerState
from transformers.trainer_utils import SaveStrategy


def outcome(values, greater, patience):
    """The best evaluation (from 0, None for none) and how many there were."""
    args = types.SimpleNamespace(
        metric_for_best_model="number", greater_is_better=greater, save_strategy=SaveStrategy.EPOCH,
    )
    state, control = TrainerState(), TrainerControl()
    trainer = types.SimpleNamespace(args=args, state=state)
    callback = EarlyStoppingCallback(early_stopping_patience=patience)
    for i, value in enumerate(values):
        state.global_step = i
        callback.on_evaluate(args, state, control, {"eval_number": value})
        Trainer._determine_best_metric(trainer, {"eval_number": value}, None)
        if control.should_training_stop:
            break
    return state.best_global_step, i + 1


def main():
    draw = random.Random(7)
    cases = []
    for _ in range(120):
        # Few different values, so that many are equal.
        values = [draw.choice([0.0, 0.25, 0.5, 0.75, 1.0]) for _ in range(draw.randint(1, 7))]
        if draw.random() < 0.3:
            values[draw.randrange(len(values))] = math.nan
        greater, patience = draw.random() < 0.5, draw.randint(1, 4)
        best, count = outcome(values, greater, patience)
        shown = [None if math.isnan(value) else value for value in values]
        cases.append({"values": shown, "greater": greater, "patience": patience, "best": best, "count": count})
    lines = ",\n".join(json.dumps(case) for case in cases)
    Path(__file__).with_suffix(".json").write_text(f"[\n{lines}\n]\n")


main()
