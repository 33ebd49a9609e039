/** What an evaluation is asked for: names of tasks, YAML files among them, and files that nothing else names. @module */
import { findTasks, taskNames } from "../benchmark/find_tasks.ts";
import type { TaskConfig } from "../benchmark/task_config.ts";
import { readTaskFile } from "../benchmark/task_file.ts";
import { PERPLEXITY } from "../benchmark/tasks/perplexity.ts";
import { UserError } from "../error.ts";

/** Words for tasks. */
export interface TaskWords {
  /** Names, patterns and YAML files, with commas between; absent for the tasks of the files alone. */
  tasks?: string | undefined;
  /** YAML files of tasks of one's own. */
  taskFiles?: readonly string[];
  /** Texts of the task `perplexity`, a document each. */
  textFiles?: readonly string[];
  /** What the two are called where they are given, for messages (default: the command's options). */
  called?: { tasks: string; text: string };
}

/** Names of tasks, with commas between, and those of them that are one's own. */
export interface ChosenTasks {
  tasks: string;
  own: TaskConfig[];
}

/**
 * Reads which tasks are meant. A YAML file among the names stands for its task, and files alone for theirs. Throws a
 * UserError for a name that there is not or is another task's, and for a file that would go unused or is missing.
 */
export async function chosenTasks(
  { tasks, taskFiles = [], textFiles = [], called = { tasks: "--tasks", text: "--text" } }: TaskWords,
): Promise<ChosenTasks> {
  const words = tasks?.split(",").map((word) => word.trim()).filter((word) => word !== "");
  const isFile = (word: string): boolean => /\.ya?ml$/i.test(word);
  const files = await readFiles([...new Set([...taskFiles, ...(words ?? []).filter(isFile)])]);
  const own = [...files.values()];
  if (textFiles.length > 0) {
    own.push({ ...PERPLEXITY, dataset_kwargs: { data_files: { test: [...textFiles] }, sample_by: "document" } });
  }
  const names = words?.map((word) => isFile(word) ? files.get(word)!.task : word) ?? own.map(({ task }) => task);
  if (names.length === 0) {
    throw new UserError(
      `Cannot evaluate: no task is named, expected ${called.tasks} with one or more (dnpo evaluate --list shows them)`,
    );
  }
  const chosen = findTasks(names, own).tasks.map(({ task }) => task);
  for (const [file, { task }] of files) {
    if (!chosen.includes(task)) {
      throw new UserError(
        `Cannot evaluate: ${called.tasks} does not name ${task}, the task of ${file}, expected it there too`,
      );
    }
  }
  const hasTexts = textFiles.length > 0;
  if (hasTexts && !chosen.includes(PERPLEXITY.task)) {
    throw new UserError(
      `Cannot evaluate: ${called.text} is given, and ${called.tasks} does not name ${PERPLEXITY.task}, which reads it; ` +
        "expected it there",
    );
  }
  if (!hasTexts && chosen.includes(PERPLEXITY.task)) {
    throw new UserError(`Cannot evaluate ${PERPLEXITY.task}: no text is named, expected ${called.text} FILE`);
  }
  return { tasks: names.join(","), own };
}

/** The tasks of files, by file. */
async function readFiles(files: readonly string[]): Promise<Map<string, TaskConfig>> {
  const { tasks, groups } = taskNames();
  const read = new Map<string, TaskConfig>();
  for (const file of files) {
    const config = await readTaskFile(file);
    if ([...tasks, ...groups].includes(config.task)) {
      throw new UserError(
        `Cannot evaluate the task of ${file}: it is called ${config.task} as a task that is there already, expected ` +
          "another name",
      );
    }
    const other = [...read].find(([, { task }]) => task === config.task)?.[0];
    if (other !== undefined) {
      throw new UserError(
        `Cannot evaluate: ${other} and ${file} both hold a task ${config.task}, expected tasks of different names`,
      );
    }
    read.set(file, config);
  }
  return read;
}
