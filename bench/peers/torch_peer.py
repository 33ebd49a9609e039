"""PyTorch's side of the benchmark: a JSON request a line, a JSON answer a line. float32 on the CPU.

A request that names a case builds it, runs it once and answers {"sample": [...]}; {"op": "run", "repeats": n} runs the
last case n times and answers {"seconds": s}.
"""

import importlib.metadata
import importlib.util
import json
import math
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


def uniform(shape, seed, scale=1.0, offset=0.0):
    count = int(np.prod(shape))
    x = (np.arange(count, dtype=np.uint32) + np.uint32(seed * 7919 % 2**32)) * np.uint32(0x9E3779B1)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x85EBCA6B)
    values = (x >> np.uint32(8)).astype(np.float64) / 2**24 - 0.5
    return torch.from_numpy((offset + scale * values).astype(np.float32)).reshape(shape)


def memory(field):
    """Bytes of a field of /proc/self/status; ru_maxrss would hold the parent's peak too."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field + ":"))


def matmul(mode, m, n, k, at):
    a = uniform((k, m) if mode == "TN" else (m, k), 1)
    b = uniform((n, k) if mode == "NT" else (k, n), 2)
    x = a.t() if mode == "TN" else a
    y = b.t() if mode == "NT" else b
    sample = (x @ y).flatten()[at].tolist()
    return (lambda: x @ y), {"sample": sample}


def attention(sequences, length, heads, head_dim, at):
    qkv = uniform((sequences, length, 3, heads, head_dim), 1, 2.0).permute(2, 0, 3, 1, 4).contiguous()
    mask = torch.full((length, length), -1e30).triu(1)

    def forward():
        q, k, v = qkv
        return F.softmax(q @ k.transpose(-1, -2) / math.sqrt(head_dim) + mask, -1) @ v

    return forward, {"sample": forward().permute(0, 2, 1, 3).flatten()[at].tolist()}


def lm_head(rows, hidden, vocab, targets, at):
    h = uniform((rows, hidden), 1)
    weight = uniform((vocab, hidden), 2, 0.2)
    target = torch.tensor(targets)[:, None]

    def forward():
        return F.log_softmax(h @ weight.t(), -1).gather(1, target)[:, 0]

    return forward, {"sample": forward()[at].tolist()}


class Llama:
    def __init__(self, config, parameters, seed, grad):
        self.config = config
        self.p = {}
        for i, (name, shape, scale, offset) in enumerate(parameters):
            self.p[name] = uniform(shape, seed + i, scale, offset).requires_grad_(grad)

    def norm(self, x, name):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.config["eps"]) * self.p[name]

    def logps(self, ids):
        """Log-probability of every token but the first, [sequences, length]."""
        c, p = self.config, self.p
        inputs, targets = ids[:, :-1], ids[:, 1:]
        rows, length = inputs.shape
        hd = c["head_dim"]
        frequency = c["theta"] ** (-torch.arange(0, hd, 2, dtype=torch.float64) / hd)
        angle = torch.outer(torch.arange(length, dtype=torch.float64), frequency)
        cos = torch.cat([angle.cos()] * 2, -1).float()
        sin = torch.cat([angle.sin()] * 2, -1).float()
        mask = torch.full((length, length), -1e30).triu(1)

        def rotate(x):
            half = torch.cat([-x[..., hd // 2 :], x[..., : hd // 2]], -1)
            return x * cos + half * sin

        def split(x, heads):
            return x.reshape(rows, length, heads, hd).transpose(1, 2)

        x = F.embedding(inputs, p["model.embed_tokens.weight"])
        for n in range(c["layers"]):
            at = f"model.layers.{n}."
            h = self.norm(x, at + "input_layernorm.weight")
            q = rotate(split(h @ p[at + "self_attn.q_proj.weight"].t(), c["heads"]))
            k = rotate(split(h @ p[at + "self_attn.k_proj.weight"].t(), c["heads"]))
            v = split(h @ p[at + "self_attn.v_proj.weight"].t(), c["heads"])
            a = F.softmax(q @ k.transpose(-1, -2) / math.sqrt(hd) + mask, -1) @ v
            x = x + a.transpose(1, 2).reshape(rows, length, -1) @ p[at + "self_attn.o_proj.weight"].t()
            h = self.norm(x, at + "post_attention_layernorm.weight")
            gate = F.silu(h @ p[at + "mlp.gate_proj.weight"].t())
            x = x + (gate * (h @ p[at + "mlp.up_proj.weight"].t())) @ p[at + "mlp.down_proj.weight"].t()
        logits = self.norm(x, "model.norm.weight") @ p["lm_head.weight"].t()
        return F.log_softmax(logits, -1).gather(-1, targets[..., None])[..., 0]


def step(config, parameters, reference_seed, ids, beta, lr, max_norm):
    """A DPO step; rows 2i are chosen, rows 2i + 1 rejected."""
    before = memory("VmRSS")
    ids = torch.tensor(ids)
    # Computed beforehand, as on our side and with TRL's precompute_ref_log_probs.
    with torch.no_grad():
        base = Llama(config, parameters, reference_seed, False).logps(ids).sum(-1)
    policy = Llama(config, parameters, 0, True)
    weights = list(policy.p.values())
    optimizer = torch.optim.AdamW(weights, lr=lr, weight_decay=0.0)

    def one():
        ratio = policy.logps(ids).sum(-1) - base
        loss = -F.logsigmoid(beta * (ratio[0::2] - ratio[1::2])).mean()
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(weights, max_norm)
        optimizer.step()
        return [loss.item(), norm.item()]

    sample = one()
    one()
    return one, {"sample": sample, "bytes": memory("VmHWM") - before}


def score(config, parameters, ids):
    model = Llama(config, parameters, 0, False)
    ids = torch.tensor(ids)

    def forward():
        with torch.no_grad():
            return model.logps(ids).sum(-1)

    return forward, {"sample": forward().tolist()}


def llama(config, parameters):
    """transformers' model of these weights."""
    from transformers import LlamaConfig, LlamaForCausalLM

    shapes = {name: shape for name, shape, *_ in parameters}
    vocab, hidden = shapes["model.embed_tokens.weight"]
    settings = LlamaConfig(
        vocab_size=vocab,
        hidden_size=hidden,
        intermediate_size=shapes["model.layers.0.mlp.up_proj.weight"][0],
        num_hidden_layers=config["layers"],
        num_attention_heads=config["heads"],
        num_key_value_heads=shapes["model.layers.0.self_attn.k_proj.weight"][0] // config["head_dim"],
        head_dim=config["head_dim"],
        rms_norm_eps=config["eps"],
        rope_theta=config["theta"],
        max_position_embeddings=4096,
        tie_word_embeddings="lm_head.weight" not in shapes,
    )
    model = LlamaForCausalLM(settings).eval()
    weights = {name: uniform(shape, i, scale, offset) for i, (name, shape, scale, offset) in enumerate(parameters)}
    model.load_state_dict(weights, strict="lm_head.weight" in shapes)
    return model


