/**
 * The command line as a process, with exactly the permissions that deno.json's task `dnpo` gives it; where tests run on
 * Dawn, with those of `dnpo:dawn`. @module
 */
import { AssertionError } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import denoConfig from "../../deno.json" with { type: "json" };

/** How a process ended. */
export interface Ended {
  code: number;
  out: string;
  err: string;
}

/** A config as data: JSON is YAML. */
export type Config = { output_dir: string } & Record<string, unknown>;

const repository = fileURLToPath(new URL("../../", import.meta.url));

/** A task's command line, each `$(cat FILE)` in it read as the task's shell does. */
export function taskCommand({ command }: { command: string }): string {
  return command.replace(
    /\$\(cat (\S+)\)/g,
    (_, file) => Deno.readTextFileSync(`${repository}${file}`).trim().split(/\s+/).join(" "),
  );
}

const dawn = Deno.env.get("DNPO_DAWN");

const flags = /deno (run .*) cli\/main\.ts$/.exec(taskCommand(denoConfig.tasks.dnpo))?.[1]?.split(" ");

/** The arguments of Deno that make `dnpo ARGS`. Deno itself is quiet: what it fetches first is not the program's word. */
export function denoArgs(args: readonly string[]): string[] {
  if (!flags) throw new Error("deno.json: the task dnpo ends in no `deno run … cli/main.ts`");
  const [run, ...rest] = flags;
  const more = dawn ? [`--allow-ffi=${dawn}`] : [];
  return [run!, "--quiet", ...rest, ...more, `${repository}cli/main.ts`, ...args];
}

/** Starts `dnpo ARGS`, for a test that ends it before its time. */
export function startDnpo(args: readonly string[], env: Record<string, string> = {}): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: denoArgs(args),
    cwd: repository,
    // Without a cache the kernels are the fixed default.
    env: { NO_COLOR: "1", RUST_BACKTRACE: "0", DNPO_CACHE: "", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs `dnpo ARGS` to its end. */
export async function dnpo(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const { code, stdout, stderr } = await startDnpo(args, env).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

/** Writes the config beside its output folder, and returns the file's path. */
export async function writeConfig(config: Config): Promise<string> {
  const path = `${config.output_dir}.yaml`;
  await Deno.writeTextFile(path, JSON.stringify(config, null, 1));
  return path;
}

/** Runs a command with a config, and throws what it printed where it fails. */
export async function runConfig(
  command: string,
  config: Config,
  { set = [], env = {} }: { set?: string[]; env?: Record<string, string> } = {},
): Promise<void> {
  const args = [command, await writeConfig(config), "--quiet", ...set.flatMap((item) => ["--set", item])];
  succeeded(args, await dnpo(args, env));
}

/** What a command wrote on standard error besides warnings, which a quiet one has too. */
export function withoutWarnings(err: string): string {
  return err.replace(/^Warning: .*\n/gm, "");
}

/** Throws what a process printed where it did not succeed; returns its standard output. */
export function succeeded(args: readonly string[], { code, out, err }: Ended): string {
  if (code !== 0) {
    throw new AssertionError({ message: `dnpo ${args.join(" ")} exited with ${code}:\n${err.slice(-4000)}` });
  }
  return out;
}

/** Runs `use` with an empty folder that is removed afterwards. */
export async function withFolder<T>(use: (dir: string) => Promise<T>): Promise<T> {
  const dir = await Deno.makeTempDir({ prefix: "dnpo-" });
  try {
    return await use(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}
