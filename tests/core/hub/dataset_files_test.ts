import { deepEqual, throws } from "node:assert/strict";
import { chooseDataFiles, type DataRequest } from "../../../core/hub/dataset_files.ts";

const about = {
  action: "Cannot use org/data",
  repo: { type: "dataset", repo: "org/data", revision: "main" },
} as const;

function choose(paths: readonly string[], card: unknown, request: Partial<DataRequest> = {}): unknown[] {
  const { config, split, paths: found } = chooseDataFiles(paths, card, {
    config: null,
    split: null,
    prefer: ["train"],
    about,
    ...request,
  });
  return [config, split, ...found];
}

Deno.test("the hub's own names of shards tell splits, whatever these are called", () => {
  const paths = [
    "README.md",
    "data/train_sft-00000-of-00002.parquet",
    "data/train_sft-00001-of-00002.parquet",
    "data/test_sft-00000-of-00001-abc123.parquet",
  ];
  deepEqual(choose(paths, null, { split: "train_sft" }), ["default", "train_sft", paths[1], paths[2]]);
  deepEqual(choose(paths, null, { split: "test_sft" }), ["default", "test_sft", paths[3]]);
  throws(
    () => choose(paths, null),
    /several splits, expected one of "train_sft", "test_sft" \(as in org\/data\/train_sft\)$/,
  );
  throws(() => choose(paths, null, { split: "train" }), /there is no split "train", expected one of "train_sft"/);
});

Deno.test("names of files and folders tell splits by the words that people use", () => {
  deepEqual(choose(["train.jsonl", "test.jsonl"], null), ["default", "train", "train.jsonl"]);
  deepEqual(choose(["train.jsonl", "dev.jsonl"], null, { split: "validation" }), [
    "default",
    "validation",
    "dev.jsonl",
  ]);
  deepEqual(choose(["my-training_set.csv", "my-eval.csv"], null, { split: "test" }), [
    "default",
    "test",
    "my-eval.csv",
  ]);
  deepEqual(choose(["train/b.json", "train/a.json", "test/a.json"], null), [
    "default",
    "train",
    "train/a.json",
    "train/b.json",
  ]);
  deepEqual(choose(["restrained.jsonl"], null), ["default", "train", "restrained.jsonl"]);
  deepEqual(choose(["part1.jsonl.gz", "part2.jsonl.gz"], null), [
    "default",
    "train",
    "part1.jsonl.gz",
    "part2.jsonl.gz",
  ]);
  deepEqual(choose(["default/train/0000.parquet", "default/test/0000.parquet"], null, { config: "default" }), [
    "default",
    "train",
    "default/train/0000.parquet",
  ]);
});

Deno.test("a configuration is a folder where no card says otherwise", () => {
  const paths = ["main/train-00000-of-00001.parquet", "main/test-00000-of-00001.parquet", "socratic/train.jsonl"];
  deepEqual(choose(paths, null, { config: "main" }), ["main", "train", paths[0]]);
  deepEqual(choose(paths, null, { config: "socratic" }), ["socratic", "train", paths[2]]);
  throws(
    () => choose(paths, null, { config: "other" }),
    /no configuration "other", expected one of the folders "main"/,
  );
  throws(() => choose(["train.csv"], null, { config: "x" }), /no configuration "x", expected none to be named$/);
});

Deno.test("a card's configs say which files are what", () => {
  const paths = ["a/train-0.parquet", "a/train-1.parquet", "a/x/train-2.parquet", "b/one.csv", "b/two.csv", "c.jsonl"];
  const card = {
    configs: [
      { config_name: "a", data_files: [{ split: "train", path: "a/train-*" }, { split: "deep", path: "a/**" }] },
      {
        config_name: "b",
        data_dir: "b",
        data_files: [{ split: "train", path: ["one.csv", "t?o.csv"] }],
        default: true,
      },
      { config_name: "c", data_files: "c.*" },
      { config_name: "d", data_dir: "a" },
      { config_name: "e", data_files: { test: "c.jsonl" } },
      { config_name: "gone", data_files: "gone-*" },
    ],
  };
  deepEqual(choose(paths, card, { config: "a" }), ["a", "train", paths[0], paths[1]]);
  deepEqual(
    choose(paths, card, { config: "a", split: "deep" }),
    ["a", "deep", paths[0], paths[1], paths[2]],
  );
  deepEqual(choose(paths, card), ["b", "train", "b/one.csv", "b/two.csv"]);
  deepEqual(choose(paths, card, { config: "c" }), ["c", "train", "c.jsonl"]);
  deepEqual(choose(paths, card, { config: "d" }), ["d", "train", paths[0], paths[1], paths[2]]);
  deepEqual(choose(paths, card, { config: "e" }), ["e", "test", "c.jsonl"]);
  throws(
    () => choose(paths, card, { config: "f" }),
    /no configuration "f", expected one of "a", "b".* \(as in org\/data:a\)/,
  );
  throws(
    () => choose(paths, card, { config: "gone" }),
    /its card names files of "gone", split "train", that are not there$/,
  );
});

Deno.test("of several formats one is read, and what is no data is left out", () => {
  const paths = ["train.csv", "train.parquet", "train.jsonl", "dataset_infos.json", "README.md", ".hidden/train.csv"];
  deepEqual(choose(paths, { license: "mit" }), ["default", "train", "train.parquet"]);
  deepEqual(choose(["train-a.csv", "train-b.csv", "train.parquet"], null), [
    "default",
    "train",
    "train-a.csv",
    "train-b.csv",
  ]);
  throws(
    () => choose(["data.arrow", "dataset_infos.json", "data.py"], null),
    /no JSON, JSONL, .*refs\/convert\/parquet$/,
  );
});
