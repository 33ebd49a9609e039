/** What `dnpo evaluate` is asked for: names of tasks, YAML files among them, and files that nothing else names. @module */
import { findTasks } from "../core/benchmark/find_tasks.ts";
import type { TaskConfig } from "../core/benchmark/task_config.ts";
import { readTaskFile } from "../core/benchmark/task_file.ts";
import { PERPLEXITY } from "../core/benchmark/tasks/perplexity.ts";
import { UserError } from "../core/error.ts";

/** The command line's words for tasks. */
export interface TaskWords {
  /** The value of --tasks: names, patterns and YAML files, with commas between; absent if it was not given. */
  tasks: string | undefined;
  /** Those of --task-file. */
  taskFiles: readonly string[];
  /** Those of --text. */
  textFiles: readonly string[];
}

/** Names of tasks, with commas between, and the files of those that are one's own. */
export interface ChosenTasks {
  tasks: string;
  taskFiles: string[];
}

/**
 * Reads which tasks are meant. A YAML file among the names stands for its task, and files alone for theirs. Throws a
 * UserError for a name that there is not, for a file that would go unused, and for two files with one task.
 */
export async function chosenTasks({ tasks, taskFiles, textFiles }: TaskWords): Promise<ChosenTasks> {
  const words = tasks?.split(",").map((word) => word.trim()).filter((word) => word !== "");
  const isFile = (word: string): boolean => /\.ya?ml$/i.test(word);
  const files = [...new Set([...taskFiles, ...(words ?? []).filter(isFile)])];
  const own = new Map<string, TaskConfig>();
  for (const file of files) {
    const config = await readTaskFile(file);
    const other = [...own].find(([, { task }]) => task === config.task)?.[0];
    if (other !== undefined) {
      throw new UserError(
        `Cannot evaluate: ${other} and ${file} both hold a task ${config.task}, expected tasks of different names`,
      );
    }
    own.set(file, config);
  }
  const names = words?.map((word) => isFile(word) ? own.get(word)!.task : word) ??
    [...[...own.values()].map(({ task }) => task), ...(textFiles.length > 0 ? [PERPLEXITY.task] : [])];
  const chosen = findTasks(names, [...own.values()]).tasks.map(({ task }) => task);
  for (const [file, { task }] of own) {
    if (!chosen.includes(task)) {
      throw new UserError(`Cannot evaluate: --tasks does not name ${task}, the task of ${file}, expected it there too`);
    }
  }
  if (textFiles.length > 0 && !chosen.includes(PERPLEXITY.task)) {
    throw new UserError(
      `Cannot evaluate: --text is given, and --tasks does not name ${PERPLEXITY.task}, which reads it; expected it there`,
    );
  }
  return { tasks: names.join(","), taskFiles: files };
}
