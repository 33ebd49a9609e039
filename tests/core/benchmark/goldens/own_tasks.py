r"""Writes own_tasks.json: what lm-eval asks of tasks that were written for the tests, and how it scores answers.

Run with lm-eval 0.4.13, datasets 5.0.1 and Python 3.11: python3 own_tasks.py > own_tasks.json, and deno fmt
Each task is asked as plain text, with a template's turns, and with the user's turns as one. The answers are made up.
Also how datasets reads small tables of JSON lines.
"""

import copy
import json
import logging
import os
import random
import sys
import tempfile

os.environ.update(DISABLE_MULTIPROC="1", HF_DATASETS_OFFLINE="1", HF_HOME=tempfile.mkdtemp())
logging.disable(logging.CRITICAL)

import datasets
import yaml
from lm_eval.api.task import ConfigurableTask
from lm_eval.evaluator_utils import _compute_task_aggregations
from lm_eval.utils import hash_string

datasets.disable_progress_bars()

TEST = [
    '{"q": "What is 1 + 1?", "a": "2", "opts": ["1", "2", "3"], "label": 1, "score": 1, "golds": [1, 2], "names": ["two", "Two"], "meta": {"k": "x"}, "idx": "0"}',
    '{"q": " Name a colour\\n", "a": "red 🦊", "opts": ["red 🦊", "naïve", "x"], "label": 0, "score": 2.5, "golds": [0], "names": ["red"], "meta": {"k": "y", "z": [1]}, "idx": "2"}',
    '{"q": "Is it\'s \\"so\\"?", "a": "yes\\tyes", "opts": ["no", "yes\\tyes", "maybe"], "label": 1, "score": null, "golds": [], "names": ["it\'s", "\\"so\\""], "meta": null, "idx": "1"}',
    '{"q": "A?", "a": "b", "opts": ["b", "b c", "c"], "label": 2, "score": 4, "golds": [2], "names": ["B"], "meta": {"k": null}, "idx": "1"}',
]
TRAIN = [
    '{"q": "Shot one", "a": "s1", "opts": ["s1", "t1"], "label": 0, "score": 1, "golds": [1], "names": ["n1"], "meta": {"k": "x"}, "idx": "0"}',
    '{"q": "Shot two ", "a": " s2", "opts": ["s2", "t2"], "label": 1, "score": 1.5, "golds": [1], "names": ["n2", "m2"], "meta": {"k": "x"}, "idx": "1"}',
    '{"q": "Shot three", "a": "", "opts": ["s3", "t3"], "label": 1, "score": 1, "golds": [0], "names": ["n3"], "meta": {"k": "x"}, "idx": "1"}',
    '{"q": "Shot four", "a": "s4", "opts": ["s4", "t4"], "label": 0, "score": 1, "golds": [1], "names": ["n4"], "meta": {"k": "x"}, "idx": "0"}',
    '{"q": "Shot five", "a": "s5", "opts": ["s5", "t5"], "label": 0, "score": 1, "golds": [1], "names": ["n5"], "meta": {"k": "x"}, "idx": "0"}',
]

