/** The benchmarks that a config's `evaluate` asks for: their tasks, opened once for a run. @module */
import { parseGenKwargs } from "../benchmark/generation_settings.ts";
import { outputTypeOf } from "../benchmark/task_config.ts";
import { hasOwnFiles } from "../benchmark/task_data.ts";
import type { EvaluateConfig, ResolvedConfig } from "../config/config_types.ts";
import { jsonText } from "../data/formats/json_numbers.ts";
import { StoppedError } from "../error.ts";
import { chosenTasks } from "../evaluate/chosen_tasks.ts";
import type { EvaluateOptions } from "../evaluate/evaluate_model.ts";
import { type OpenTasks, openTasks } from "../evaluate/open_tasks.ts";
import { digestText } from "../files/stream_digest.ts";
import { WARNING } from "../progress.ts";
import { noteOnce } from "../run/row_notes.ts";
import type { RowContext } from "../run/run_context.ts";

/** What is asked of a model. */
export interface BenchmarkAsk {
  options: EvaluateOptions;
  /** Digest of all that the numbers depend on besides the model and the rows. */
  key: string;
}

type Asking = Pick<ResolvedConfig, "quantization" | "data"> & { evaluate: EvaluateConfig };

/** The options that the config's keys mean. Throws a UserError for a name, a file or a value that is wrong. */
export async function benchmarkAsk(
  { evaluate, quantization, data: { chat_template: chatTemplate } }: Asking,
): Promise<BenchmarkAsk> {
  const { tasks, text, gen_kwargs: gen, apply_chat_template: isChat, batch_tokens: batchTokens, data, ...rest } =
    evaluate;
  const { num_fewshot: numFewShot, limit, fewshot_as_multiturn: asTurns, system_instruction: system } = rest;
  const chosen = await chosenTasks({
    tasks: [tasks].flat().join(","),
    textFiles: text === undefined ? [] : [text].flat(),
    called: { tasks: "evaluate.tasks", text: "evaluate.text" },
  });
  const asked = {
    ...chosen,
    quantization,
    ...(numFewShot !== undefined && { numFewShot }),
    ...(limit !== undefined && { limit }),
    ...(gen !== undefined && { genKwargs: parseGenKwargs(gen) }),
    ...(system !== undefined && { systemInstruction: system }),
    ...(isChat && { applyChatTemplate: true }),
    // The models that the run makes carry it, and the one that it begins with may have another.
    ...(isChat && chatTemplate !== undefined && { chatTemplate }),
    // Without a template examples are no turns anyhow.
    ...(isChat && !asTurns && { fewShotAsTurns: false }),
  };
  const options = { ...asked, ...(batchTokens !== undefined && { batchTokens }) };
  return { options, key: digestText(jsonText([asked, data ?? null])) };
}

/** The tasks of a run that are open, by what finds their rows. */
const opened = new WeakMap<RowContext["sources"], { key: string; tasks: Promise<OpenTasks> }>();

/** Opens the tasks, once per run. Throws a UserError that names what of them or of their rows is wrong. */
export async function benchmarkTasks(
  context: Pick<RowContext, "sources" | "onNote" | "signal">,
  { evaluate: { data }, ask: { options, key } }: { evaluate: EvaluateConfig; ask: BenchmarkAsk },
): Promise<OpenTasks> {
  const { sources } = context;
  const known = opened.get(sources);
  const tasks = known?.key === key ? known.tasks : open(context, { options, data });
  opened.set(sources, { key, tasks });
  return await tasks;
}

async function open(
  context: Pick<RowContext, "sources" | "onNote" | "signal">,
  { options, data }: { options: EvaluateOptions; data: string | undefined },
): Promise<OpenTasks> {
  const { sources, signal } = context;
  const resolve = async (name: string): Promise<readonly string[]> => {
    try {
      return await sources.benchmark(name);
    } catch (error) {
      throw signal.aborted ? new StoppedError("The run was stopped while it was downloading") : error;
    }
  };
  const found = await openTasks(options, { data, calledData: "evaluate.data", resolve });
  const isGenerated = found.tasks.some(({ config }) => outputTypeOf(config) === "generate_until");
  if (options.genKwargs !== undefined && !isGenerated) {
    noteOnce(context, `${WARNING}no answer of the benchmarks is generated: evaluate.gen_kwargs changes nothing`);
  }
  if (data !== undefined && found.tasks.every(({ config }) => hasOwnFiles(config))) {
    noteOnce(context, `${WARNING}all of the benchmarks name files of their own: evaluate.data changes nothing`);
  }
  return found;
}
