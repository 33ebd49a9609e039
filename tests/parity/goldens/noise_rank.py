"""Makes noise_rank.json: runs with a noise generator of low rank, in float64 with PyTorch's own gradients and AdamW.

    OMP_NUM_THREADS=1 python3 tests/parity/goldens/noise_rank.py PATH/TO/oracle.py

The decoder, Philox and the schedule are the reference program's (make_goldens.ts); what is written out here is the
generator W = U D with its first values, the two objectives, and adapters with theirs. The models are the goldens'.
"""
import json
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(sys.argv[1]).parent))
import numpy as np
import torch
from oracle import clip, load_model, noise, philox4x32, response_logp, schedule

torch.set_default_dtype(torch.float64)
HERE = Path(__file__).parent
SETTINGS = dict(
    batch=3,
    steps=4,
    beta=0.2,
    alpha=0.02,
    max_variance=1.5,
    learning_rate=1e-3,
    noise_learning_rate=1e-2,
    weight_decay=0.1,
    warmup=1,
    schedule="cosine",
    max_grad_norm=0.05,
    seed=4294967291,
    iteration=3,
    noise_steps=2,
    model_steps=2,
    lora_r=2,
    lora_alpha=3,
)
RUNS = [
    dict(model=model, rank=rank, init=init, update=update, lora=lora)
    for model, rank, lora in (("gqa", 3, False), ("qwen2", 4, True))
    for init in ("zeros", "linear")
    for update in ("joint", "alternating")
]