ALL_CHOICE = [{"metric": name} for name in ["acc", "acc_norm", "acc_bytes", "exact_match", "acc_mutual_info"]]
CHOICE = {"output_type": "multiple_choice", "doc_to_text": "{{q}}", "doc_to_choice": "opts", "doc_to_target": "label"}
TASKS = {
    "last_word": {
        "output_type": "loglikelihood",
        "doc_to_text": "{{q.split(' ')[:-1]|join(' ')}}",
        "doc_to_target": "{{' ' + q.split(' ')[-1]}}",
    },
    "last_word_shots": {
        "output_type": "loglikelihood",
        "doc_to_text": "q",
        "doc_to_target": "{{' '+a}}",
        "fewshot_split": "train",
        "num_fewshot": 2,
        "target_delimiter": "",
        "metric_list": [{"metric": "acc"}],
    },
    "rolling": {"output_type": "loglikelihood_rolling", "doc_to_text": "", "doc_to_target": "q"},
    "answers": {
        "output_type": "generate_until",
        "doc_to_text": "Q: {{q}}\nA:",
        "doc_to_target": "names",
        "training_split": "train",
        "num_fewshot": 2,
        "gen_prefix": "So:",
        "description": "Answer {{q[:2]}} \n",
        "metric_list": [{"metric": "exact_match", "ignore_case": True, "ignore_punctuation": True}],
        "filter_list": [
            {
                "name": "look",
                "filter": [
                    {"function": "regex", "regex_pattern": "(?<=is )(.*)(?=\\.)", "fallback": "none"},
                    {"function": "remove_whitespace"},
                    {"function": "take_first"},
                ],
            },
            {"name": "low", "filter": [{"function": "lowercase"}, {"function": "take_first"}]},
        ],
    },
    "answer_of_choice": {
        "output_type": "generate_until",
        "doc_to_text": "{{q}}",
        "doc_to_target": "{{label}}",
        "doc_to_choice": ["no", "yes", "maybe"],
        "generation_kwargs": {"until": ["\n"], "max_gen_toks": 5},
    },
    "floats": {
        "output_type": "generate_until",
        "doc_to_text": "{{q}} {{score}} {{meta}}",
        "doc_to_target": "score",
        "fewshot_split": "test",
        "num_fewshot": 0,
        "fewshot_delimiter": "\n---\n",
        "target_delimiter": " => ",
    },
    "choice": {**CHOICE, "metric_list": ALL_CHOICE, "training_split": "train", "num_fewshot": 3},
    "choice_by_text": {
        **CHOICE,
        "doc_to_text": "q",
        "doc_to_choice": "{{opts}}",
        "doc_to_target": "{{a}}",
        "fewshot_split": "test",
        "num_fewshot": 2,
        "metric_list": [{"metric": "acc"}, {"metric": "exact_match"}],
    },
    "several_right": {**CHOICE, "doc_to_choice": "{{opts}}", "doc_to_target": "{{golds}}"},
    "own_shots": {
        **CHOICE,
        "doc_to_choice": {"a": "first", "b": "second", "c": "third"},
        "doc_to_target": "{{idx}}",
        "fewshot_split": "train",
        "fewshot_config": {
            "sampler": "first_n",
            "doc_to_text": "Shot: {{q}}",
            "target_delimiter": " -> ",
            "fewshot_delimiter": "\n\n\n",
        },
        "num_fewshot": 2,
        "metric_list": [{"metric": "acc", "aggregation": "median"}],
    },
    "first_of_same": {**CHOICE, "fewshot_split": "test", "fewshot_config": {"sampler": "first_n"}, "num_fewshot": 2},
    "contexts": {**CHOICE, "doc_to_text": "{{label}}", "doc_to_target": "a", "training_split": "train", "num_fewshot": 2},
    "samples": {
        **CHOICE,
        "fewshot_config": {
            "samples": [{"q": "S1", "opts": ["u", "v"], "label": 0}, {"q": "S2", "opts": ["w", "x"], "label": 1}]
        },
        "num_fewshot": 1,
        "gen_prefix": "G ",
    },
    "white_space": {
        **CHOICE,
        "doc_to_text": "{%- if label == 1 %}\n one {{ q|trim }}\n{% else %}\n  other\n{% endif %}\n",
        "doc_to_choice": "{{opts|map('upper')|list}}",
        "doc_to_target": "{{label}}",
    },
}
GENERATED = ["The answer is Two. Ok.", "RED", "it is it's.", "yes"]

TABLES = [
    [{"m": {"x": 1, "y": "a"}}, {"m": {"x": 2.5, "y": "b"}}],
    [{"m": {"x": 1, "y": "a"}}, {"m": {"y": "b", "x": 2}}],
    [{"m": {"x": 1, "y": "a"}}, {"m": {"x": None, "y": "b"}}],
    [{"l": [1, 2]}, {"l": [2.5]}],
    [{"l": [1, "a"]}, {"l": ["b"]}],
    [{"l": [{"a": 1}, {"b": 2}]}, {"l": []}],
    [{"l": [{"a": 1}, {"a": 2.0}]}, {"l": []}],
    [{"a": 1}, {"b": 2, "a": 3}],
    [{"a": 1, "b": 2}, {"b": 3, "a": 4}],
    [{"a": 1}, {"a": "x"}],
    [{"a": {"k": 1}}, {"a": [1]}],
    [{"a": True}, {"a": 1}],
    [{"a": [[1], [2.5]]}, {"a": []}],
    [{"m": {"x": 1}}, {"m": {"x": 2.5, "z": 1}}],
    [{"m": {"i": {"p": 1}}}, {"m": {"i": {"q": 2}}}],
    [{"m": {}}, {"m": {"a": 1}}],
    [{"a": 2**53 + 1}, {"a": 1}],
    [{"a": 1.0}, {"a": 2.0}],
]


