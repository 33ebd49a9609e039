/** Checks of what is answered to `dnpo init`, so that a mistake is told before a run begins. @module */
import { isAdapter } from "../core/checkpoint/adapter_folder.ts";
import { modelFilesAt } from "../core/checkpoint/gguf_files.ts";
import { openModelFolder } from "../core/checkpoint/model_folder.ts";
import type { Method } from "../core/config/choices.ts";
import type { DataRow } from "../core/data/parse_row.ts";
import { readRows } from "../core/data/read_rows.ts";
import { UserError } from "../core/error.ts";
import { exists, readJsonObject } from "../core/files/io.ts";
import { type ModelFiles, readOptionalJson } from "../core/files/model_files.ts";
import { lookUp } from "../core/hub/look_up.ts";
import { verifierInputs } from "../core/label/verifier_protocol.ts";
import { loadVerifier } from "../core/label/verifier_judge.ts";
import { parameterShapes } from "../core/model/families/families.ts";
import { parseModelConfig } from "../core/model/families/model_config.ts";
import { elementsOf } from "../core/model/families/model_tensors.ts";
import { modelFolderOf } from "../core/run/model_path.ts";
import { EVAL_SPLITS } from "../core/run/run_sources.ts";
import { formatBytes, formatCount } from "./format_units.ts";
import { freeMemory } from "./free_memory.ts";

/** What is known of a model; null is not known. */
export interface ModelFacts {
  /** The most tokens that it was made for. */
  positions: number | null;
  parameters: number | null;
  /** Why its own weights cannot be trained, so that an adapter is; null if they can be, as far as is known. */
  frozen: string | null;
  /** Its folder, where the name is that of a run; null otherwise. */
  folder: string | null;
}

/** Gets lines for the user. */
type OnNote = (line: string) => void;

const UNKNOWN: ModelFacts = { positions: null, parameters: null, frozen: null, folder: null };

/** What is known of a model. Throws a UserError if it is neither a folder or a GGUF file with a model nor on the hub. */
async function checkModel(name: string, onNote: OnNote): Promise<ModelFacts> {
  if (await exists(name)) {
    const folder = await modelFolderOf(name, { resolve: (base) => Promise.resolve(base) });
    const files = await modelFilesAt(folder);
    const json = await readOptionalJson(files, "config.json");
    const facts = json === null ? UNKNOWN : factsOf(json, files.pathOf("config.json"));
    const frozen = await isAdapter(files) ? "it is an adapter" : await quantizedAs(files);
    return { ...facts, frozen, folder: folder === name ? null : folder };
  }
  const found = await onHub(name, "model", onNote);
  if (found === null) return UNKNOWN;
  const json = await readJsonObject(found);
  const isQuantized = json.quantization_config !== undefined;
  return { ...factsOf(json, found), frozen: isQuantized ? "its weights are quantized" : null };
}

/** How a model came quantized, in words; null if it did not, or cannot be opened, which the run tells. */
async function quantizedAs(files: ModelFiles): Promise<string | null> {
  try {
    const { comesQuantized } = await openModelFolder(files);
    return comesQuantized === null ? null : `its weights are quantized (${comesQuantized})`;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return null;
  }
}

function factsOf(json: Readonly<Record<string, unknown>>, path: string): ModelFacts {
  // A reward model is a judge, and its config is read otherwise.
  if (/ForSequenceClassification/.test(JSON.stringify(json.architectures ?? []))) return UNKNOWN;
  const config = parseModelConfig(json, path);
  const parameters = parameterShapes(config).reduce((sum, shape) => sum + elementsOf(shape), 0);
  return { positions: config.maxPositionEmbeddings, parameters, frozen: null, folder: null };
}

/**
 * The first rows of a source, none if it is on the hub; of a folder those of the splits `prefer`, as a run reads them.
 * Throws a UserError for what is no source, or of no known shape.
 */
async function checkData(
  source: string,
  { prefer = ["train"], onNote }: { prefer?: readonly string[]; onNote: OnNote },
): Promise<readonly DataRow[]> {
  let isElsewhere = false;
  const locate = async (name: string): Promise<readonly string[]> => {
    await onHub(name, "dataset", onNote);
    isElsewhere = true;
    return [];
  };
  try {
    return (await readRows(source, { limit: FIRST_ROWS, locate, prefer })).rows;
  } catch (error) {
    if (isElsewhere) return [];
    throw error;
  }
}

