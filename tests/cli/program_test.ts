import assert from "node:assert/strict";
import type { CommandEntry, Values } from "../../cli/command_entry.ts";
import { commands } from "../../cli/command_table.ts";
import { readRunOptions } from "../../cli/options.ts";
import { parseCommandLine } from "../../cli/program.ts";

/** Parses with the real commands' arguments and options, and returns what the command would be given. */
async function parsed(...args: string[]): Promise<[name: string, argument: string | undefined, values: Values]> {
  let given: [string, string | undefined, Values] | undefined;
  const recording: CommandEntry[] = commands.map((entry) => ({
    ...entry,
    run: (argument, values) => {
      given = [entry.name, argument, values];
      return Promise.resolve(7);
    },
  }));
  const invocation = parseCommandLine(args, recording, { version: "1" });
  assert(typeof invocation === "function");
  assert.equal(await invocation(), 7);
  return given!;
}

Deno.test("parseCommandLine() reads repeated --set in order, with values that hold = and start with -", async () => {
  const [name, config, values] = await parsed("train", "c.yaml", "--set", "a=1", "-s", "b.c=x=y", "--set=d=-1");
  assert.deepEqual([name, config], ["train", "c.yaml"]);
  assert.deepEqual(readRunOptions(config, values), {
    config: "c.yaml",
    set: ["a=1", "b.c=x=y", "d=-1"],
    verifier: true,
    quiet: false,
    force: false,
    verboseRanks: false,
  });
});

Deno.test("readRunOptions() turns --dtype into an override and reads the switches", async () => {
  const [, config, values] = await parsed(
    "train",
    "--dtype",
    "bfloat16",
    "--no-verifier",
    "-q",
    "--force",
    "--set",
    "a=1",
  );
  assert.deepEqual(readRunOptions(config, values), {
    config: undefined,
    set: ["a=1", "dtype=bfloat16"],
    verifier: false,
    quiet: true,
    force: true,
    verboseRanks: false,
  });
});

Deno.test("parseCommandLine() reads one command line without a trace of the one before", async () => {
  await parsed("train", "--set", "a=1");
  const [, , values] = await parsed("train", "--set", "b=2");
  assert.deepEqual(values.set, ["b=2"]);
});

Deno.test("parseCommandLine() reads score's files", async () => {
  const [name, argument, values] = await parsed("score", "--model", "m", "-p", "pairs.jsonl");
  assert.deepEqual([name, argument, values], ["score", undefined, { model: "m", pairs: "pairs.jsonl" }]);
});

Deno.test("parseCommandLine() answers help and mistakes itself", () => {
  const out: string[] = [];
  const err: string[] = [];
  const info = { version: "1.2.3", writeOut: (s: string) => out.push(s), writeErr: (s: string) => err.push(s) };
  assert.equal(parseCommandLine(["--version"], commands, info), 0);
  assert.deepEqual(out.splice(0), ["1.2.3\n"]);
  assert.equal(parseCommandLine(["sft", "--help"], commands, info), 0);
  assert.match(out.join(""), /^Usage: dnpo sft \[options\] <CONFIG>/);
  assert.equal(err.length, 0);
  assert.equal(parseCommandLine(["sft"], commands, info), 1);
  assert.match(err.join(""), /missing required argument/);
});

Deno.test("commands have help that ends its sentences and examples of themselves", () => {
  for (const { name, summary, description, examples } of commands) {
    assert.match(description, /^[A-Z].*\.$/, name);
    assert.doesNotMatch(summary, /\.$/, name);
    assert(examples.length > 0, name);
    for (const [line] of examples) {
      // Also within `$(…)`, and before `> FILE`.
      const [, words] = /dnpo ([^>)]*[^ >)])/.exec(line) ?? [];
      assert(words !== undefined && words.startsWith(name), line);
      assert.equal(typeof parseCommandLine(words.split(" "), commands, { version: "1" }), "function", line);
    }
  }
});

Deno.test("parseCommandLine() gives a command its second argument, and demands it", async () => {
  const given: unknown[] = [];
  const recording = commands.map((entry): CommandEntry => ({
    ...entry,
    run: (...all) => Promise.resolve(given.push(...all)),
  }));
  const errors: string[] = [];
  const info = { version: "1", writeErr: (text: string) => errors.push(text) };
  const invocation = parseCommandLine(["push", "runs/a", "me/new", "--dry-run", "--card", "c.md"], recording, info);
  assert(typeof invocation === "function");
  await invocation();
  assert.deepEqual(given, ["runs/a", { dryRun: true, card: "c.md" }, "me/new"]);
  assert.equal(parseCommandLine(["push", "runs/a"], recording, info), 1);
  assert.deepEqual(errors, ["error: missing required argument 'REPO'\n"]);
});

Deno.test("evaluate says what lm-eval's options are called here", () => {
  for (
    const [words, says] of [
      [
        ["--model", "hf", "--model_args", "pretrained=m"],
        /^error: unknown option '--model_args': expected the model as/,
      ],
      [
        ["m", "--batch_size=8"],
        /^error: unknown option '--batch_size': expected --batch-tokens, which counts tokens\n$/,
      ],
      [["m", "-s"], /^error: unknown option '-s': samples are always written, beside the results\n$/],
      [["m", "--num_fewshot", "5"], /^error: unknown option '--num_fewshot'\n\(Did you mean --num-fewshot\?\)\n$/],
    ] as const
  ) {
    const err: string[] = [];
    const info = { version: "1", writeErr: (text: string) => err.push(text) };
    assert.equal(parseCommandLine(["evaluate", ...words], commands, info), 1);
    assert.match(err.join(""), says);
  }
});
