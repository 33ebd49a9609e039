import assert from "node:assert/strict";
import { commands } from "../../cli/command_table.ts";
import { completionScript, SHELLS } from "../../cli/completion_scripts.ts";

const keys = ["training.beta", "training.learning_rate", "data.train", "method"];
const words = { method: ["sft", "spin", "dpo"] };

/** What bash completes for command lines, in a folder with a file and a folder. */
async function completeInBash(lines: readonly (readonly string[])[]): Promise<string[][]> {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${dir}/my config.yaml`, "");
    await Deno.mkdir(`${dir}/models`);
    const script = completionScript("bash", { commands, keys, words });
    const calls = lines.map((words) => `complete_line ${["dnpo", ...words].map((word) => `'${word}'`).join(" ")}`);
    const text = `${script}
complete_line() {
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
  _dnpo
  (IFS='|'; echo "\${COMPREPLY[*]}")
}
${calls.join("\n")}`;
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      args: ["--norc", "-u", "-c", text],
      cwd: dir,
    }).output();
    assert.deepEqual([code, new TextDecoder().decode(stderr)], [0, ""]);
    return new TextDecoder().decode(stdout).split("\n").slice(0, -1).map((line) => line.split("|"));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("bash completes commands, options, choices, keys, files and folders", async () => {
  const cases: [string[], string[]][] = [
    [["do"], ["doctor"]],
    [["--v"], ["--version", "--verbose-ranks"]],
    [["he"], ["help"]],
    [["help", "do"], ["doctor"]],
    [["--mp"], ["--mpi"]],
    [["train", "--dt"], ["--dtype"]],
    [["train", "--dtype", "f"], ["float32", "float16"]],
    [["train", "a.yaml", "-s", "training."], ["training.beta=", "training.learning_rate="]],
    [["train", "my"], ["my config.yaml"]],
    // Bash takes = for a word by itself.
    [["train", "a.yaml", "-s", "method", "="], ["sft", "spin", "dpo"]],
    [["train", "a.yaml", "-s", "method", "=", "s"], ["sft", "spin"]],
    [["train", "a.yaml", "-s", "method", "=", "my"], [""]],
    [["train", "a.yaml", "-s", "data.train", "=", "my"], ["my config.yaml"]],
    [["score", "--model", ""], ["models"]],
    [["score", "--pairs", "m"], ["models", "my config.yaml"]],
    [["completions", ""], ["bash", "zsh", "fish"]],
    [["runs", ""], ["models"]],
    [["compare", "mo"], ["models"]],
    [["compare", "a", "mo"], ["models"]],
    [["compare", "a", "b", "--prompts", "my"], ["my config.yaml"]],
    [["doctor", "m"], [""]],
  ];
  const found = await completeInBash(cases.map(([words]) => words));
  assert.deepEqual(found.map((words) => words.toSorted()), cases.map(([, words]) => words.toSorted()));
});

Deno.test("an option whose value is a file or a folder completes it", () => {
  for (const { name, options } of commands) {
    for (const { flags, path } of options) {
      const kind = /<(file|dir)>/.exec(flags)?.[1];
      if (kind) assert(path !== undefined, `${name} ${flags}`);
    }
  }
});

Deno.test("every command offers all its options, and every script every command", async () => {
  const offered = await completeInBash(commands.map(({ name }) => [name, "-"]));
  for (const [i, { name, options }] of commands.entries()) {
    const flags = options.flatMap((option) => option.flags.match(/(?<![\w-])--?[\w-]+/g) ?? []);
    assert.deepEqual(offered[i]!.toSorted(), [...flags, "-h", "--help"].toSorted(), name);
  }
  for (const shell of SHELLS) {
    const script = completionScript(shell, { commands, keys, words });
    for (const { name } of commands) assert.match(script, new RegExp(`\\b${name}\\b`), `${shell} ${name}`);
    assert(script.includes("training.beta"), shell);
    assert.match(script, /(-l |--)verbose-ranks['" ]/, shell);
    // The names behind `help`, in the shell's own notation.
    const names = commands.map(({ name }) => name).join(" ");
    const helped = {
      bash: `help) if [[ $cur == -* ]]; then _dnpo_words "-h --help"; return; fi; _dnpo_words "${names}"`,
      zsh: `'1::COMMAND:(${names})'`,
      fish: `from help' -a '${names}'`,
    };
    assert(script.includes(helped[shell]), shell);
    assert.match(script, /\bspin\b/, shell);
  }
});
