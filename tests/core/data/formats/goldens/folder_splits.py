"""Writes folder_splits.json beside this file: the splits that datasets.load_dataset() finds in folders of such files.

Made with datasets 5.0.1: python3 folder_splits.py
"""

import json
import os
import tempfile

import datasets

FOLDERS = [
    ["train.jsonl", "test.jsonl"],
    ["train_rows.jsonl", "test_rows.jsonl"],
    ["rows.jsonl", "test.jsonl"],
    ["rows.jsonl", "train.jsonl"],
    ["my-train.jsonl", "my-test.jsonl"],
    ["training.jsonl", "dev.jsonl"],
    ["mytrain.jsonl", "test.jsonl"],
    ["a.jsonl", "b.jsonl"],
    ["data/train.jsonl", "data/test.jsonl"],
    ["rows.train.jsonl", "rows.eval.jsonl"],
    ["rows.jsonl", "rows_eval.jsonl"],
    ["Train.jsonl", "TEST.jsonl"],
    ["latest.jsonl", "rows.jsonl"],
    ["contest.jsonl", "train.jsonl"],
    ["data/train_sft-00000-of-00001.jsonl", "data/test_sft-00000-of-00001.jsonl"],
    ["train1.jsonl", "train2.jsonl", "test1.jsonl"],
    ["valid.jsonl", "train.jsonl", "evaluation.jsonl"],
    ["data/train.jsonl", "test.jsonl"],
    ["data/a.jsonl", "test.jsonl"],
    ["rows-test-2.jsonl", "rows-2.jsonl"],
]


def splits_of(files):
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as cache:
        for file in files:
            path = os.path.join(folder, file)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as out:
                out.write(json.dumps({"file": file}) + "\n")
        found = datasets.load_dataset(folder, cache_dir=cache)
        return {split: list(rows["file"]) for split, rows in sorted(found.items())}


if __name__ == "__main__":
    datasets.disable_progress_bars()
    made = [{"files": files, "splits": splits_of(files)} for files in FOLDERS]
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "folder_splits.json"), "w") as out:
        json.dump(made, out, indent=2)
        out.write("\n")
