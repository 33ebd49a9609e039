/** The files of an evaluation, `results_TIME.json` and `samples_TASK_TIME.jsonl` as lm-eval names them: writing and finding. @module */
import { resultsName, samplesName } from "../benchmark/result_files.ts";
import { jsonText } from "../data/formats/json_numbers.ts";
import { replaceFileAtomic, writeFileAtomic } from "../files/atomic.ts";
import { exists, namesIn, objectOf, readOptionalText } from "../files/io.ts";
import { oneFile } from "../files/model_files.ts";
import { join } from "../files/path.ts";
import { digestFile, StreamDigest } from "../files/stream_digest.ts";
import type { Evaluated } from "./evaluate_model.ts";
import type { Sample } from "./sample_task.ts";

/** The paths of the files. */
export interface ResultFiles {
  results: string;
  /** A file for each task, in their order. */
  samples: string[];
}

/** Writes the files of an evaluation into a folder. Throws a UserError if that fails. */
export async function writeResults(dir: string, { results, samples }: Evaluated): Promise<ResultFiles> {
  const files = filesOf(dir, { samples, time: new Date().toISOString().replace("Z", "").replaceAll(":", "-") });
  for (const [i, lines] of [...samples.values()].entries()) {
    await replaceFileAtomic(files.samples[i]!, async (write) => {
      for (const bytes of encoded(lines)) await write(bytes);
    });
  }
  await writeFileAtomic(files.results, JSON.stringify(results, null, 2) + "\n");
  return files;
}

/** The latest files in a folder that say what an evaluation says, whenever they were made; null without any. */
export async function findResults(dir: string, { results, samples }: Evaluated): Promise<ResultFiles | null> {
  const wanted = withoutTimes(JSON.parse(JSON.stringify(results)));
  const times = (await namesIn(dir)).flatMap((name) => /^results_(.+)\.json$/.exec(name)?.[1] ?? []);
  for (const time of times.sort().reverse()) {
    const files = filesOf(dir, { samples, time });
    const was = objectOf(await readOptionalText(files.results) ?? "");
    if (was !== null && withoutTimes(was) === wanted && await haveSamples(files, samples)) return files;
  }
  return null;
}

function filesOf(dir: string, { samples, time }: Pick<Evaluated, "samples"> & { time: string }): ResultFiles {
  const paths = [...samples.keys()].map((task) => join(dir, samplesName(task, time)));
  return { results: join(dir, resultsName(time)), samples: paths };
}

/** What of a results file two evaluations of the same share, as text. */
function withoutTimes({ date: _, total_evaluation_time_seconds: __, ...rest }: Record<string, unknown>): string {
  return JSON.stringify(rest);
}

async function haveSamples({ samples: paths }: ResultFiles, samples: Evaluated["samples"]): Promise<boolean> {
  for (const [i, lines] of [...samples.values()].entries()) {
    const path = paths[i]!;
    if (!await exists(path)) return false;
    const digest = new StreamDigest();
    for (const bytes of encoded(lines)) digest.update(bytes);
    const { files, file } = oneFile(path);
    if (await digestFile(files, file) !== digest.hex()) return false;
  }
  return true;
}

/** The lines one by one: a sample has its prompt once for each choice, and as one text all may be longer than one can be. */
function* encoded(lines: Iterable<Sample>): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  for (const line of lines) yield encoder.encode(jsonText(line) + "\n");
}
