"""Makes kv_cache.json: logits of transformers over a cache whose keys and values are rounded, all else in float32.

    OMP_NUM_THREADS=1 python3 tests/parity/goldens/kv_cache.py

A cache of transformers' own hands out what it was given; here each entry is rounded before it is kept, and attention
reads what is kept, of a prompt too. The models are the goldens'.
"""
import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

HERE = Path(__file__).parent
PROMPT = 14
KEPT = 3
IDS = [3 + i * 11 % 34 for i in range(20)]


def rounding(layer, dtype):
    """The class of a cache's layer that rounds what it keeps."""

    class Rounding(layer):
        def update(self, keys, values, *args, **kwargs):
            kept = (x.to(dtype).float() for x in (keys, values))
            return super().update(*kept, *args, **kwargs)

    return Rounding


@torch.no_grad()
def logits(model, dtype):
    """Logits after each of the last tokens, which come one by one after a prompt that is run at once."""
    cache = DynamicCache(config=model.config)
    for layer in cache.layers:
        assert type(layer) in (DynamicLayer, DynamicSlidingWindowLayer)
        layer.__class__ = rounding(type(layer), dtype)
    model(torch.tensor([IDS[:PROMPT]]), past_key_values=cache)
    rows = [model(torch.tensor([[id]]), past_key_values=cache).logits[0, 0] for id in IDS[PROMPT:]]
    return [[float(f"{x:.8g}") for x in row.tolist()] for row in rows[-KEPT:]]


models = {}
for name in ("gqa", "mistral", "qwen3"):
    model = AutoModelForCausalLM.from_pretrained(HERE / name, dtype=torch.float32, attn_implementation="eager")
    dtypes = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    models[name] = {key: logits(model, dtype) for key, dtype in dtypes.items()}
(HERE / "kv_cache.json").write_text(json.dumps({"prompt": PROMPT, "ids": IDS, "models": models}) + "\n")
