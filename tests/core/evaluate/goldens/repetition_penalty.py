"""Makes repetition_penalty.json: greedy answers of the quick start's model with repetition penalties, by transformers.

    python3 tests/core/evaluate/goldens/repetition_penalty.py

No token ends an answer, so that each has all of its tokens, most of them repetitions. `gap` is the smallest difference
of the two largest logits, the penalty applied: where it is small, rounding may change a token.
"""
import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

HERE = Path(__file__).parent
MODEL = HERE.parents[3] / "examples/quickstart/model"
PENALTIES = [0.6, 1.05, 1.3, 2.0]
# As many prompts as the rows of two batches, of different lengths.
PROMPTS = [[3 + (7 * row + 5 * i + i * i) % 29 for i in range(1 + 3 * row)] for row in range(5)]
TOKENS = 24

torch.set_num_threads(1)
model = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32)
model.generation_config.eos_token_id = None
answers = []
for penalty in PENALTIES:
    for prompt in PROMPTS:
        made = model.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            max_new_tokens=TOKENS,
            do_sample=False,
            repetition_penalty=penalty,
            pad_token_id=0,
            output_scores=True,
            return_dict_in_generate=True,
        )
        best = torch.cat(made.scores).topk(2).values
        answers.append(
            dict(
                penalty=penalty,
                prompt=prompt,
                ids=made.sequences[0, len(prompt):].tolist(),
                gap=round((best[:, 0] - best[:, 1]).min().item(), 6),
            )
        )
lines = ",\n".join("  " + json.dumps(answer) for answer in answers)
(HERE / "repetition_penalty.json").write_text(f"[\n{lines}\n]\n")
