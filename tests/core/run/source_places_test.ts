/** What a run reads may not lie where it writes. */
import { rejects } from "node:assert/strict";
import type { Need } from "../../../core/run/run_sources.ts";
import { checkSourcePlaces } from "../../../core/run/source_places.ts";
import { withFolder } from "../_tiny.ts";

const model = (name: string): Need => ({ kind: "model", name });
const data = (source: Extract<Need, { source: unknown }>["source"]): Need => ({ kind: "data", source });

Deno.test("checkSourcePlaces() refuses models and data that the run would replace or take for its own", () =>
  withFolder(async (dir) => {
    const out = `${dir}/run`;
    for (const folder of ["model", "iteration-0/model", "iteration-12", "rows", "data", "base"]) {
      await Deno.mkdir(`${out}/${folder}`, { recursive: true });
    }
    for (const file of ["metrics.jsonl", "iteration-0/pairs.jsonl", "train.jsonl", "rows/train.jsonl"]) {
      await Deno.writeTextFile(`${out}/${file}`, "{}\n");
    }
    await Deno.symlink(out, `${dir}/link`);
    const refused: [Need, RegExp][] = [
      [model(out), /^Cannot run in \S+\/run: the model \S+\/run is that folder, expected another output_dir$/],
      [model(`${dir}/link/../run/`), /the model \S+ is that folder/],
      [model(`${dir}/link`), /the model \S+ is that folder/],
      [model(`${out}/model`), /the model \S+\/model lies where the run writes, expected another output_dir$/],
      [model(`${dir}/link/model`), /the model \S+ lies where the run writes/],
      [model(`${out}/iteration-0/model`), /the model \S+ lies where the run writes/],
      [data(out), /the data \S+ is that folder/],
      [data(`${out}/train`), /the data \S+ is that folder/],
      [data(`${out}[:20]`), /the data \S+ is that folder/],
      [data([`${dir}/none`, { path: `${out}/metrics.jsonl`, weight: 0.5 }]), /the data \S+ lies where the run writes/],
      [data(`${out}/metrics.jsonl[:4]`), /the data \S+ lies where the run writes/],
      [data(`${out}/iteration-0/pairs.jsonl`), /the data \S+ lies where the run writes/],
    ];
    for (const [need, message] of refused) {
      await rejects(checkSourcePlaces({ output_dir: out }, [model("org/name"), need]), (error: Error) => {
        if (error.name === "UserError" && message.test(error.message)) return true;
        throw new Error(`${JSON.stringify(need)}: ${error.message}`);
      });
    }
    // The data folder is read with its `data/`.
    await rejects(checkSourcePlaces({ output_dir: `${out}/data` }, [data(out)]), /the data \S+ is that folder/);
    const taken: Need[] = [
      model(`${out}/base`),
      model(`${dir}/none`),
      data(`${out}/train.jsonl`),
      data(`${out}/rows`),
      data(`${out}/rows/train.jsonl[:1]`),
      data("org/name/train"),
    ];
    await checkSourcePlaces({ output_dir: out }, taken);
    await checkSourcePlaces({ output_dir: `${dir}/none` }, [model(out), data(out)]);
    const pairs = `${out}/iteration-0/pairs.jsonl`;
    await checkSourcePlaces({ output_dir: out, pairs }, [data(pairs)]);
  }));
