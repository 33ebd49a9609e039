/**
 * Runs the one gate: format, lint, lock, types, imports and links together, then doc examples and tests. With the
 * argument `e2e`, runs the tests that run commands as processes, including the documentation's; with `cluster`, `shared`
 * or `soak`, the tests of that folder. @module
 */
import { relative, resolve } from "node:path";
import { checkImports } from "./check_imports.ts";
import { checkLinks } from "./check_links.ts";
import { checkPlatform } from "./check_platform.ts";
import { TEST_PROCESS_ENV } from "./test_process.ts";

/** Environment variables that tests and what they test may read and set; all others read as absent. */
const TEST_ENV = ["XDG_RUNTIME_DIR", "NO_COLOR", "FORCE_COLOR", "DNPO_SHARED", "DNPO_CACHE", "OTEL_DENO"];

/** The permissions that tests get; `programs` are those that they may run besides Deno. */
export function permissions(...programs: string[]): string[] {
  const run = [Deno.execPath(), ...programs].join(",");
  return [
    "--allow-read",
    "--allow-write",
    "--allow-net=127.0.0.1,localhost",
    `--allow-env=${TEST_ENV.join(",")}`,
    "--ignore-env",
    `--allow-run=${run}`,
  ];
}

interface Step {
  name: string;
  /** Runs the step. Returns whether it passed, and prints why if it did not. */
  run: () => Promise<boolean>;
}

/** Steps that run together, and after them the next ones, unless one has failed. */
const GATE: readonly (readonly Step[])[] = [
  // A package that is fetched while a test's program runs would be told on its standard error.
  [{ name: "packages", run: () => quietly(["install", "--frozen", "--quiet"]) }],
  [
    { name: "format", run: async () => report(await formatProblems(Deno.cwd())) },
    { name: "lint", run: () => quietly(["lint", "--quiet"]) },
    // The doc examples' too, which the program's own types are checked for once.
    { name: "types", run: () => quietly(["check", "--frozen", "--quiet", "--doc", ".", "README.md"]) },
    { name: "lock", run: async () => report(lockProblems(await Deno.readTextFile("deno.lock"))) },
    {
      name: "imports",
      run: async () => report([...await checkImports(Deno.cwd()), ...await checkPlatform(Deno.cwd())]),
    },
    { name: "links", run: async () => report(await checkLinks(Deno.cwd())) },
  ],
  [{ name: "doc examples and tests", run: runTests }],
];

function runTests(): Promise<boolean> {
  // bash runs completion scripts, and a child whose memory is limited.
  const test = ["test", "--frozen", "--no-check", ...permissions("bash")];
  // Parts that take about as long. Fewer would wait for the device so often that cores are idle.
  const runs = ["tests/core/evaluate", "tests/core/loop", "tests/core/run", "tests/parity"];
  const kernels = ["tests/core/model", "tests/kernels"];
  const elsewhere = ["tests/cluster", "tests/e2e", "tests/docs", "tests/shared", "tests/soak"];
  const rest = `--ignore=${[...elsewhere, ...runs, ...kernels].join(",")}`;
  const examples = ["--doc", ...permissions(), "mod.ts", "engine.ts", "README.md", "core", "kernels"];
  return besides([
    [...test, rest, "tests"],
    [...test, ...runs],
    [...test, ...kernels],
    ["test", "--frozen", "--no-check", ...examples],
  ]);
}

/** Lines of a deno.lock that hold a download address: addresses differ between mirrors, integrity hashes do not. */
export function lockProblems(text: string): string[] {
  return text.split("\n").flatMap((line, i) =>
    /https?:/.test(line) ? [`deno.lock:${i + 1} holds a download address: ${line.trim()}`] : []
  );
}

/** The files of a folder that are not as `deno fmt` writes them, a line each, and what it says where it cannot read one. */
export async function formatProblems(folder: string): Promise<string[]> {
  // With --quiet it names no file.
  const options = { args: ["fmt", "--check"], cwd: folder, env: { ...TEST_PROCESS_ENV, NO_COLOR: "1" } };
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { ...options, stdin: "null" }).output();
  if (success) return [];
  const said = new TextDecoder().decode(stderr).trimEnd();
  const root = await Deno.realPath(folder);
  const named = [...said.matchAll(/^from (.+):$/gm)].map(([, path]) =>
    `${relative(root, path!)} is not formatted, as deno fmt does it`
  );
  const unread = [...said.matchAll(/^Error checking: (.+)\n +(.+)$/gm)].map(([, path, why]) =>
    `${relative(root, path!)} cannot be formatted: ${why}`
  );
  const problems = [...named, ...unread].sort();
  return problems.length === 0 ? [said] : problems;
}

