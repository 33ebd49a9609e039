/** dnpo from a folder of the user's own: by `deno task` and as an installed command. @module */
import { equal, match, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { withFolder } from "../_shared/dnpo.ts";
import { jsonLines, tinyRows, writeTinyModel } from "../_shared/tiny_model.ts";

const SETTINGS = fileURLToPath(new URL("../../deno.json", import.meta.url));

async function runIn(
  cwd: string,
  program: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd,
    // The task finds Deno by its path, and a variable of npm's would stand for another folder.
    env: { NO_COLOR: "1", RUST_BACKTRACE: "0", DNPO_CACHE: "", INIT_CWD: cwd, ...env },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

/** A folder with a model, rows and a config that names both by relative paths. */
function withProject(use: (dir: string) => Promise<void>): Promise<void> {
  return withFolder(async (dir) => {
    await writeTinyModel(`${dir}/model`);
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(tinyRows(4)));
    const config = { model: "model", method: "sft", data: { train: "rows.jsonl" }, training: { max_steps: 1 } };
    await Deno.writeTextFile(`${dir}/mine.yaml`, JSON.stringify(config));
    await use(dir);
  });
}

Deno.test("under deno task relative paths are those of the caller's folder, whose command line is not repeated", () =>
  withProject(async (dir) => {
    const task = ["task", "--config", SETTINGS, "dnpo"];
    const { code, err } = await runIn(dir, Deno.execPath(), [...task, "sft", "mine.yaml", "--quiet"]);
    equal(code, 0, err);
    ok((await Deno.stat(`${dir}/runs/mine/model/model.safetensors`)).isFile);
    const echo = err.split("\n").find((line) => line.startsWith("Task dnpo"))!;
    ok(echo.length < 250, echo);
    const away = await runIn(dir, Deno.execPath(), [...task, "config", "nothing.yaml"]);
    match(away.err, /error: Cannot read config "nothing\.yaml": there is no such file/);
  }));

Deno.test("deno task install makes dnpo a command, which works in any folder", () =>
  withProject(async (dir) => {
    const root = `${dir}/installed`;
    const installed = await runIn(dir, Deno.execPath(), ["task", "-q", "--config", SETTINGS, "install"], {
      DENO_INSTALL_ROOT: root,
    });
    equal(installed.code, 0, installed.err);
    const dnpo = `${root}/bin/dnpo`;
    const path = { PATH: `${Deno.execPath().replace(/\/[^/]*$/, "")}:/usr/bin:/bin` };
    const { code, err } = await runIn(dir, "bash", [dnpo, "sft", "mine.yaml", "--quiet"], path);
    equal(code, 0, err);
    ok((await Deno.stat(`${dir}/runs/mine/model/model.safetensors`)).isFile);
    match((await runIn(dir, "bash", [dnpo, "completions", "bash"], path)).out, /^# bash completion for dnpo/);
  }));
