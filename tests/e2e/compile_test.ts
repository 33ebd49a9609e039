/**
 * What `deno compile` lays into the binary. The runtime that it downloads is not at hand: Deno itself stands in for it,
 * so that the binary starts as Deno, and only the list of its files tells. @module
 */
import { doesNotMatch, equal, match, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import denoConfig from "../../deno.json" with { type: "json" };
import { taskCommand, withFolder } from "../_shared/dnpo.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** The most bytes of all files, in MB. */
const MOST = 45;

Deno.test("the binary holds the program, its workers, shaders and quick start, and nothing of tests and benchmarks", () =>
  withFolder(async (dir) => {
    const [whole, tool] = [taskCommand(denoConfig.tasks.compile), /\$\(deno info --json \| deno (run [^)]*)\)/];
    const info = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
    const excludes = new Deno.Command(Deno.execPath(), {
      args: tool.exec(whole)![1]!.split(" "),
      cwd: ROOT,
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    await new Response(info.stdout).body!.pipeTo(excludes.stdin);
    const [program, ...args] = whole.replace(tool, text((await excludes.output()).stdout).trim()).split(/\s+/);
    equal(program, "deno");
    args.splice(1, 0, "--no-check");
    args[args.indexOf("--output") + 1] = `${dir}/dnpo`;
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args,
      cwd: ROOT,
      env: { NO_COLOR: "1", DENORT_BIN: Deno.execPath() },
    }).output();
    const list = text(stdout) + text(stderr);
    equal(code, 0, list.slice(-2000));
    const has = (name: string): void => match(list, new RegExp(`[─/ ]${name}( |/|$)`, "m"));
    // A folder that is held whole is listed as one line, `FOLDER/*`.
    const hasFile = (folder: string, file: string): void => match(list, new RegExp(`[─/ ](${folder}/\\*|${file}) `));
    has("quickstart");
    for (const name of ["config\\.yaml", "rows\\.jsonl", "eval\\.jsonl", "verifier\\.ts"]) hasFile("quickstart", name);
    for (const name of ["commander", "zod", "yaml", "hyparquet", "openai", "@opentelemetry"]) has(name);
    hasFile("commands", "train_command\\.ts");
    for (const folder of ["attention", "lm_head", "matmul", "norm", "optimizer"]) hasFile(folder, "[a-z_]+\\.wgsl");
    // Workers are loaded by their address, which Deno does not see.
    hasFile("data", "encode_worker\\.ts");
    hasFile("label", "verifier_worker\\.ts");
    hasFile("device", "tune_worker\\.ts");
    doesNotMatch(list, /tfjs|jax-js|fast-check|ajv|[─ ](tests|bench|tools|docs)( |\/)/);
    const [, size] = /^Files: ([\d.]+)MB/m.exec(list)!;
    ok(Number(size) <= MOST, `${size} MB`);
  }));
