import assert from "node:assert/strict";
import denoConfig from "../../deno.json" with { type: "json" };
import { dnpo as asTask, withFolder } from "../_shared/dnpo.ts";
import { runModule } from "./_process.ts";

const main = new URL("../../cli/main.ts", import.meta.url);

function dnpo(...args: string[]) {
  return runModule(main, { args });
}

Deno.test("dnpo --help lists the commands and exits 0, needing no permission", async () => {
  const { code, out, err } = await runModule(main, { args: ["--help"], permissions: [] });
  assert.deepEqual([code, err], [0, ""]);
  const names = ["init", "train", "sft", "generate", "label", "optimize", "score", "compare", "chat", "export", "push"];
  for (const name of [...names, "config", "plan", "runs", "doctor", "tune", "completions", "help", "version"]) {
    assert.match(out, new RegExp(`^  ${name} `, "m"));
  }
  assert.match(out, /^Examples:\n {2}dnpo train\n {6}a small model /m);
});

Deno.test("dnpo --version prints the version of deno.json", async () => {
  assert.deepEqual(await dnpo("--version"), { code: 0, out: `${denoConfig.version}\n`, err: "" });
});

Deno.test("dnpo help and dnpo version do what the options do", async () => {
  assert.deepEqual(await dnpo("help"), await dnpo("--help"));
  assert.deepEqual(await dnpo("help", "train"), await dnpo("train", "--help"));
  assert.deepEqual(await dnpo("version"), await dnpo("--version"));
  const error = "error: Cannot help with trian: there is no such command, expected train\n";
  assert.deepEqual(await dnpo("help", "trian"), { code: 1, out: "", err: error });
});

Deno.test("dnpo COMMAND --help shows options and examples", async () => {
  const { code, out } = await dnpo("train", "--help");
  assert.equal(code, 0);
  for (const part of ["[CONFIG]", "--set <key=value>", "--dtype", "--no-verifier", "--quiet", "Examples:"]) {
    assert(out.includes(part), part);
  }
});

Deno.test("dnpo without a command shows its help on standard error and exits 1", async () => {
  const { code, out, err } = await dnpo();
  assert.deepEqual([code, out], [1, ""]);
  assert.match(err, /^Usage: dnpo/);
});

Deno.test("dnpo --mpi COMMAND says which commands work on several ranks, and how to get the permission", async () => {
  const refused = "error: Cannot run chat with --mpi: it does not work on several ranks, expected one of " +
    "train, sft, generate, label, optimize, evaluate, doctor\n";
  assert.deepEqual(await dnpo("--mpi", "chat", "model"), { code: 1, out: "", err: refused });
  // Any file stands for the library: it may not be loaded.
  const DNPO_MPI = await Deno.realPath(Deno.execPath());
  const error =
    `error: Cannot open MPI: ${DNPO_MPI} may not be loaded, expected the permission that \`deno task dnpo:mpi\` gives, or --allow-ffi=${DNPO_MPI}\n`;
  assert.deepEqual(await asTask(["--mpi", "doctor"], { DNPO_MPI }), { code: 1, out: "", err: error });
});

Deno.test.each([
  [["trian"], /^error: unknown command 'trian'\n\(Did you mean train\?\)\n$/],
  [["train", "--sett", "a=1"], /^error: unknown option '--sett'\n\(Did you mean --set\?\)\n$/],
  [["optimize"], /^error: missing required argument 'CONFIG'\n$/],
  [["optimize", "a.yaml", "b.yaml"], /^error: too many arguments/],
  [["score", "--model", "m"], /^error: required option '-p, --pairs <file>' not specified\n$/],
  [["train", "--set"], /^error: option '-s, --set <key=value>' argument missing\n$/],
  [["train", "--dtype", "f8"], /^error: option '--dtype <type>' argument 'f8' is invalid. Allowed choices are float32/],
])("dnpo %j is a mistake: one error and exit code 1", async (args, message) => {
  const { code, out, err } = await dnpo(...args);
  assert.deepEqual([code, out], [1, ""]);
  assert.match(err, message);
});

Deno.test("dnpo --verbose-ranks without --mpi is a mistake", async () => {
  const err = "error: Cannot run plan with --verbose-ranks: it is one process, expected --mpi beside it\n";
  assert.deepEqual(await dnpo("--verbose-ranks", "plan", "a.yaml"), { code: 1, out: "", err });
});

Deno.test("dnpo runs before the first run says where it looked, and a folder that was named has to be there", () =>
  withFolder(async (dir) => {
    const told = async (...args: string[]): Promise<[number, string, string]> => {
      const permissions = ["--allow-read", "--allow-env"];
      const { code, out, err } = await runModule(main, {
        args: ["runs", ...args],
        permissions,
        env: { DNPO_CWD: dir },
      });
      return [code, out, err];
    };
    const at = `${await Deno.realPath(dir)}/runs`;
    assert.deepEqual(await told(), [0, "", `No runs: there is no folder ${at}\n`]);
    assert.deepEqual(await told("--json"), [0, "[]\n", ""]);
    assert.deepEqual(await told("runs"), [1, "", "error: Cannot list runs: there is no folder runs\n"]);
  }));

Deno.test("a folder of the caller's that is not there is not believed, and told", async () => {
  const permissions = ["--allow-read", "--allow-env"];
  for (const folder of ["/nowhere", main.pathname]) {
    const { code, err } = await runModule(main, { args: ["runs", "."], permissions, env: { DNPO_CWD: folder } });
    assert.equal(code, 0, err);
    assert.match(
      err,
      new RegExp(
        `^Warning: INIT_CWD, which another task has set, names no folder \\(${folder}\\): relative paths are those of /`,
      ),
    );
  }
});
