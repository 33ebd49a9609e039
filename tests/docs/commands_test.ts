import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { denoArgs, succeeded, withFolder } from "../_shared/dnpo.ts";
import { stepsOf, wordsOf } from "./_pages.ts";
import { startWorld, type World } from "./_world.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Where the pages say that the judge is. */
const JUDGE = "http://localhost:11434/v1";

/** Commands that .ci/run runs itself. */
const RUN_BY_CI = ["deno task -q train", "deno task -q test"];

/** Pages of results, without commands. */
const RECORDS = ["memory.md"];

const pages: string[] = [];
for await (const { name } of Deno.readDir(`${ROOT}docs`)) {
  if (name.endsWith(".md") && !RECORDS.includes(name)) pages.push(name);
}

Deno.test("stepsOf() finds files and commands, wordsOf() takes quotes apart", () => {
  const page =
    "Text.\n\n```yaml a.yaml\nx: 1\n```\n\n```sh\n# all\ndnpo train a.yaml   # goes\n\n```\n\n```text\nno\n```\n";
  deepEqual(stepsOf(page), [
    { kind: "file", name: "a.yaml", text: "x: 1\n", line: 4 },
    { kind: "command", command: "dnpo train a.yaml", line: 9 },
  ]);
  deepEqual(wordsOf(`dnpo chat --prompt "two words" 'x y' z`), ["dnpo", "chat", "--prompt", "two words", "x y", "z"]);
  throws(() => wordsOf("dnpo score > file"), /needs a shell/);
});

for (const name of pages.sort()) {
  Deno.test(`every command of docs/${name} works`, async (t) => {
    await using world = await startWorld();
    const steps = stepsOf(await Deno.readTextFile(`${ROOT}docs/${name}`));
    await withFolder(async (cwd) => {
      await Deno.symlink(`${ROOT}examples`, `${cwd}/examples`);
      for (const step of steps) {
        if (step.kind === "file") {
          await Deno.writeTextFile(`${cwd}/${step.name}`, step.text.replaceAll(JUDGE, world.judge.url));
        } else {
          await t.step(`docs/${name}:${step.line} ${step.command}`, async () => {
            await runCommand(step.command, { cwd, world });
          });
        }
      }
    });
    ok(world.hub.requests.every(({ status }) => status < 500));
  });
}

const recipes: string[] = [];
for await (const { name } of Deno.readDir(`${ROOT}examples/recipes`)) {
  if (name.endsWith(".yaml")) recipes.push(name);
}

for (const name of recipes.sort()) {
  Deno.test(`examples/recipes/${name} resolves, with models of its names made small`, async () => {
    await using world = await startWorld();
    await withFolder(async (cwd) => {
      await Deno.symlink(`${ROOT}examples`, `${cwd}/examples`);
      const out = await runCommand(`dnpo plan examples/recipes/${name} --no-time --json`, { cwd, world });
      const { data, stages, advice } = JSON.parse(out);
      deepEqual(advice, []);
      ok(data.kept >= 8 && stages.some(({ stage }: { stage: string }) => stage === "optimize"));
    });
  });
}

async function runCommand(command: string, { cwd, world }: { cwd: string; world: World }): Promise<string> {
  if (RUN_BY_CI.includes(command)) return "";
  const [program, ...args] = wordsOf(command.replaceAll(JUDGE, world.judge.url));
  equal(program, "dnpo", `docs may show dnpo's commands and ${RUN_BY_CI.join(", ")}`);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: denoArgs(args),
    cwd,
    env: {
      NO_COLOR: "1",
      RUST_BACKTRACE: "0",
      HF_ENDPOINT: world.hub.url,
      HF_HOME: `${cwd}/hub`,
      HF_TOKEN: "hf_of_the_tests",
    },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return succeeded(args, { code, out: text(stdout), err: text(stderr) });
}
