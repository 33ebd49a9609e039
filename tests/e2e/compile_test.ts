/**
 * What `deno compile` lays into the binary. The runtime that it downloads is not at hand: Deno itself stands in for it,
 * so that the binary starts as Deno, and only the list of its files tells. @module
 */
import { doesNotMatch, equal, match, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import denoConfig from "../../deno.json" with { type: "json" };
import { taskCommand, withFolder } from "../_shared/dnpo.ts";

/** The most bytes of all files, in MB. */
const MOST = 45;

Deno.test("the binary holds the program, its workers, shaders and quick start, and nothing of tests and benchmarks", () =>
  withFolder(async (dir) => {
    const [program, ...args] = taskCommand(denoConfig.tasks.compile).split(/\s+/);
    equal(program, "deno");
    args.splice(1, 0, "--no-check");
    args[args.indexOf("--output") + 1] = `${dir}/dnpo`;
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args,
      cwd: fileURLToPath(new URL("../../", import.meta.url)),
      env: { NO_COLOR: "1", DENORT_BIN: Deno.execPath() },
    }).output();
    const list = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    equal(code, 0, list.slice(-2000));
    const has = (name: string): void => match(list, new RegExp(`[─/ ]${name}( |/|$)`, "m"));
    for (const name of ["commands", "quickstart", "attention", "matmul", "storage", "loop", "engine.ts"]) has(name);
    // Workers are loaded by their address, which Deno does not see.
    for (const folder of ["data", "label", "device"]) has(folder);
    for (const name of ["commander", "zod", "yaml", "hyparquet", "openai", "@opentelemetry"]) has(name);
    doesNotMatch(list, /tfjs|jax-js|fast-check|ajv|[─ ](tests|bench|tools|docs)( |\/)/);
    const [, size] = /^Files: ([\d.]+)MB/m.exec(list)!;
    ok(Number(size) <= MOST, `${size} MB`);
  }));
