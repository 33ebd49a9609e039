/** Evaluates a model on benchmark tasks, as lm-evaluation-harness 0.4.13 does. @module */
import { Commands } from "../../kernels/device/commands.ts";
import type { Device } from "../../kernels/device/device.ts";
import denoConfig from "../../deno.json" with { type: "json" };
import { type BenchmarkResults, benchmarkResults } from "../benchmark/benchmark_results.ts";
import { type BenchmarkTask, type DocumentRequest, FEW_SHOT_SEED } from "../benchmark/benchmark_task.ts";
import { maxLengthOf } from "../benchmark/encode_request.ts";
import { differingInstructions } from "../benchmark/instructions/instruction_scores.ts";
import { DocumentScorer } from "../benchmark/score_document.ts";
import type { Quantization } from "../config/choices.ts";
import type { JsonValue } from "../data/formats/json_numbers.ts";
import { templateTexts } from "../data/tokenizer/chat_template.ts";
import { readTokenizerParts, type Tokenizer, tokenizerOf } from "../data/tokenizer/tokenizer.ts";
import { UserError } from "../error.ts";
import { sha256 } from "../files/digest.ts";
import { type ModelFiles, readJson, readOptionalJson } from "../files/model_files.ts";
import { parameterShapes } from "../model/families/families.ts";
import { elementsOf } from "../model/families/model_tensors.ts";
import { type AnyModel, freeModel, loadFrozenModel } from "../model/model.ts";
import { type OnProgress, WARNING } from "../progress.ts";
import { quote } from "../values.ts";
import type { AnswerJournal } from "./answer_journal.ts";
import { ModelAsker } from "./ask_model.ts";
import { type EncodedTask, encodeTask } from "./encode_task.ts";
import { type EvaluationWork, taskWork } from "./evaluation_work.ts";
import { type LeaderboardAverage, leaderboardAverage } from "./leaderboard_average.ts";
import { modelIdentity } from "./model_identity.ts";
import { checkGeneration } from "./greedy_settings.ts";
import { type BenchmarkOptions, type OpenTasks, requestsOf } from "./open_tasks.ts";
import { type Sample, type SampledTask, sampleTask } from "./sample_task.ts";

/** How a model is evaluated, besides what is asked. */
export interface EvaluateOptions extends BenchmarkOptions {
  /** Most ids of an input (default: what the model was made for). */
  maxLength?: number | undefined;
  /** Most tokens of a batch. */
  batchTokens?: number | undefined;
  /** Whether special tokens are added (default: as the tokenizer does by itself). */
  addBosToken?: boolean | undefined;
  quantization?: Quantization | undefined;
}

/** What an evaluation needs besides its options, and its callbacks. */
export interface EvaluateHooks {
  journal?: AnswerJournal;
  /** Makes the model one that other ranks work with too. */
  share?: (model: AnyModel) => Promise<AnyModel>;
  onProgress?: OnProgress;
  onNote?: (line: string) => void;
  /** Gets what is left to compute, before the first of it is; the evaluation waits for it. */
  onWork?: (work: EvaluationWork) => void | Promise<void>;
  signal?: AbortSignal;
}

/** A results file: lm-eval's keys, and ours under `dnpo`. */
export type ResultsFile = BenchmarkResults & Readonly<Record<string, unknown>>;

/** What an evaluation gives. */
export interface Evaluated {
  results: ResultsFile;
  samples: Map<string, readonly Sample[]>;
  /** By task, how many documents lost the beginning of their context; tasks that lost none are absent. */
  cut: Record<string, number>;
}

/** The version whose numbers these are. */
const LM_EVAL = "0.4.13";

/** A model that is asked, and what it is called. */
export interface EvaluatedModel {
  name: string;
  files: ModelFiles;
}

