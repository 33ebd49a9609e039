"""Writes foreign_fields.json: the fields of the classes whose keys people bring along, by class.

Run with the versions that the file names: python3 tests/core/config/goldens/foreign_fields.py
"""

import dataclasses
import json
import pathlib

import peft
import transformers
import trl
from trl.scripts.utils import DatasetConfig, DatasetMixtureConfig

CLASSES = [
    trl.ScriptArguments,
    trl.ModelConfig,
    trl.DPOConfig,
    trl.SFTConfig,
    DatasetMixtureConfig,
    DatasetConfig,
    transformers.TrainingArguments,
    peft.LoraConfig,
]


def default(field):
    made = field.default_factory is not dataclasses.MISSING
    value = field.default_factory() if made else field.default
    return value if isinstance(value, (str, int, float, bool, list, type(None))) else str(value)


fields = {kind.__name__: {f.name: default(f) for f in dataclasses.fields(kind) if f.init} for kind in CLASSES}
versions = {"trl": trl.__version__, "transformers": transformers.__version__, "peft": peft.__version__}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps({"versions": versions, "fields": fields}, indent=1) + "\n")
