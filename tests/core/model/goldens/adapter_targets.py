"""Writes adapter_targets.json: which modules of a Llama PEFT adapts, with rank and scale, for settings of many kinds.

pip install torch transformers==5.18.0 peft==0.21.0 && python3 adapter_targets.py
"""

import json
import pathlib
import warnings

from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

warnings.filterwarnings("ignore")

CONFIG = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 12,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 16,
    "max_position_embeddings": 32,
    "tie_word_embeddings": False,
}

CASES = [
    {},
    {"r": 4, "lora_alpha": 6},
    {"r": 4, "lora_alpha": 6, "use_rslora": True},
    {"target_modules": ["q_proj", "v_proj"]},
    {"target_modules": ["self_attn.q_proj", "mlp.down_proj"]},
    {"target_modules": ["model.layers.1.self_attn.q_proj", "up_proj"], "layers_to_transform": [0, 11]},
    {"target_modules": ["proj"]},
    {"target_modules": r".*\.(q|k)_proj"},
    {"target_modules": r"model\.layers\.[1-3]\..*_proj"},
    {"target_modules": r"layers\.1\..*"},
    {"target_modules": r".*self_attn.*(o|v)_proj$"},
    {"target_modules": ["q_proj", "k_proj"], "exclude_modules": ["layers.1.self_attn.q_proj"]},
    {"target_modules": ["q_proj", "k_proj"], "exclude_modules": r".*\.1\..*"},
    {"exclude_modules": ["mlp.gate_proj", "down_proj"]},
    {"target_modules": ["q_proj", "down_proj"], "layers_to_transform": 1},
    {"target_modules": ["q_proj"], "layers_to_transform": [1, 10]},
    {"rank_pattern": {"q_proj": 2, "v_proj": 6}},
    {"rank_pattern": {r"layers\.1\..*": 3, "q_proj": 2}, "alpha_pattern": {"q_proj": 5}},
    {"rank_pattern": {"q_proj": 2, r".*1\.self_attn\.q_proj": 3}},
    {"rank_pattern": {"1.mlp.up_proj": 7}, "alpha_pattern": {"mlp.up_proj": 3.5, "up_proj": 9}, "use_rslora": True},
    {"rank_pattern": {r"model\.layers\.0\.mlp\.up_proj": 5}, "alpha_pattern": {r"(up|down)_proj": 4}},
    {"rank_pattern": {"_proj": 5, "q": 3, "attn.q_proj": 6}},
]


def adapted(case):
    model = LlamaForCausalLM(LlamaConfig(**CONFIG))
    settings = {"r": 8, "lora_alpha": 16, "target_modules": "all-linear", **case}
    try:
        model = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **settings))
    except ValueError:
        return settings, None
    modules = {}
    for name, module in model.named_modules():
        if hasattr(module, "lora_A") and "default" in module.lora_A:
            modules[name.removeprefix("base_model.model.")] = [module.r["default"], module.scaling["default"]]
    return settings, modules


cases = [dict(zip(("settings", "modules"), adapted(case))) for case in CASES]
path = pathlib.Path(__file__).with_suffix(".json")
text = json.dumps({"config": {"model_type": "llama", "rms_norm_eps": 1e-6, **CONFIG}, "cases": cases}, indent=0)
path.write_text(text + "\n")