/** Evaluates the model in `files`. Throws UserError, DeviceError, and StoppedError if `signal` stopped it. */
export async function evaluateModel(
  device: Device,
  { name, files }: EvaluatedModel,
  { tasks, groups }: OpenTasks,
  options: EvaluateOptions,
  { journal, share, onProgress = () => {}, onNote = () => {}, onWork = () => {}, signal }: EvaluateHooks = {},
): Promise<Evaluated> {
  const begun = performance.now();
  const date = Date.now() / 1000;
  const { quantization = "none", batchTokens } = options;
  const tokenizer = await tokenizerOf(files, {
    ...(options.chatTemplate !== undefined && { chat_template: options.chatTemplate }),
  });
  if (tokenizer === null) throw new UserError(`Cannot evaluate ${name}: there is no tokenizer.json, expected one`);
  const maxLength = await longestInput(files, options.maxLength);
  // What is asked is known, and known to be right, before the model is loaded.
  const asked = tasks.map((task) => ({ task, requests: requestsOf(task, options, tokenizer) }));
  for (const { task, requests } of asked) {
    const dropped = requests.filter(({ isWithoutSystem }) => isWithoutSystem).length;
    if (dropped > 0) {
      onNote(
        `${WARNING}the chat template refuses a system's turn: it is left out of ${dropped} prompts of ${task.config.task}`,
      );
    }
  }
  for (const { task, requests } of asked) noteUnanswerable(task, requests, onNote);
  const model = await loadFrozenModel(device, files, { quantization });
  const cut: Record<string, number> = {};
  const sampled: SampledTask[] = [];
  try {
    using commands = new Commands(device);
    const asker = new ModelAsker(commands, await share?.(model) ?? model, tokenizer);
    const identity = await modelIdentity(device, { folder: model.folder, quantization });
    const encoded: EncodedTask[] = [];
    const total = asked.reduce((sum, { requests }) => sum + requests.length, 0);
    let before = 0;
    for (const { task: { config: { task } }, requests } of asked) {
      encoded.push(
        await encodeTask(tokenizer, {
          task,
          requests,
          maxLength,
          addBosToken: options.addBosToken,
          journal,
          identity,
          signal,
          onDone: (done) => onProgress({ stage: "tokenize", done: before + done, total }),
        }),
      );
      before += requests.length;
    }
    const { config } = model;
    await onWork({
      model: name,
      config,
      device,
      tasks: encoded.map((each) => taskWork(each, { device, config, batchTokens })),
    });
    for (const { task, requests } of asked) {
      // What was asked is of no use any more, and may be large.
      const each = encoded.shift()!;
      const stage = task.config.task;
      const answers = await asker.ask(each, {
        batchTokens,
        journal,
        signal,
        onProgress: (progress) => onProgress({ stage, ...progress }),
      });
      if (each.cut > 0) cut[stage] = each.cut;
      sampled.push(await sampleTask({ task, requests, answers }));
    }
    await journal?.close();
    const results = benchmarkResults(sampled, groups);
    const hashes = Object.fromEntries(sampled.map(({ task, hash }) => [task.config.task, hash]));
    const average = leaderboardAverage(results.results as Parameters<typeof leaderboardAverage>[0]);
    const facts = await factsOf(model, { name, files, tokenizer, options, device, maxLength, cut, date, average });
    const differing = asked.filter(({ task }) => task.config.process_results?.score === "ifeval")
      .map(({ task, requests }) => [task.config.task, differingInstructions(requests.map(({ doc }) => doc))] as const)
      .filter(([, instructions]) => instructions.length > 0);
    if (differing.length > 0) {
      facts.dnpo = { ...facts.dnpo as object, may_differ: Object.fromEntries(differing) };
    }
    const seconds = (performance.now() - begun) / 1000;
    return {
      results: { ...results, ...facts, task_hashes: hashes, total_evaluation_time_seconds: String(seconds) },
      samples: new Map(sampled.map(({ task, samples }) => [task.config.task, samples])),
      cut,
    };
  } finally {
    freeModel(model);
  }
}

/** Warns of documents that nobody can answer right; lm-eval counts them as wrong too. */
function noteUnanswerable(
  task: BenchmarkTask,
  requests: readonly DocumentRequest[],
  onNote: (line: string) => void,
): void {
  const scorer = new DocumentScorer(task);
  const wrong = requests.filter((request) => !scorer.canBeRight(request));
  if (wrong.length === 0) return;
  const { docId, target } = wrong[0]!;
  onNote(
    `${WARNING}what is right is none of the choices in ${wrong.length} of ${requests.length} documents of ` +
      `${task.config.task}, which count as wrong as in lm-eval (the first is document ${docId}: doc_to_target is ` +
      `${quote(target)})`,
  );
}

/**
 * Checks what of a model and of the options is known without rows; `generates` says whether any task asks for answers.
 * Throws a UserError for a length that is none, for a chat template that the model has not, and for settings of its own
 * generation that are not followed; notes a length beyond what the model was made for.
 */
