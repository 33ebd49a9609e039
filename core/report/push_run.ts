/** Sends a run's model to the hub: the files of its folder, a card, a figure. @module */
import {
  ADAPTER_CONFIG,
  adapterConfigText,
  type AdapterFolder,
  openAdapterFolder,
} from "../checkpoint/adapter_folder.ts";
import { openModelFolder } from "../checkpoint/model_folder.ts";
import { TEMPLATES_FOLDER } from "../checkpoint/save_folder.ts";
import { UserError } from "../error.ts";
import { exists, filesIn, isFolder } from "../files/io.ts";
import { isGgufPath } from "../files/model_files.ts";
import { basename, join } from "../files/path.ts";
import { parseModelSpec } from "../hub/hub_spec.ts";
import { checkRepoName, type Pushed, type PushFile, pushFiles, type PushOptions } from "../hub/push_files.ts";
import { checkHandedOut } from "../run/handed_out.ts";
import { readRun } from "../run/read_run.ts";
import { runPaths } from "../run/run_paths.ts";
import { readSources } from "../run/run_sources.ts";
import { readmeFigure } from "./figures.ts";
import { modelCard } from "./model_card.ts";

const CARD = "README.md";
const FIGURE = "figure.svg";

/**
 * What `dnpo push` sends of the run in `folder`: the files of its model, or of its adapter if it has no model or with
 * `asAdapter`, README.md (`card`, or one that is made from the run) and the run's figure. Throws a UserError if it has
 * neither yet, or if the weights are not as it wrote them.
 */
export async function filesToPush(
  folder: string,
  { repo, card, asAdapter = false, onNote = () => {} }: {
    repo: string;
    card?: string;
    asAdapter?: boolean;
    onNote?: (line: string) => void;
  },
): Promise<{ files: PushFile[]; card: string }> {
  checkRepoName(repo);
  const { model, adapter } = runPaths(folder);
  if (!await exists(folder)) throw new UserError(`Cannot push ${folder}: there is no such folder, expected a run's`);
  const made = asAdapter || (!await exists(model) && await exists(adapter)) ? adapter : model;
  if (!await exists(made)) {
    throw new UserError(
      `Cannot push ${folder}: ${made} is not there; the run has not ended, or the folder is not a run's`,
    );
  }
  const opened = made === adapter ? await openAdapterFolder(made) : null;
  const changed = await checkHandedOut(folder, { made: opened === null ? "model" : "adapter", onNote });
  if (opened === null) await openModelFolder(model);
  const templates = join(made, TEMPLATES_FOLDER);
  const inside = await isFolder(templates)
    ? (await filesIn(templates)).map(({ name, size }) => ({ name: `${TEMPLATES_FOLDER}/${name}`, size }))
    : [];
  const files = [...await filesIn(made), ...inside]
    .filter(({ name }) => !name.startsWith(".") && name !== CARD && name !== FIGURE)
    .map(({ name, size }): PushFile => ({ path: name, size, content: { file: join(made, name) } }))
    .map((file) => opened !== null && file.path === ADAPTER_CONFIG ? configFile(opened) : file);
  const run = await readRun(folder);
  const figure = run.steps.length > 0 || run.iterations.length > 0 ? readmeFigure(run) : null;
  if (opened !== null && isLocal(opened)) {
    onNote(
      `The adapter's base model is the local ${
        isGgufPath(opened.base ?? "") ? "file" : "folder"
      } ${opened.base}: whoever ` +
        `loads the adapter needs it too; ${ADAPTER_CONFIG} names it without its path`,
    );
  }
  const text = card ?? modelCard({ ...run, edited: [...run.edited, ...changed] }, {
    repo,
    sources: await readSources(folder),
    figure: figure === null ? null : FIGURE,
    ...(opened && { adapter: opened }),
  });
  return {
    card: text,
    files: [textFile(CARD, text), ...files, ...(figure === null ? [] : [textFile(FIGURE, figure)])],
  };
}

/**
 * Sends the run in `folder` to the hub, with `asAdapter` its adapter rather than the model, and with the text `card` as
 * its README.md (default: one made from the run). Throws a UserError if it cannot.
 *
 * @example
 * ```ts
 * import { pushRun, UserError } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const push = pushRun("runs/none", { repo: "your-name/your-model", isPublic: false, message: "First upload" });
 * await assert.rejects(push, UserError);
 * ```
 */
export async function pushRun(
  folder: string,
  { card, asAdapter = false, ...options }: PushOptions & { card?: string; asAdapter?: boolean },
): Promise<Pushed> {
  const { repo } = options;
  const { onNote } = options;
  const { files } = await filesToPush(folder, {
    repo,
    asAdapter,
    ...(card !== undefined && { card }),
    ...(onNote && { onNote }),
  });
  return await pushFiles({ ...options, files });
}

/** Whether the base of an adapter can only be a path. */
function isLocal({ base }: AdapterFolder): boolean {
  return base !== null && parseModelSpec(base) === null;
}

/** The adapter's config, in which a base that lies on this machine is named without its path. */
function configFile(adapter: AdapterFolder): PushFile {
  const named = isLocal(adapter) ? { ...adapter, base: basename(adapter.base!), revision: null } : adapter;
  return textFile(ADAPTER_CONFIG, adapterConfigText(named));
}

function textFile(path: string, text: string): PushFile {
  return { path, size: new TextEncoder().encode(text).length, content: { text } };
}