def template(messages, add_generation_prompt=True):
    text = "".join(f"<{each['role']}>{each['content']}</{each['role']}>" for each in messages)
    return text + "<assistant>" if add_generation_prompt else text[: -len("</assistant>")]


def answer(task, instance):
    rnd = random.Random(f"{task}{instance.metadata[1]}{instance.idx}")
    if instance.request_type == "generate_until":
        return GENERATED[instance.metadata[1]]
    logp = round(-rnd.random() * 20, 3)
    return logp if instance.request_type == "loglikelihood_rolling" else (logp, rnd.random() < 0.5)


def evaluate(name, config, mode):
    task = ConfigurableTask(config=copy.deepcopy(config))
    if task.config.num_fewshot is None:
        task.set_config("num_fewshot", 0)
    task.set_fewshot_seed(1234)
    chat = mode != "plain"
    task.build_all_requests(
        system_instruction="Sys" if chat else None,
        apply_chat_template=chat,
        fewshot_as_multiturn=mode == "turns",
        chat_template=template if chat else None,
    )
    for instance in task.instances:
        instance.resps.append(answer(name, instance))
    task.apply_filters()
    samples, asked, values = [], {}, {}
    for key in task.instances[0].filtered_resps:
        for doc_id, doc in task.doc_iterator():
            own = sorted((each for each in task.instances if each.doc_id == doc_id), key=lambda each: each.idx)
            metrics = task.process_results(doc, [each.filtered_resps[key] for each in own])
            for metric, value in metrics.items():
                values.setdefault((metric, key), []).append(value)
            target = task.doc_to_target(doc)
            asked[doc_id] = [list(each.args) for each in own]
            samples.append(
                {
                    "filter": key,
                    "doc_id": doc_id,
                    "target": target,
                    "resps": [each.resps[0] for each in own],
                    "filtered": own[0].filtered_resps[key] if own[0].request_type == "generate_until" else None,
                    "metrics": {k: list(v) if isinstance(v, tuple) else float(v) for k, v in metrics.items()},
                    "doc_hash": hash_string(json.dumps(own[0].doc, indent=2, ensure_ascii=False)),
                    "target_hash": hash_string(str(target)),
                }
            )
    aggregated, count = _compute_task_aggregations(task, values, 2000)
    aggregated = {k: v if isinstance(v, str) else float(v) for k, v in aggregated.items()}
    scored = {"samples": samples, "aggregated": aggregated, "count": count, "higher_is_better": task.higher_is_better()}
    return list(asked.values()), scored


def main():
    folder = tempfile.mkdtemp()
    files = {}
    for split, lines in {"test": TEST, "train": TRAIN}.items():
        files[split] = f"{folder}/{split}.jsonl"
        with open(files[split], "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    tasks = {}
    for name, own in TASKS.items():
        config = {"task": name, "dataset_path": "json", "dataset_kwargs": {"data_files": files}, "test_split": "test", **own}
        runs = {mode: evaluate(name, config, mode) for mode in ["plain", "turns", "one_turn"]}
        asked = {mode: args for mode, (args, _) in runs.items()}
        # How a prompt is written changes what is asked, and nothing of how the made-up answers are scored.
        scored = runs["plain"][1]
        assert all(other == scored for _, other in runs.values()), name
        config["dataset_kwargs"] = {"data_files": {split: f"{split}.jsonl" for split in files}}
        tasks[name] = {"yaml": yaml.safe_dump(config, allow_unicode=True, sort_keys=False), "asked": asked, **scored}
    tables = []
    for i, rows in enumerate(TABLES):
        path = f"{folder}/table{i}.jsonl"
        lines = [json.dumps(row) for row in rows]
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        read = datasets.load_dataset("json", data_files={"test": path})["test"]
        tables.append([lines, [json.dumps(read[j]) for j in range(len(read))]])
    return {"rows": {"test": TEST, "train": TRAIN}, "tasks": tasks, "tables": tables}


stdout, sys.stdout = sys.stdout, sys.stderr
result = main()
json.dump(result, stdout, ensure_ascii=True)
