/** Small runs of the quick start's model, on ranks and without any, and the bytes that they leave. @module */
import { dnpo } from "../_shared/dnpo.ts";
import { dnpoArgs, type EndedJob, type FoundLauncher, mpirun } from "./_mpirun.ts";

/** Two iterations of three steps each, with answers, labels and held-out rows. */
const SETTINGS: readonly string[] = [
  "iterations=2",
  "data.limit=24",
  "generation.batch_size=8",
  "training.max_steps=3",
  "training.per_device_train_batch_size=2",
  "training.gradient_accumulation_steps=4",
  "training.save_steps=1",
  "distributed.shards=4",
  "autotune=false",
];

/** What is trained. */
export const KINDS: Readonly<Record<"adapters" | "all weights", readonly string[]>> = {
  adapters: ["lora.r=4", "lora.save=both"],
  "all weights": ["noise.update=alternating"],
};

/** The quick start's held-out rows are many. */
const heldOut = await Deno.makeTempFile({ suffix: ".jsonl" });
const rows = await Deno.readTextFile(new URL("../../examples/quickstart/eval.jsonl", import.meta.url));
await Deno.writeTextFile(heldOut, rows.split("\n").slice(0, 16).join("\n"));

/** The arguments of `train`, of a kind, into a folder. */
export function trainArgs(kind: keyof typeof KINDS, output: string): string[] {
  const settings = [...SETTINGS, ...KINDS[kind], `data.eval=${heldOut}`, `output_dir=${output}`];
  return ["train", ...settings.flatMap((set) => ["--set", set])];
}

/** Trains on `ranks` ranks of a launcher. */
export function trainOn(
  launcher: FoundLauncher,
  { ranks, kind, output }: { ranks: number; kind: keyof typeof KINDS; output: string },
): Promise<EndedJob> {
  return mpirun(launcher, { ranks, deno: dnpoArgs(launcher.path, trainArgs(kind, output)) });
}

/** The bytes of a finished run in one process without MPI. */
export async function trainedAlone(kind: keyof typeof KINDS): Promise<Record<string, string>> {
  const output = await Deno.makeTempDir({ prefix: "dnpo-ranks-" });
  const { code, err } = await dnpo(trainArgs(kind, output));
  if (code !== 0) throw new Error(err);
  return await bytesOf(output);
}

/** Files that hold times, places or names. */
const OF_THE_RUN =
  /^(\.lock|checksums\.json|config\.yaml|log\.jsonl|report\.html|summary\.json|timings\.jsonl|.*sources\.json)$/;

/** What a run has left, by its path: a digest of the bytes. */
export async function bytesOf(output: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const walk = async (folder: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(`${output}${folder}`)) {
      const path = `${folder}/${name}`;
      if (isDirectory) await walk(path);
      else if (!OF_THE_RUN.test(path.slice(1))) {
        const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(`${output}${path}`));
        found[path] = new Uint8Array(digest).toHex();
      }
    }
  };
  await walk("");
  return Object.fromEntries(Object.entries(found).sort());
}