function report(problems: string[]): boolean {
  for (const problem of problems) console.error(problem);
  return problems.length === 0;
}

async function deno(args: string[], env: Record<string, string> = {}): Promise<boolean> {
  const options = { args, env: { ...TEST_PROCESS_ENV, ...env } };
  const child = new Deno.Command(Deno.execPath(), { ...options, stdin: "null" }).spawn();
  return (await child.status).success;
}

/** As {@linkcode deno}; prints nothing before the end, so that lines of several do not mix. */
async function quietly(args: string[]): Promise<boolean> {
  const options = { args, env: TEST_PROCESS_ENV, stdin: "null" } as const;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), options).output();
  writeAll(Deno.stdout, stdout);
  writeAll(Deno.stderr, stderr);
  return success;
}

/**
 * Runs Deno several times at a time; what the others print follows the first one's. Processes, since tests measure the
 * memory and the time of their own.
 */
async function besides([first, ...more]: string[][], env: Record<string, string> = {}): Promise<boolean> {
  const options = { env: { ...TEST_PROCESS_ENV, ...env }, stdin: "null" } as const;
  const others = more.map((args) => new Deno.Command(Deno.execPath(), { args, ...options }).output());
  let passed = await deno(first!, env);
  for (const other of others) {
    const { success, stdout, stderr } = await other;
    writeAll(Deno.stdout, stdout);
    writeAll(Deno.stderr, stderr);
    passed &&= success;
  }
  return passed;
}

function writeAll(to: { writeSync: (bytes: Uint8Array) => number }, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += to.writeSync(bytes.subarray(at));
}

async function runGate(): Promise<boolean> {
  for (const steps of GATE) {
    const passed = await Promise.all(steps.map(async ({ name, run }) => {
      const start = performance.now();
      const isPassed = await run();
      console.log(`gate ${name}: ${isPassed ? "ok" : "FAILED"} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
      return isPassed;
    }));
    if (passed.includes(false)) return false;
  }
  return true;
}

async function runShared(): Promise<boolean> {
  const folder = resolve(Deno.env.get("DNPO_SHARED") ?? "../shared");
  const there = await Deno.stat(folder).then((info) => info.isDirectory, () => false);
  if (!there) {
    console.log("shared: NOT RUN");
    return true;
  }
  // python3 opens saved models with PyTorch and transformers.
  const test = ["test", "--frozen", "--no-check", ...permissions("python3", "/usr/bin/python3")];
  return await besides(halves(test, "tests/shared", ["likelihood", "oracle", "real_input"]), { DNPO_SHARED: folder });
}

function runE2e(): Promise<boolean> {
  // bash runs `script`, which gives a program a terminal; a browser opens the pages of `dnpo watch`.
  const test = ["test", "--frozen", "--no-check", ...permissions("bash", "chromium", "/usr/bin/chromium")];
  const runs = ["checksums", "determinism", "gpu_limits", "signals", "states", "trouble"];
  return besides([...halves(test, "tests/e2e", runs), [...test, "tests/docs"]]);
}

/** A folder's tests in two processes that take about as long: these files in the second. */
function halves(test: readonly string[], folder: string, second: readonly string[]): string[][] {
  const files = second.map((name) => `${folder}/${name}_test.ts`);
  return [[...test, `--ignore=${files.join(",")}`, folder], [...test, ...files]];
}

function runSoak(): Promise<boolean> {
  // unshare gives a test a file system of its own, which it fills up; ranks are found and killed.
  const programs = ["unshare", "mpirun.openmpi", "mpirun.mpich", "ps", "kill"];
  return deno(["test", "--frozen", "--no-check", ...permissions(...programs), "tests/soak"]);
}

/**
 * Where an MPI library is missing, its tests print NOT RUN. bash and shellcheck read the scripts of examples/cluster, and
 * unshare makes another machine of one.
 */
function runCluster(): Promise<boolean> {
  return deno([
    "test",
    "--frozen",
    "--no-check",
    "--permit-no-files",
    ...permissions("mpirun.openmpi", "mpirun.mpich", "bash", "shellcheck", "unshare"),
    "tests/cluster",
  ]);
}

const SUITES: Record<string, () => Promise<boolean>> = {
  gate: runGate,
  e2e: runE2e,
  shared: runShared,
  soak: runSoak,
  cluster: runCluster,
};

if (import.meta.main) {
  const [name = "gate", ...rest] = Deno.args;
  const suite = rest.length === 0 ? SUITES[name] : undefined;
  if (suite === undefined) {
    console.error(`Unknown argument "${Deno.args.join(" ")}", expected cluster, e2e, shared, soak or none`);
  }
  Deno.exit(await suite?.() ? 0 : 1);
}
