"""Writes trl_configs.json: configs written for this, and what TRL's own parser makes of them.

Run with TRL 1.13: python3 tests/core/config/goldens/trl_configs.py
"""

import json
import pathlib
import tempfile

from trl import DPOConfig, ModelConfig, ScriptArguments, SFTConfig, TrlParser, get_peft_config

HEAD = "model_name_or_path: org/model\ndataset_name: org/rows\nbf16: no\n"
CONFIGS = [
    ("dpo", "beta: 5e-2\nlearning_rate: 5e-7\nnum_train_epochs: 0.5\n"),
    ("dpo", "beta: 0.1\nlr_scheduler_type: cosine\nwarmup_steps: 0.1\nmax_grad_norm: 0.2\nmax_length: 24576\n"),
    ("dpo", "loss_type: ipo\nwarmup_steps: 20\nadam_beta2: 0.95\nadam_epsilon: 1e-6\nweight_decay: 0.01\n"),
    ("dpo", "loss_type: [robust]\nlabel_smoothing: 0.1\nmax_steps: 100\nseed: 7\ngradient_checkpointing: off\n"),
    ("dpo", "beta: 1\nuse_peft: on\nlora_r: 128\nlora_alpha: 64\nlora_dropout: 0.0\nlora_target_modules: [q_proj, k_proj]\n"),
    ("dpo", "beta: 1\nuse_peft: true\nlora_target_modules: all-linear\nuse_rslora: yes\n"),
    ("sft", "packing: false\nassistant_only_loss: true\nper_device_train_batch_size: 2\nlogging_steps: 1\n"),
    ("sft", "packing: false\ngradient_accumulation_steps: 16\nsave_steps: 50\nsave_total_limit: 3\ndtype: auto\n"),
]
KEYS = """learning_rate per_device_train_batch_size gradient_accumulation_steps num_train_epochs max_steps adam_beta1
adam_beta2 adam_epsilon weight_decay max_grad_norm seed logging_steps save_steps gradient_checkpointing max_length
beta label_smoothing loss_type save_total_limit""".split()


def resolved(method, text):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(HEAD + text)
        file.flush()
        kinds = (ScriptArguments, DPOConfig if method == "dpo" else SFTConfig, ModelConfig)
        _, args, model = TrlParser(kinds).parse_args_and_config(["--config", file.name, "--output_dir", "/tmp/none"])
    peft = get_peft_config(model)
    targets = None if peft is None else peft.target_modules
    return {
        **{key: getattr(args, key) for key in KEYS if hasattr(args, key)},
        "lr_scheduler_type": str(getattr(args.lr_scheduler_type, "value", args.lr_scheduler_type)),
        "warmup of 1000 steps": args.get_warmup_steps(1000),
        "dtype": model.dtype,
        "lora": None if peft is None else {
            "r": peft.r,
            "lora_alpha": peft.lora_alpha,
            "lora_dropout": peft.lora_dropout,
            "use_rslora": peft.use_rslora,
            "target_modules": sorted(targets) if isinstance(targets, set) else targets,
        },
    }


made = [{"method": method, "config": HEAD + text, "resolved": resolved(method, text)} for method, text in CONFIGS]
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(made, indent=1) + "\n")
