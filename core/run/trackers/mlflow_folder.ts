/**
 * Logs to MLflow's file store: `EXPERIMENT/RUN/` with meta.yaml, a file of lines `milliseconds value step` for each
 * metric, and one for each param and tag.
 *
 * @module
 */
import { resolve } from "node:path";
import { parse, stringify } from "yaml";
import { makeFolder, openAppend, writeFileAtomic } from "../../files/atomic.ts";
import { exists, isFolder, namesIn, readOptionalText, removePath } from "../../files/io.ts";
import { toFileUrl } from "../../files/file_url.ts";
import { dirname, join } from "../../files/path.ts";
import { isRecord } from "../../values.ts";
import { MLFLOW_STATUS, mlflowParams, mlflowTags } from "./flat_config.ts";
import type { Point, RunStatus, TrackedRun, Tracker } from "./tracker.ts";

/** A run in a folder of MLflow's, which `mlflow ui` and MlflowClient read. */
export class MlflowFolder implements Tracker {
  readonly name = "mlflow";
  readonly #run: TrackedRun;
  readonly #root: string;
  #experiment = "";

  /** The run in the store at `root`; nothing is written yet. */
  constructor(run: TrackedRun, root: string) {
    this.#run = run;
    this.#root = root;
  }

  async begin(points: readonly Point[]): Promise<void> {
    this.#experiment = await experimentId(this.#root, this.#run.project);
    const folder = this.#folder();
    for (const name of ["metrics", "params", "tags", "artifacts"]) await makeFolder(join(folder, name));
    for (const { key, value } of mlflowParams(this.#run.config)) await write(join(folder, "params", key), value);
    for (const { key, value } of mlflowTags(this.#run)) await write(join(folder, "tags", key), value);
    await this.#writeMeta("running");
    await removePath(join(folder, "metrics"));
    await makeFolder(join(folder, "metrics"));
    const texts = new Map<string, string[]>();
    for (const point of points) {
      for (const [path, line] of this.#lines(point)) {
        const lines = texts.get(path);
        if (lines) lines.push(line);
        else texts.set(path, [line]);
      }
    }
    for (const [path, lines] of texts) await write(path, lines.join(""));
  }

  async add(point: Point): Promise<void> {
    for (const [path, line] of this.#lines(point)) {
      await makeFolder(dirname(path));
      using file = await openAppend(path);
      await file.append(line);
    }
  }

  async end(status: RunStatus): Promise<void> {
    await this.#writeMeta(status);
  }

  #folder(): string {
    return join(this.#root, this.#experiment, this.#run.id);
  }

  #lines({ at, x, values }: Point): [path: string, line: string][] {
    const folder = join(this.#folder(), "metrics");
    return Object.entries(values).map(([tag, value]) => [join(folder, tag), `${at} ${value} ${x}\n`]);
  }

  async #writeMeta(status: RunStatus): Promise<void> {
    const { id, name, created } = this.#run;
    const folder = this.#folder();
    const meta = {
      artifact_uri: toFileUrl(join(folder, "artifacts")),
      end_time: status === "running" ? null : Date.now(),
      entry_point_name: "",
      experiment_id: this.#experiment,
      lifecycle_stage: "active",
      run_id: id,
      run_name: name,
      run_uuid: id,
      source_name: "",
      // A run of a program on this machine.
      source_type: 4,
      source_version: "",
      start_time: created,
      status: MLFLOW_STATUS[status].number,
      tags: [],
      user_id: "",
    };
    await writeFileAtomic(join(folder, "meta.yaml"), stringify(meta));
  }
}

async function write(path: string, text: string): Promise<void> {
  await makeFolder(dirname(path));
  await writeFileAtomic(path, text);
}

/** The id of the experiment of this name in the store at `root`; it is made if it is missing, and so is the store. */
async function experimentId(root: string, name: string): Promise<string> {
  // MLflow makes its default experiment only where there is no store yet.
  if (!await exists(root)) await makeExperiment(root, { id: "0", name: "Default" });
  for (const id of (await namesIn(root)).sort()) {
    if (!await isFolder(join(root, id))) continue;
    const text = await readOptionalText(join(root, id, "meta.yaml"));
    const meta = text === null ? null : parsed(text);
    if (isRecord(meta) && meta.name === name && meta.lifecycle_stage !== "deleted") return id;
  }
  const id = Array.from(crypto.getRandomValues(new Uint8Array(17)), (byte) => byte % 10).join("");
  await makeExperiment(root, { id: `1${id}`, name });
  return `1${id}`;
}

/** What YAML holds; null if it is none, as that of an experiment that another program is writing. */
function parsed(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return null;
  }
}

async function makeExperiment(root: string, { id, name }: { id: string; name: string }): Promise<void> {
  const now = Date.now();
  const meta = {
    artifact_location: toFileUrl(resolve(root, id)),
    creation_time: now,
    experiment_id: id,
    last_update_time: now,
    lifecycle_stage: "active",
    name,
  };
  await write(join(root, id, "meta.yaml"), stringify(meta));
}
