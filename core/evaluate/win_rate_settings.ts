/** What decides the numbers of a comparison besides the models. @module */
import { judgeOf, judgesOf } from "../config/config.ts";
import type { IterationConfig } from "../config/config_types.ts";
import { jsonText } from "../data/formats/json_numbers.ts";
import { readText } from "../files/io.ts";
import { oneFile } from "../files/model_files.ts";
import { digestFile, digestText } from "../files/stream_digest.ts";
import { loadPrompt } from "../label/judge_prompt.ts";
import { importedFiles } from "../label/verifier_imports.ts";
import type { RunContext } from "../run/run_context.ts";
import { readData } from "../run/run_rows.ts";
import type { WinRateSettings } from "./win_rates_file.ts";

/** The settings with digests of the prompts, of the chat template and of the judges' files. Throws a UserError if one cannot be read. */
export async function winRateSettings(context: RunContext, settings: IterationConfig): Promise<WinRateSettings> {
  const { rows } = await readData(context, { settings, which: "eval" });
  const { generation, quantization, labels } = settings;
  // Of the data, what else is read than the prompts changes nothing.
  const { train: _, eval: _prompts, eval_limit: _most, limit: _limit, shuffle: _order, ...data } = settings.data;
  const template = data.chat_template;
  return {
    prompts: { rows: rows.length, sha256: digestText(jsonText(rows)) },
    data: { ...data, ...(template !== undefined && { chat_template_sha256: digestText(await readText(template)) }) },
    generation: { ...generation },
    ...(generation.temperature > 0 && { iteration: settings.iteration }),
    quantization,
    labels: { ...labels },
    judge_files: await judgeDigests(context, labels),
  };
}

async function judgeDigests(
  { sources, checksums }: RunContext,
  labels: IterationConfig["labels"],
): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const judge of judgesOf(labels).map(judgeOf)) {
    if (judge.judge === "verifier") {
      const sums: string[] = [];
      for (const path of await importedFiles(judge.verifier)) {
        const { files, file } = oneFile(path);
        sums.push(await digestFile(files, file));
      }
      digests[judge.verifier] = digestText(sums.join(" "));
    }
    if (judge.judge === "llm") {
      digests[judge.prompt ?? `prompt of mode ${judge.mode}`] = digestText(await loadPrompt(judge.prompt, judge.mode));
    }
    if ("model" in judge) {
      digests[judge.model] = digestText(JSON.stringify(await checksums.identityOf(await sources.model(judge.model))));
    }
  }
  return digests;
}