def choices(config, parameters, documents):
    """Log-likelihoods of choices as lm-eval's HF backend computes them: each document's rows in a forward of their own."""
    model = llama(config, parameters)
    rows = [torch.tensor([document["context"] + tail for tail in document["tails"]]) for document in documents]

    @torch.no_grad()
    def forward():
        sums = []
        for ids, document in zip(rows, documents):
            first = len(document["context"])
            # Choices of one token have the same inputs, which lm-eval runs once.
            inputs = ids[:1, :-1] if first == ids.shape[1] - 1 else ids[:, :-1]
            logps = F.log_softmax(model(inputs).logits, -1)[:, first - 1 :].expand(len(ids), -1, -1)
            greedy = (logps.argmax(-1) == ids[:, first:]).all(-1)
            sums.append((logps.gather(-1, ids[:, first:, None])[..., 0].sum(-1), greedy))
        return sums

    return forward, {"sample": [value for logps, _ in forward() for value in logps.tolist()]}


def greedy(config, parameters, prompts, tokens):
    """The most probable tokens after prompts of one length, by transformers' generate with its cache."""
    model = llama(config, parameters)
    ids = torch.tensor(prompts)
    # No token ends a row, and none is filled up.
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0

    @torch.no_grad()
    def decode():
        made = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False)
        return made[:, ids.shape[1]:]

    return decode, {"sample": decode().flatten().tolist()}


def lm_eval(config, parameters, documents):
    """The same by lm-eval's HF backend itself, a document's choices in a batch."""
    from lm_eval.models.huggingface import HFLM
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    # Requests are ids already: of the tokenizer only its special tokens are asked.
    words = Tokenizer(models.WordLevel({"</s>": 0}, unk_token="</s>"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="</s>", pad_token="</s>")
    most = max(len(document["tails"]) for document in documents)
    lm = HFLM(pretrained=llama(config, parameters), tokenizer=tokenizer, batch_size=most, max_length=4096)
    # The backend finds requests with the same context by these texts.
    rows = [
        ((f"{i}", f"{j}"), document["context"], tail)
        for i, document in enumerate(documents)
        for j, tail in enumerate(document["tails"])
    ]

    def forward():
        return lm._loglikelihood_tokens(rows, disable_tqdm=True)

    return forward, {"sample": [logp for logp, _ in forward()]}


def version(package):
    return importlib.metadata.version(package) if importlib.util.find_spec(package) else None


CASES = {"matmul": matmul, "attention": attention, "lm_head": lm_head, "step": step, "score": score, "choices": choices,
         "greedy": greedy, "lm_eval": lm_eval}


def main():
    case = None
    for line in sys.stdin:
        request = json.loads(line)
        op = request.pop("op")
        if op == "run":
            start = time.perf_counter()
            for _ in range(request["repeats"]):
                case()
            answer = {"seconds": time.perf_counter() - start}
        elif op == "about":
            with open("/proc/self/maps") as maps:
                blas = sorted({os.path.basename(line.split()[-1]) for line in maps if "blas" in line})
            answer = {
                "threads": torch.get_num_threads(),
                "blas": " ".join(blas),
                "transformers": version("transformers"),
                "lm_eval": version("lm_eval"),
            }
        else:
            case, answer = CASES[op](**request)
        print(json.dumps(answer), flush=True)


main()