/** Rows that are read to know their shape. */
const FIRST_ROWS = 8;

/** Throws a UserError if the method needs other rows. */
function checkMethod(method: Method, source: string, rows: readonly DataRow[]): void {
  const [first] = rows;
  if (method !== "dpo" || first === undefined || /pair$/.test(first.kind)) return;
  throw new UserError(
    `Cannot use method dpo on ${source}: its rows have one answer, expected a chosen and a rejected one, or method dnpo`,
  );
}

/** Throws a UserError if the verifier does not load, or cannot score the first row's answer. */
async function checkVerifier(path: string, rows: readonly DataRow[]): Promise<void> {
  using verifier = await loadVerifier(path, { seconds: 10 });
  const row = rows.find((row) => row.kind === "text");
  if (row === undefined) return;
  const [human] = verifierInputs({ ...row, generated: row.response });
  await verifier.score([human], `the answer in ${row.where}`);
}

/** The model's config.json if the hub has it; null if it has none or cannot be asked, which is noted. */
async function onHub(name: string, type: "model" | "dataset", onNote: OnNote): Promise<string | null> {
  const what = type === "model"
    ? "a folder, a run's, or org/name on the hub"
    : "a file, a folder, or org/name on the hub";
  const found = await lookUp(name, type);
  if (found === null) throw new UserError(`Cannot use ${name}: there is no such path, expected ${what}`);
  if (found.isThere === null) {
    onNote(`${name} is not checked: there is no such path here, and the hub cannot be asked now`);
    return null;
  }
  return found.config;
}

/** The checks of one `dnpo init`, which know what was answered before. */
export class InitChecks {
  readonly #onNote: OnNote;
  #facts: ModelFacts = UNKNOWN;
  #rows: readonly DataRow[] = [];
  readonly #memory = freeMemory();

  constructor(onNote: OnNote) {
    this.#onNote = onNote;
  }

  /** What is known of the model. */
  get facts(): ModelFacts {
    return this.#facts;
  }

  /** Checks the model to start from. */
  async model(name: string): Promise<void> {
    this.#facts = await checkModel(name, this.#onNote);
  }

  /** Checks the rows to train on. */
  async data(source: string): Promise<void> {
    this.#rows = await checkData(source, { onNote: this.#onNote });
  }

  /** Checks rows to measure on; empty is none. */
  async heldOut(source: string): Promise<void> {
    if (source !== "") await checkData(source, { prefer: EVAL_SPLITS, onNote: this.#onNote });
  }

  /** Checks that the method can use the rows. */
  method(method: Method, source: string): void {
    checkMethod(method, source, this.#rows);
  }

  /** Checks what a judge needs. */
  async need(name: "verifier" | "model" | "server_model", value: string): Promise<void> {
    if (name === "verifier") await checkVerifier(value, this.#rows);
    // A model on its server is known there.
    else if (name === "model") await checkModel(value, this.#onNote);
  }

  /** Why `name`, the model that was checked, is trained by an adapter alone; null if its own weights can be trained. */
  adapterReason(name: string): string | null {
    const { frozen } = this.#facts;
    return frozen === null ? null : `${name}: ${frozen}, so that a LoRA adapter is trained, and not all weights`;
  }

  /** Whether all weights are known not to fit into the memory at hand. */
  isTight(): boolean {
    const { parameters } = this.#facts;
    return parameters !== null && this.#memory !== undefined && BYTES_PER_WEIGHT * parameters > this.#memory;
  }

  /** What training all weights takes, and what there is; null if either is not known. */
  memoryLine(): string | null {
    const { parameters } = this.#facts;
    if (parameters === null || this.#memory === undefined) return null;
    const [takes, has] = [BYTES_PER_WEIGHT * parameters, this.#memory].map(formatBytes);
    return `All ${formatCount(parameters)} weights take ${takes} and more; this machine has ${has} free.`;
  }
}

/** Bytes that training all weights takes for each: the weight, its gradient and Adam's two moments, in float32. */
const BYTES_PER_WEIGHT = 16;