export async function checkModel(
  { name, files }: EvaluatedModel,
  options: EvaluateOptions & { generates: boolean },
  onNote: (line: string) => void,
): Promise<void> {
  const { maxLength: asked, batchTokens, applyChatTemplate = false, generates } = options;
  if (batchTokens !== undefined && !(Number.isSafeInteger(batchTokens) && batchTokens > 0)) {
    throw new UserError(
      `Cannot evaluate in batches of ${batchTokens} tokens: expected a whole number from 1 (--batch-tokens)`,
    );
  }
  const own = await ownLength(files);
  if (await longestInput(files, asked) > own) {
    onNote(
      `${WARNING}--max-length is ${asked}, and ${name} was made for inputs of ${own} tokens: what it says of longer ` +
        "ones means little",
    );
  }
  if (generates) await checkGeneration(files);
  if (applyChatTemplate && await templateText(files, options) === null) {
    throw new UserError("Cannot apply a chat template: the model has none, expected one or no --apply-chat-template");
  }
}

async function ownLength(files: ModelFiles): Promise<number> {
  const settings = await readOptionalJson(files, "tokenizer_config.json");
  return maxLengthOf(await readJson(files, "config.json"), { modelMaxLength: settings?.model_max_length });
}

async function longestInput(files: ModelFiles, asked: number | undefined): Promise<number> {
  if (asked === undefined) return await ownLength(files);
  if (!Number.isInteger(asked) || asked < 2) {
    throw new UserError(
      `Cannot evaluate with inputs of ${asked} tokens: expected a whole number from 2 (--max-length)`,
    );
  }
  return asked;
}

interface Facts extends EvaluatedModel {
  tokenizer: Tokenizer;
  options: EvaluateOptions;
  device: Device;
  maxLength: number;
  cut: Record<string, number>;
  date: number;
  average: LeaderboardAverage | null;
}

/** What a results file says besides the results (lm-eval 0.4.13, `evaluator.py`, `loggers/`). */
async function factsOf(
  model: AnyModel,
  { name, files, tokenizer, options, device, maxLength, cut, date, average }: Facts,
): Promise<Record<string, unknown>> {
  const { limit, seed = FEW_SHOT_SEED, genKwargs, systemInstruction, applyChatTemplate, fewShotAsTurns } = options;
  const template = applyChatTemplate ? await templateText(files, options) : null;
  const shaOf = async (text: string | null | undefined): Promise<string | null> => text ? await sha256(text) : null;
  const token = (text: string | null, id: number | null): [JsonValue, string] => [text, String(id ?? "None")];
  const bos = tokenizer.bosId === null ? null : tokenizer.decode([tokenizer.bosId]);
  return {
    config: {
      model: name,
      model_args: null,
      model_num_parameters: parameterShapes(model.config).reduce((sum, shape) => sum + elementsOf(shape), 0),
      model_dtype: "torch.float32",
      limit: limit ?? null,
      bootstrap_iters: 100_000,
      gen_kwargs: genKwargs ?? null,
      fewshot_seed: seed,
    },
    git_hash: null,
    date,
    lm_eval_version: LM_EVAL,
    tokenizer_eos_token: token(tokenizer.eosToken, tokenizer.eosId),
    tokenizer_bos_token: token(bos, tokenizer.bosId),
    eot_token_id: tokenizer.eosId,
    max_length: maxLength,
    model_source: "dnpo",
    model_name: name,
    model_name_sanitized: sanitized(name),
    system_instruction: systemInstruction ?? null,
    system_instruction_sha: await shaOf(systemInstruction),
    fewshot_as_multiturn: fewShotAsTurns ?? true,
    chat_template: template,
    chat_template_sha: await shaOf(template),
    dnpo: {
      version: denoConfig.version,
      device: device.name,
      kernels: device.family,
      quantization: options.quantization ?? "none",
      contexts_cut: cut,
      ...(average !== null && { openllm_average: average }),
    },
  };
}

/** A model's name as lm-eval makes a folder of it. */
export function sanitized(name: string): string {
  return name.replace(/["<>:/|\\?*[\]]+/g, "__");
}

async function templateText(files: ModelFiles, options: EvaluateOptions): Promise<string | null> {
  const { config, jinja } = await readTokenizerParts(files, options);
  return templateTexts(config, { jinja, origin: files.pathOf("tokenizer_config.json") })?.usual ?? null;
}
