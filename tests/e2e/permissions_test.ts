/** The tasks' permissions: without any one of them the one line names it, and with them all nothing else is asked for. @module */
import { deepEqual, equal, match } from "node:assert/strict";
import { denoArgs, writeConfig } from "../_shared/dnpo.ts";
import { withTinyRun } from "./_tiny_run.ts";

const LINES: readonly (readonly [without: RegExp, error: RegExp])[] = [
  [
    /^--allow-read/,
    /^error: Permission is missing: Requires read access to "\S+\.yaml", run again with the --allow-read/,
  ],
  [
    /^--allow-write/,
    /^error: Cannot make the run's folder \S+: Requires write access to "\S+", run again with the --a/,
  ],
  // Names of variables are asked for by packages, which read them as absent with --ignore-env.
  [
    /^--(allow|ignore)-env/,
    /^error: Permission is missing: Requires env access to "\w+", run again with the --allow-env/,
  ],
];

Deno.test("without a permission the one-line error names it", () =>
  withTinyRun(async (_dir, config) => {
    const args = denoArgs(["train", await writeConfig(config("run")), "--quiet"]);
    equal(args.some((arg) => /^--allow-(all|ffi|run|sys)|^-A$/.test(arg)), false, args.join(" "));
    await Promise.all(LINES.map(async ([without, error]) => {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-prompt", ...args.slice(1).filter((arg) => !without.test(arg))],
        env: { NO_COLOR: "1", RUST_BACKTRACE: "0" },
        stdin: "null",
      }).output();
      const err = new TextDecoder().decode(stderr);
      match(err, error);
      match(err, /^[^\n]+\n$/);
      deepEqual([code, stdout.length], [1, 0]);
    }));
  }));
