/** Sends a run's model to the hub: the files of its folder, a card, a figure. @module */
import { openModelFolder } from "../checkpoint/model_folder.ts";
import { TEMPLATES_FOLDER } from "../checkpoint/save_folder.ts";
import { UserError } from "../error.ts";
import { exists, filesIn, isFolder } from "../files/io.ts";
import { join } from "../files/path.ts";
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
 * What `dnpo push` sends of the run in `folder`: the model's files, README.md (`card`, or one that is made from the
 * run) and the run's figure. Throws a UserError if the run has no model yet, or its weights are not as it wrote them.
 */
export async function filesToPush(
  folder: string,
  { repo, card, onNote = () => {} }: { repo: string; card?: string; onNote?: (line: string) => void },
): Promise<{ files: PushFile[]; card: string }> {
  checkRepoName(repo);
  const { model } = runPaths(folder);
  if (!await exists(folder)) throw new UserError(`Cannot push ${folder}: there is no such folder, expected a run's`);
  if (!await exists(model)) {
    throw new UserError(`Cannot push ${folder}: ${model} is not there; the run has not ended, or is none`);
  }
  const changed = await checkHandedOut(folder, { onNote });
  await openModelFolder(model);
  const templates = join(model, TEMPLATES_FOLDER);
  const inside = await isFolder(templates)
    ? (await filesIn(templates)).map(({ name, size }) => ({ name: `${TEMPLATES_FOLDER}/${name}`, size }))
    : [];
  const files = [...await filesIn(model), ...inside]
    .filter(({ name }) => !name.startsWith(".") && name !== CARD && name !== FIGURE)
    .map(({ name, size }): PushFile => ({ path: name, size, content: { file: join(model, name) } }));
  const run = await readRun(folder);
  const figure = run.steps.length > 0 || run.iterations.length > 0 ? readmeFigure(run) : null;
  const text = card ?? modelCard({ ...run, edited: [...run.edited, ...changed] }, {
    repo,
    sources: await readSources(folder),
    figure: figure === null ? null : FIGURE,
  });
  return {
    card: text,
    files: [textFile(CARD, text), ...files, ...(figure === null ? [] : [textFile(FIGURE, figure)])],
  };
}

/**
 * Sends the run in `folder` to the hub, with the text `card` as its README.md (default: one made from the run). Throws a
 * UserError if it cannot.
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
  { card, ...options }: PushOptions & { card?: string },
): Promise<Pushed> {
  const { repo } = options;
  const { onNote } = options;
  const { files } = await filesToPush(folder, { repo, ...(card !== undefined && { card }), ...(onNote && { onNote }) });
  return await pushFiles({ ...options, files });
}

function textFile(path: string, text: string): PushFile {
  return { path, size: new TextEncoder().encode(text).length, content: { text } };
}
