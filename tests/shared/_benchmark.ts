/** Tasks on the rows of the shared folder's reference evaluations. @module */
import { BenchmarkTask, type TaskOptions } from "../../core/benchmark/benchmark_task.ts";
import { findTasks, type FoundTasks } from "../../core/benchmark/find_tasks.ts";
import { splitsOf, type TaskConfig } from "../../core/benchmark/task_config.ts";
import { type JsonObject, parseExact } from "../../core/data/formats/json_numbers.ts";
import { sharedPath } from "./_shared.ts";

/** The settings of a reference run. */
export interface RunSettings {
  run: string;
  num_fewshot: number | null;
  settings: {
    apply_chat_template?: boolean;
    fewshot_as_multiturn?: boolean;
    system_instruction?: string;
    gen_kwargs?: JsonObject;
    fewshot_random_seed?: number;
  };
}

/** Reads a file of the reference evaluations; numbers are JavaScript's. */
export async function readEval<T>(...path: string[]): Promise<T> {
  return JSON.parse(await Deno.readTextFile(sharedPath("eval", ...path)));
}

/** The names of the files of a folder there, without `.json`. */
export function evalNames(...path: string[]): string[] {
  return [...Deno.readDirSync(sharedPath("eval", ...path))].map(({ name }) => name.replace(/\.json$/, "")).sort();
}

const rowsOf = new Map<string, JsonObject[]>();

async function readRows(config: TaskConfig, split: string): Promise<JsonObject[]> {
  const folder = config.dataset_path.split("/")[1]!;
  const parts = config.task === "winogrande" ? [folder] : [folder, config.dataset_name ?? ""];
  const path = sharedPath("eval/data", ...parts.filter((part) => part !== ""), `${split}.jsonl`);
  const known = rowsOf.get(path);
  if (known !== undefined) return known;
  const lines = (await Deno.readTextFile(path)).trimEnd().split("\n");
  const rows = lines.map((line) => parseExact(line).value as JsonObject);
  rowsOf.set(path, rows);
  return rows;
}

/**
 * The tasks of a run, found by its name as `TASK.SHOTS`, where `openllm-` asks for that group's settings; `among` are
 * the names of its tasks: some of MMLU's runs have the subjects of one group.
 */
export function tasksOfRun(run: string, { among }: { among: readonly string[] }): FoundTasks {
  const part = among.some((task) => task.startsWith("mmlu_")) && !among.includes("mmlu_virology") ? "mmlu_stem" : null;
  const name = part ?? run.replace(/^(chat1?|chatsystem|system|seed\d+|fraction|openllm)-/, "").replace(/\.\d+$/, "");
  if (!run.startsWith("openllm-")) return findTasks(name);
  // Those runs have a group of that name with one task.
  const group = { name: "openllm", alias: "openllm", version: "N/A", children: [name], leaves: [name], metrics: [] };
  return { tasks: findTasks("openllm").tasks.filter(({ task }) => task === name), groups: [group] };
}

/** A task with its rows. */
export async function openTask(config: TaskConfig, { num_fewshot, settings }: RunSettings): Promise<BenchmarkTask> {
  const { evaluated, pool } = splitsOf(config);
  const options: TaskOptions = {
    ...(num_fewshot !== null && { numFewShot: num_fewshot }),
    ...(settings.fewshot_random_seed !== undefined && { seed: settings.fewshot_random_seed }),
    ...(settings.gen_kwargs && { genKwargs: settings.gen_kwargs }),
  };
  const rows = { evaluated: await readRows(config, evaluated!) };
  const needsPool = (num_fewshot ?? config.num_fewshot ?? 0) > 0 && config.num_fewshot !== 0;
  return new BenchmarkTask(config, needsPool ? { ...rows, pool: await readRows(config, pool!) } : rows, options);
}
