/** `dnpo push`. @module */
import { writeFileAtomic } from "../../core/files/atomic.ts";
import { refuseExisting } from "../../core/files/existing_output.ts";
import { readText } from "../../core/files/io.ts";
import { formatSize } from "../../core/progress.ts";
import { filesToPush, pushRun } from "../../core/report/push_run.ts";
import { say, sayText, tell } from "../print.ts";
import { Progress } from "../progress_line.ts";

/** The arguments of `dnpo push`. */
export interface PushFlags {
  /** The run's folder. */
  run: string;
  /** `org/name`. */
  repo: string;
  /** Whether to send nothing, and only show what would be sent. */
  dryRun: boolean;
  /** Whether to send the adapter of a run that has a model too. */
  asAdapter: boolean;
  /** Whether anybody may see a repository that is created. */
  isPublic: boolean;
  /** The commit's message, if one was given. */
  message: string | undefined;
  /** The branch, if one was given. */
  revision: string | undefined;
  /** File of the model card: written by a dry run, sent instead of the run's own otherwise. */
  cardPath: string | undefined;
  /** Whether a dry run overwrites a card that is there. */
  force: boolean;
  /** Whether progress is hidden. */
  quiet: boolean;
}

/** Sends a run's model to the hub and prints its page; with `dryRun`, prints the card and lists what would be sent. */
export async function push(options: PushFlags): Promise<number> {
  const { run, repo, dryRun, asAdapter, isPublic, message, revision, cardPath, quiet } = options;
  if (dryRun) return await showPush(options);
  const progress = new Progress({ quiet });
  try {
    const pushed = await pushRun(run, {
      repo,
      asAdapter,
      isPublic,
      message: message ?? "Upload model with dnpo",
      ...(revision !== undefined && { revision }),
      ...(cardPath !== undefined && { card: await readCard(cardPath) }),
      onProgress: (event) => progress.update(event),
      onNote: (line) => progress.note(line),
    });
    progress.finish();
    sayText(`Pushed: ${pushed.url} (commit ${pushed.commit.slice(0, 12)})`);
    return 0;
  } finally {
    progress.finish();
  }
}

async function showPush(
  { run, repo, asAdapter, isPublic, revision, cardPath, force, quiet }: PushFlags,
): Promise<number> {
  if (cardPath !== undefined) await refuseExisting(cardPath, { action: `Cannot write the card ${cardPath}`, force });
  const progress = new Progress({ quiet });
  const { files, card } = await filesToPush(run, { repo, asAdapter, onNote: (line) => progress.note(line) });
  const where = `${repo}${revision === undefined ? "" : `, branch ${revision}`}`;
  const total = files.reduce((sum, { size }) => sum + size, 0);
  const width = Math.max(...files.map(({ path }) => path.length));
  const lines = [
    `Would send to ${where} (a ${isPublic ? "public" : "private"} repository, made if it is not there yet):`,
    ...files.map(({ path, size }) => `  ${path.padEnd(width)}  ${formatSize(size)}`),
    `  ${"in all".padEnd(width)}  ${formatSize(total)}`,
  ];
  if (!quiet) tell(...lines);
  if (cardPath === undefined) say(...card.trimEnd().split("\n"));
  else await writeFileAtomic(cardPath, card);
  return 0;
}

async function readCard(path: string): Promise<string> {
  return await readText(path, { what: `the card ${path}` });
}
