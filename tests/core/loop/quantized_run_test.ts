/** Whole runs that train adapters on a quantized base. @module */
import { deepEqual, equal, match } from "node:assert/strict";
import { openModelFolder, saveModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { train } from "../../../core/loop/train_run.ts";
import { parameterShapes } from "../../../core/model/families/families.ts";
import { storeMatrix } from "../../_shared/stored_matrix.ts";
import { readJsonLines } from "../../_shared/trajectory.ts";
import { configOf, withInput } from "./_runs.ts";

/** The lines of a run without times. */
async function numbersOf(run: string): Promise<unknown[]> {
  return (await readJsonLines<Record<string, unknown>>(`${run}/metrics.jsonl`)).map((line) =>
    Object.fromEntries(Object.entries(line).filter(([name]) => !/time|second/.test(name)))
  );
}

Deno.test("a run on a quantized base gives the numbers and the model of a run on the dequantized one", () =>
  withInput(async (dir) => {
    const source = await openModelFolder(`${dir}/model`);
    const shapes = new Map(parameterShapes(source.config).map(({ name, shape }) => [name, shape]));
    await saveModelFolder(`${dir}/dequantized`, {
      source,
      dtype: "F32",
      async tensors(name) {
        const values = await source.readTensor(name);
        const [rows, columns] = shapes.get(name)!;
        const isQuantized = /layers.*proj\.weight$/.test(name);
        return isQuantized ? storeMatrix("int4", values, { rows: rows!, columns: columns! }).values : values;
      },
    });
    const run = async (name: string, keys: Record<string, unknown>): Promise<string[]> => {
      const notes: string[] = [];
      const lora = { r: 2, lora_alpha: 8, save: "both" };
      const output_dir = `${dir}/${name}`;
      const training = { learning_rate: 0.05 };
      const config = await configOf(dir, { iterations: 2, lora, output_dir, training, ...keys });
      await train(config, { onNote: (note) => void notes.push(note) });
      return notes;
    };
    const notes = await run("quantized", { quantization: "int4" });
    await run("plain", { model: `${dir}/dequantized` });
    deepEqual(await numbersOf(`${dir}/quantized`), await numbersOf(`${dir}/plain`));
    const [one, two] = await Promise.all(
      ["quantized", "plain"].map((name) => Deno.readFile(`${dir}/${name}/model/model.safetensors`)),
    );
    deepEqual(one, two);
    equal(notes.filter((note) => /merged into the int4 weights/.test(note)).length, 1);
    match(
      notes.join("\n"),
      /^The adapter is merged into the int4 weights that it was trained on, dequantized, and not into weights of full precision$/m,
    );
  }));
