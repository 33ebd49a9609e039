import { deepEqual, equal } from "node:assert/strict";
import { parseDatasetSpec, parseModelSpec, specName } from "../../../core/hub/hub_spec.ts";

Deno.test("parseModelSpec() reads org/name and a revision", () => {
  const model = (repo: string, revision = "main") => ({ type: "model", repo, revision });
  deepEqual(parseModelSpec("org/name"), model("org/name"));
  deepEqual(parseModelSpec("HuggingFaceTB/SmolLM2-1.7B_x@v1.0"), model("HuggingFaceTB/SmolLM2-1.7B_x", "v1.0"));
  deepEqual(parseModelSpec("org/name@refs/pr/3"), model("org/name", "refs/pr/3"));
  equal(specName(parseModelSpec("org/name@v1")!), "org/name@v1");
  equal(specName(parseModelSpec("org/name@main")!), "org/name");
});

Deno.test("parseModelSpec() takes nothing for a name that can only be a path", () => {
  const paths = [
    "name",
    "/org/name",
    "./org/name",
    "../name",
    "org/name/",
    "a/b/c",
    "C:\\a\\b",
    "~/model",
    "org/",
    "/name",
    "org/na me",
    "org/name@",
    "org/name@../x",
    "org/name@a//b",
    "org/name@.hidden",
    "a--b/c",
    "org/na..me",
    "org/-name",
    "data/rows.jsonl",
    "org/name.git",
    "",
    "org/" + "x".repeat(97),
  ];
  for (const path of paths) equal(parseModelSpec(path), null, path);
});

Deno.test("parseDatasetSpec() reads configuration, split and revision, each or none", () => {
  const parse = (text: string) => {
    const spec = parseDatasetSpec(text);
    return spec && [spec.repo, spec.config, spec.split, spec.revision];
  };
  deepEqual(parse("org/name"), ["org/name", null, null, "main"]);
  deepEqual(parse("openai/gsm8k:main/train"), ["openai/gsm8k", "main", "train", "main"]);
  deepEqual(parse("org/name/train_sft"), ["org/name", null, "train_sft", "main"]);
  deepEqual(parse("org/name:en-de@refs/convert/parquet"), ["org/name", "en-de", null, "refs/convert/parquet"]);
  deepEqual(parse("org/name:2023.en/test@abc"), ["org/name", "2023.en", "test", "abc"]);
  for (
    const path of ["rows.jsonl", "data/rows.jsonl", "data/dir/rows.csv", "a/b/c/d", "org/name/train[:10]", "./a/b"]
  ) {
    equal(parse(path), null, path);
  }
});