def uniform(count, inputs, *, purpose, first=0, module=0):
    """Numbers within +-1/sqrt(inputs), as float32 holds them."""
    key = (SETTINGS["seed"], SETTINGS["iteration"] + purpose * 2**24)
    blocks = np.arange((first + count + 3) // 4, dtype=np.uint64)
    none = np.zeros_like(blocks)
    words = np.stack(philox4x32((blocks, none + np.uint64(module), none, none), key), 1).reshape(-1)
    u = (words[first : first + count].astype(np.float64) + 0.5) * 2.0**-32
    return torch.tensor(((2 * u - 1) / math.sqrt(inputs)).astype(np.float32)).double()


def generator(vocab, hidden, rank, init):
    down = uniform(rank * hidden, hidden, purpose=1).reshape(rank, hidden)
    if init == "zeros":
        return down, torch.zeros(vocab, rank), torch.zeros(vocab)
    up = uniform(vocab * rank, rank, purpose=1, first=rank * hidden).reshape(vocab, rank)
    return down, up, uniform(vocab, rank, purpose=1, first=rank * (hidden + vocab))


def adapters(weights, layers):
    """A and B of every linear layer but the head, in the order of their Philox counters."""
    names = [
        f"model.layers.{layer}.{module}.weight"
        for layer in range(layers)
        for module in (
            *(f"self_attn.{x}_proj" for x in "qkvo"),
            *(f"mlp.{x}_proj" for x in ("gate", "up", "down")),
        )
    ]
    out = {}
    for index, name in enumerate(names):
        outputs, inputs = weights[name].shape
        a = uniform(SETTINGS["lora_r"] * inputs, inputs, purpose=6, module=index).reshape(-1, inputs)
        out[name] = (a, torch.zeros(outputs, SETTINGS["lora_r"]))
    return out


def run(model, rank, init, update, lora):
    t = SETTINGS
    folder = str(HERE / model)
    pairs = [json.loads(line) for line in (HERE / model / "pairs.jsonl").read_text().splitlines()]
    reference, policy = load_model(folder), load_model(folder)
    vocab, hidden = reference.head().shape
    down, up, bias = first = [x.requires_grad_(True) for x in generator(vocab, hidden, rank, init)]
    begun = [x.detach().clone() for x in first]
    if lora:
        low = adapters(reference.w, policy.c["num_hidden_layers"])
        trained = [x.requires_grad_(True) for pair in low.values() for x in pair]
    else:
        policy.w = {name: x.clone().requires_grad_(True) for name, x in policy.w.items()}
        trained = [policy.w[name] for name in sorted(policy.w)]
    groups = [
        {"params": [x for x in trained if x.ndim > 1], "weight_decay": t["weight_decay"]},
        {"params": [x for x in trained if x.ndim == 1], "weight_decay": 0.0},
    ]
    options = dict(betas=(0.9, 0.999), eps=1e-8)
    optimizer = torch.optim.AdamW([g for g in groups if g["params"]], lr=t["learning_rate"], **options)
    noiser = torch.optim.AdamW(first, lr=t["noise_learning_rate"], weight_decay=0.0, **options)
    order = [range(i, min(i + t["batch"], len(pairs))) for i in range(0, len(pairs), t["batch"])]
    bound = math.sqrt(t["max_variance"])

    def noised(prompt, response, example, counter):
        with torch.no_grad():
            h = reference.hidden((prompt + response)[:-1])[len(prompt) - 1 :]
            z = h @ reference.head().T
        n = torch.tensor(
            np.stack([noise(t["seed"], t["iteration"], counter, example, len(prompt) - 1 + i, vocab) for i in range(len(response))])
        )
        sigma = bound * torch.tanh(((h @ down.T) @ up.T + bias) / bound)
        logp = torch.log_softmax(z + sigma * n, -1)[torch.arange(len(response)), torch.tensor(response)].sum()
        return logp, sigma

    def objectives(rows, counter):
        if lora:
            scale = t["lora_alpha"] / t["lora_r"]
            merged = {name: reference.w[name] + scale * (b @ a) for name, (a, b) in low.items()}
            policy.w = {**reference.w, **merged}
        losses, noise_losses, sigmas, rewards = [], [], [], []
        for i in rows:
            prompt, chosen, rejected = (pairs[i][f"{x}_ids"] for x in ("prompt", "chosen", "rejected"))
            with torch.no_grad():
                known = response_logp(reference, prompt, chosen), response_logp(reference, prompt, rejected)
            logps = response_logp(policy, prompt, chosen), response_logp(policy, prompt, rejected)
            logp, sigma = noised(prompt, rejected, i, counter)
            gain = logps[0] - known[0]
            losses.append(torch.nn.functional.softplus(-t["beta"] * (gain - (logps[1] - logp.detach()))))
            noise_losses.append(-torch.nn.functional.softplus(-t["beta"] * (gain.detach() - (logps[1].detach() - logp))))
            sigmas.append(sigma.reshape(-1))
            rewards.append([t["beta"] * float(a.detach() - b) for a, b in zip(logps, known)] + [float(x.detach()) for x in logps])
        mean = [sum(column) / len(rows) for column in zip(*rewards)]
        logged = {
            "rewards/chosen": mean[0],
            "rewards/rejected": mean[1],
            "rewards/margins": mean[0] - mean[1],
            "rewards/accuracies": sum(c > r for c, r, *_ in rewards) / len(rows),
            "logps/chosen": mean[2],
            "logps/rejected": mean[3],
        }
        return sum(losses) / len(rows), sum(noise_losses) / len(rows), (torch.cat(sigmas) ** 2).mean(), logged

    def step(which, params, loss):
        which.zero_grad()
        loss.backward()
        norm = clip(params, t["max_grad_norm"])
        which.step()
        return norm

    steps = [(True, True)] if update == "joint" else [(False, True)] * t["noise_steps"] + [(True, False)] * t["model_steps"]
    log = []
    for s in range(t["steps"]):
        factor = schedule(t["schedule"], s, t["steps"], t["warmup"])
        for which, rate in ((optimizer, t["learning_rate"]), (noiser, t["noise_learning_rate"])):
            for group in which.param_groups:
                group["lr"] = rate * factor
        line = {"step": s + 1}
        for j, (trains_model, trains_noise) in enumerate(steps):
            loss, noise_loss, variance, logged = objectives(order[s % len(order)], s * len(steps) + j)
            of_noise, of_model = {}, {}
            if trains_noise:
                norm = step(noiser, first, noise_loss + t["alpha"] * variance)
                of_noise = {"noise/loss": float(noise_loss.detach()), "noise/variance": float(variance.detach()), "noise/grad_norm": norm}
            if trains_model:
                of_model = {"loss": float(loss.detach()), **logged, "grad_norm": step(optimizer, trained, loss)}
            line = {**of_noise, **of_model, **line}
        log.append(line)
    moved = {name: float((x.detach() - x0).norm()) for name, x, x0 in zip(("down", "up", "bias"), first, begun)}
    return dict(model=model, rank=rank, init=init, update=update, lora=lora, log=log, moved=moved)


golden = dict(settings=SETTINGS, runs=[run(**spec) for spec in RUNS])
(HERE / "noise_rank.json").write_text(json.dumps(golden, indent=2) + "\n")
