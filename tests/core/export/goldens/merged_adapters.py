"""Makes adapters of random numbers and merges them with PEFT.

python3 merged_adapters.py    (PEFT 0.21, torch 2.13; writes the folders beside itself)

The bases are the models of tests/parity/goldens. Each folder is an adapter as PEFT saves it; merged.safetensors has the
matrices that the merge changes.
"""
import json
import os
import sys
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

HERE = Path(__file__).parent
BASES = HERE / "../../../parity/goldens"
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
CASES = {
    "llama_all": (
        "llama",
        dict(r=4, lora_alpha=8, target_modules=ALL, rank_pattern={"down_proj": 2}, alpha_pattern={"q_proj": 3}),
    ),
    "qwen2_rslora": (
        "qwen2",
        dict(r=3, lora_alpha=5, use_rslora=True, target_modules=["q_proj", "v_proj", "o_proj"], layers_to_transform=[1]),
    ),
}

torch.manual_seed(13)
for name, (base, settings) in CASES.items():
    model = AutoModelForCausalLM.from_pretrained(BASES / base, dtype=torch.float32)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    adapted = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **settings))
    for key, value in adapted.named_parameters():
        if "lora_" in key:
            value.data.normal_(std=0.3)
    folder = HERE / name
    adapted.save_pretrained(folder)
    (folder / "README.md").unlink()
    config = json.loads((folder / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = f"tests/parity/goldens/{base}"
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    merged = adapted.merge_and_unload().state_dict()
    changed = {key: value for key, value in merged.items() if not torch.equal(value, before[key])}
    save_file(changed, folder / "merged.safetensors")
    print(name, len(changed))
