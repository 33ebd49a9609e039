/** How long a command takes to begin: the help, and the first step of the quick start with kernels cold and warm. @module */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Context, Result, Spec } from "../bench_types.ts";
import { fact, median, seconds } from "../measure.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const HELPS = 7;
const WARM = 3;

/** The cases. */
export function startSpecs(): Spec[] {
  return [
    { name: "start/help", quick: false, run: runHelp },
    { name: "start/first-step", quick: false, run: runFirstStep },
  ];
}

/** Runs the command line with the permissions of `deno task dnpo`, Mesa's cache in `cache`; throws where it fails. */
async function dnpo(args: readonly string[], cache: string): Promise<string> {
  const permissions = ["--allow-read", "--allow-write", "--allow-env=XDG_RUNTIME_DIR,NO_COLOR,FORCE_COLOR,DNPO_DEBUG"];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--frozen", "--no-check", ...permissions, "--ignore-env", "cli/main.ts", ...args],
    cwd: ROOT,
    env: { MESA_SHADER_CACHE_DIR: cache, XDG_RUNTIME_DIR: "/tmp" },
    stdin: "null",
  }).output();
  if (!success) throw new Error(`dnpo ${args.join(" ")}: ${new TextDecoder().decode(stderr).trim()}`);
  return new TextDecoder().decode(stdout);
}

async function runHelp({ folder }: Context): Promise<Result[]> {
  const times: number[] = [];
  for (let i = 0; i < HELPS; i++) {
    times.push(
      await seconds(async () => {
        const text = await dnpo(["--help"], folder);
        if (!text.includes("Usage: dnpo")) throw new Error(`dnpo --help printed ${JSON.stringify(text.slice(0, 80))}`);
      }),
    );
  }
  return [fact("start/help", "seconds", median(times))];
}

/** A whole `dnpo optimize` of one step with the quick start's settings: start, load, reference, step, save. */
async function runFirstStep({ folder }: Context): Promise<Result[]> {
  const pairs = join(folder, "pairs.jsonl");
  const rows = (await Deno.readTextFile(join(ROOT, "examples/quickstart/rows.jsonl"))).split("\n").slice(0, 65)
    .map((line) => JSON.parse(line) as { prompt: string; response: string });
  const lines = rows.slice(0, 64).map(({ prompt, response }, i) =>
    JSON.stringify({ prompt, chosen: response, rejected: `${rows[i + 1]!.response}a` }) + "\n"
  );
  await Deno.writeTextFile(pairs, lines.join(""));
  const cache = join(folder, "shaders");
  let runs = 0;
  const first = (): Promise<number> =>
    seconds(async () => {
      const output = join(folder, `first-step-${runs++}`);
      const set = [`pairs=${pairs}`, `output_dir=${output}`, "training.max_steps=1"];
      await dnpo(["optimize", "examples/quickstart/config.yaml", ...set.flatMap((s) => ["--set", s])], cache);
      const [line] = (await Deno.readTextFile(join(output, "metrics.jsonl"))).split("\n");
      const { step, loss } = JSON.parse(line!);
      if (step !== 1 || !Number.isFinite(loss)) throw new Error(`the first step logged ${line}`);
    });
  const cold = await first();
  const warm: number[] = [];
  for (let i = 0; i < WARM; i++) warm.push(await first());
  return [
    fact("start/first-step-cold", "seconds", cold),
    fact("start/first-step-warm", "seconds", median(warm)),
  ];
}
