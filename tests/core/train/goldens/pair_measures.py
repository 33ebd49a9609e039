"""Makes pair_measures.json: what TRL's DPOTrainer (1.13.0) evaluates held-out pairs to, in float32 on the CPU.

    OMP_NUM_THREADS=1 python3 tests/core/train/goldens/pair_measures.py

The policy is the golden model llama, the reference the golden model mistral; the pairs are llama's, which are ids.
"""
import json
import tempfile
from pathlib import Path

import torch
from datasets import Dataset
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer

HERE = Path(__file__).parent
GOLDENS = HERE.parents[2] / "parity" / "goldens"
MEASURES = ("loss", "rewards/chosen", "rewards/rejected", "rewards/accuracies", "rewards/margins", "logps/chosen",
            "logps/rejected")
SETTINGS = [
    {"loss_type": "sigmoid", "beta": 0.1},
    {"loss_type": "hinge", "beta": 0.5},
    {"loss_type": "ipo", "beta": 0.25},
    {"loss_type": "robust", "beta": 0.1, "label_smoothing": 0.2},
]


class OfIds(DPOTrainer):
    """A trainer of rows that are ids already."""

    def _prepare_dataset(self, dataset, *args, **kwargs):
        return dataset


def load(name):
    return AutoModelForCausalLM.from_pretrained(GOLDENS / name, dtype=torch.float32)


words = Tokenizer(WordLevel({f"w{i}": i for i in range(37)}, unk_token="w0"))
tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="w0", eos_token="w2")
rows = [json.loads(line) for line in (GOLDENS / "llama" / "pairs.jsonl").read_text().splitlines()]
measured = []
for settings in SETTINGS:
    with tempfile.TemporaryDirectory() as folder:
        trainer = OfIds(
            model=load("llama"),
            ref_model=load("mistral"),
            args=DPOConfig(
                output_dir=folder,
                per_device_eval_batch_size=2,
                use_cpu=True,
                bf16=False,
                report_to="none",
                max_length=None,
                **settings,
            ),
            train_dataset=Dataset.from_list(rows),
            eval_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
        )
        found = trainer.evaluate()
    measured.append({**settings, "measures": {key: found[f"eval_{key}"] for key in MEASURES}})
(HERE / "pair_measures.json").write_text(json.dumps(measured, indent=2) + "\n")
