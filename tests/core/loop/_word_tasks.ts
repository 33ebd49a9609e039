/** A task that is chosen and one that is written, about sorted words, and a config that teaches to sort the other way round. @module */
import "../../_shared/one_device.ts";
import { loadConfig, type ResolvedConfig } from "../../../core/config/config.ts";
import { jsonLines } from "../../_shared/tiny_model.ts";
import { withFolder } from "../_tiny.ts";

/** The model that can sort words. */
export const MODEL = "examples/quickstart/model";
/** What is sorted. */
export const WORDS = ["edbga", "bdgcbh", "hcafe", "gbdfc", "ahcbe", "fgeda", "cbhdg", "dfabe"];

/** Rows of a task: which of two answers is the sorted word? */
export function rowsOf(words: readonly string[]): string {
  return jsonLines(words.map((letters, i) => {
    const [sorted, wrong] = [[...letters].sort().join(""), [...letters].sort().reverse().join("")];
    return { letters, choices: i % 2 === 0 ? [sorted, wrong] : [wrong, sorted], gold: i % 2 };
  }));
}

/** A folder with a task of one's own that is chosen, one that is written, and rows to train on. */
export function withTasks<T>(work: (dir: string) => Promise<T>): Promise<T> {
  return withFolder(async (dir) => {
    await Deno.writeTextFile(`${dir}/words.jsonl`, rowsOf(WORDS));
    const shared = `dataset_path: json\ndataset_kwargs: {data_files: {test: ${dir}/words.jsonl}}\ntest_split: test\n` +
      `doc_to_text: "sort {{letters}}>"\ntarget_delimiter: ""\n`;
    await Deno.writeTextFile(
      `${dir}/choose.yaml`,
      `task: choose\n${shared}output_type: multiple_choice\ndoc_to_choice: choices\ndoc_to_target: gold\n`,
    );
    await Deno.writeTextFile(
      `${dir}/write.yaml`,
      `task: write\n${shared}output_type: generate_until\ndoc_to_target: "{{choices[gold]}}"\n` +
        `generation_kwargs: {until: ["\\n"], do_sample: false, max_gen_toks: 8}\n` +
        `metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]\n`,
    );
    const pairs = WORDS.map((word) => ({ prompt: `sort ${word}>`, response: [...word].sort().reverse().join("") }));
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(pairs));
    return await work(dir);
  });
}

/** Keys of a config. */
export type Keys = Record<string, unknown> & { training?: Record<string, unknown>; evaluate?: Record<string, unknown> };

/** A config that teaches to sort the other way round, with the task `choose`. */
export function configOf(dir: string, { training, evaluate, ...keys }: Keys = {}): Promise<ResolvedConfig> {
  return loadConfig(undefined, {
    defaults: {
      model: MODEL,
      output_dir: `${dir}/run`,
      method: "sft",
      iterations: 2,
      data: { train: `${dir}/rows.jsonl` },
      dtype: "float32",
      ...keys,
      evaluate: { tasks: `${dir}/choose.yaml`, ...evaluate },
      training: { loss_type: "sft", learning_rate: 3e-3, max_steps: 3, ...training },
    },
  });
}
