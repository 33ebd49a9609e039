/** The reference program in PyTorch, which lies in the shared folder. @module */
import { AssertionError } from "node:assert/strict";
import type { Logged } from "./trajectory.ts";

/** The architectures it makes tiny models of. */
export const ARCHITECTURES = ["llama", "gqa", "mistral", "qwen2", "qwen3"] as const;

/** One of them. */
export type Architecture = typeof ARCHITECTURES[number];

/** Sizes of a tiny model, by the program's option names. */
export interface Sizes {
  hidden?: number;
  layers?: number;
  heads?: number;
  inter?: number;
  vocab?: number;
  rows?: number;
}

/** Debian's interpreter is not always the first on the path, and the path's one may have PyTorch too. */
const INTERPRETERS = ["/usr/bin/python3", "python3"];

let interpreter: Promise<string> | undefined;

/** An interpreter that has PyTorch; throws what to install where there is none. */
function python(): Promise<string> {
  return interpreter ??= findPython();
}

async function findPython(): Promise<string> {
  const refused: string[] = [];
  for (const name of INTERPRETERS) {
    try {
      if ((await runPython(name, ["-c", "import torch, numpy"])).success) return name;
      refused.push(`${name} has no torch or no numpy`);
    } catch (error) {
      refused.push(`${name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  throw new AssertionError({
    message: `The reference program needs PyTorch: apt-get install -y python3-torch python3-numpy (${
      refused.join("; ")
    })`,
  });
}

async function runPython(name: string, args: string[]): Promise<{ success: boolean; out: string; err: string }> {
  // More threads than one only wait for each other on tensors this small.
  const env = { OMP_NUM_THREADS: "1", PYTHONDONTWRITEBYTECODE: "1" };
  const { success, stdout, stderr } = await new Deno.Command(name, { args, env, stdin: "null" }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { success, out: text(stdout), err: text(stderr) };
}

/** Whether an interpreter on the path has this Python module. */
export async function hasPythonModule(module: string): Promise<string | null> {
  for (const name of INTERPRETERS) {
    const found = await runPython(name, ["-c", `import ${module}`]).then(({ success }) => success, () => false);
    if (found) return name;
  }
  return null;
}

/** Runs a Python program given as text; returns what it printed. */
export async function runScript(name: string, { script, args }: { script: string; args: string[] }): Promise<string> {
  const { success, out, err } = await runPython(name, ["-c", script, ...args]);
  if (!success) throw new AssertionError({ message: `${name} failed:\n${err.slice(-2000)}` });
  return out;
}

/** Runs `program ARGS`, the program being the path of oracle.py; returns what it printed. */
export async function oracle(program: string, args: string[]): Promise<string> {
  const { success, out, err } = await runPython(await python(), [program, ...args]);
  if (!success) throw new AssertionError({ message: `oracle.py ${args.join(" ")} failed:\n${err.slice(-2000)}` });
  return out;
}

/** Arguments that make a tiny model and its pairs in a folder. */
export function makeArguments(
  dir: string,
  { arch, seed, sizes = {} }: { arch: Architecture; seed: number; sizes?: Sizes },
): string[] {
  const options = Object.entries(sizes).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return ["make", dir, "--arch", arch, "--seed", String(seed), ...options];
}

/** The log that `oracle.py train` printed, without what only the program itself names. */
export function parseLog(text: string): Logged[] {
  return text.trim().split("\n").map((line) => {
    const { margin_noised: _, ...logged } = JSON.parse(line);
    return logged;
  });
}

/** Scores of a sequence-classification model, from the program's decoder: rows of ids to [labels] on the last token that is no padding. */
const REWARDS = `
import json, os, sys
sys.path.insert(0, os.path.dirname(sys.argv[1]))
import oracle, torch
torch.set_default_dtype(torch.float64)
model = oracle.load_model(sys.argv[2])
pad = model.c.get("pad_token_id")
with torch.no_grad():
    for ids in json.loads(sys.argv[3]):
        kept = [i for i, id in enumerate(ids) if id != pad]
        print(json.dumps((model.w["score.weight"] @ model.hidden(ids)[kept[-1] if kept else 0]).tolist()))
`;

/** The scores [labels] that the program's decoder gives rows of ids with the reward model in `dir`. */
export async function oracleRewards(program: string, dir: string, rows: readonly number[][]): Promise<number[][]> {
  const args = [program, dir, JSON.stringify(rows)];
  const out = await runScript(await python(), { script: REWARDS, args });
  return out.trim().split("\n").map((line) => JSON.parse(line));
}
