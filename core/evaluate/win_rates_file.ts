/** The file that keeps the win rates of a run's iterations against another run's. @module */
import { UserError } from "../error.ts";
import { writeFileAtomic } from "../files/atomic.ts";
import { readJsonObject } from "../files/io.ts";
import { join } from "../files/path.ts";
import { isRecord } from "../values.ts";
import type { WrittenComparison } from "./comparison_json.ts";

/** What decides the numbers besides the models; iterations compare only where it is the same. */
export interface WinRateSettings {
  /** Rows whose prompts were answered, and the SHA-256 of what was read of them. */
  prompts: { rows: number; sha256: string };
  /** The config's keys, and the SHA-256 of the chat template that it names. */
  data: Readonly<Record<string, unknown>>;
  generation: Readonly<Record<string, unknown>>;
  /** The iteration whose random numbers answers are drawn with; absent where none are. */
  iteration?: number;
  quantization: string;
  labels: Readonly<Record<string, unknown>>;
  /** SHA-256 of the judges' files, by what the config calls them. */
  judge_files: Readonly<Record<string, string>>;
}

/** The comparison of an iteration. */
export interface WrittenIteration extends WrittenComparison {
  iteration: number;
  /** SHA-256 of what the models, the device and the program are told by. */
  identity: string;
}

/** The file's content. */
export interface WinRates {
  /** The run or model that is compared with, and the run whose iterations are. */
  a: string;
  b: string;
  /** What the prompts are called. */
  prompts: string;
  settings: WinRateSettings;
  /** Ascending. */
  iterations: WrittenIteration[];
}

/** The file's name in a comparison's folder. */
export const WIN_RATES = "win_rates.json";

/** The file of an iteration's rows, with answers, scores and outcomes. */
export function rowsPath(folder: string, iteration: number): string {
  return join(folder, `rows-${iteration}.jsonl`);
}

/** Writes the file into a comparison's folder. */
export async function writeWinRates(folder: string, rates: WinRates): Promise<void> {
  await writeFileAtomic(join(folder, WIN_RATES), JSON.stringify(rates, null, 2) + "\n");
}

const NUMBERS = ["iteration", "rows", "unjudged", "wins", "ties", "losses", "p_value"] as const;
const NUMBERS_OR_NULL = ["win_rate", "win_rate_stderr", "orders_asked", "orders_disagree"] as const;

/** Reads the file. Throws a UserError if it is none. */
export async function readWinRates(path: string): Promise<WinRates> {
  const file = await readJsonObject(path);
  const { a, b, settings, iterations, prompts } = file;
  const isWhole = typeof a === "string" && typeof b === "string" && typeof prompts === "string" && isRecord(settings) &&
    Array.isArray(iterations) && iterations.every(isIteration);
  if (isWhole) return file as unknown as WinRates;
  throw new UserError(
    `Cannot read ${path}: its a, b, prompts, settings or iterations are missing or of another form, expected a file ` +
      "that dnpo compare --iterations wrote",
  );
}

/** Whether a parsed JSON value has what is read of an iteration. */
function isIteration(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { judge, win_rate_interval: interval, length_controlled: atEqual, a, b, metrics } = value;
  return typeof judge === "string" && isRecord(metrics) &&
    NUMBERS.every((key) => typeof value[key] === "number") &&
    NUMBERS_OR_NULL.every((key) => value[key] === null || typeof value[key] === "number") &&
    (interval === null || Array.isArray(interval) && interval.length === 2) &&
    (atEqual === null || isRecord(atEqual)) &&
    [a, b].every((side) => isRecord(side) && typeof side.mean_tokens === "number");
}
