/** Finds tasks by name: one, several by comma, a group, a wildcard. @module */
import { nearestWord } from "../config/nearest_word.ts";
import { UserError } from "../error.ts";
import { globToRegExp } from "../hub/glob.ts";
import { quote } from "../values.ts";
import { GROUPS, TASKS } from "./built_in_tasks.ts";
import type { TaskConfig } from "./task_config.ts";
import type { GroupMember, GroupMetric, TaskGroup } from "./task_groups.ts";

/** A group whose tasks were found. */
export interface FoundGroup {
  readonly name: string;
  readonly alias: string;
  /** As lm-eval writes it: a text. */
  readonly version: string;
  /** Its direct members, tasks and groups. */
  readonly children: readonly string[];
  /** All tasks in it. */
  readonly leaves: readonly string[];
  readonly metrics: readonly GroupMetric[];
}

/** Tasks and the groups that they were named by. */
export interface FoundTasks {
  /** The tasks, each once, in the order named. */
  readonly tasks: readonly TaskConfig[];
  /** The groups, each before those in it. */
  readonly groups: readonly FoundGroup[];
}

/** All names of tasks and groups, with those of one's own. */
export function taskNames(own: readonly TaskConfig[] = []): { tasks: string[]; groups: string[] } {
  return {
    tasks: [...new Set([...own, ...TASKS].map(({ task }) => task))],
    groups: GROUPS.map(({ group }) => group),
  };
}

/**
 * Finds tasks and groups by names, where each may hold several with commas between, and `*`, `?` and `[…]`. Tasks of
 * one's own take precedence over those of the same name. Throws a UserError for a name that there is not, and where two
 * names ask for one task with different settings.
 */
export function findTasks(names: string | readonly string[], own: readonly TaskConfig[] = []): FoundTasks {
  const tasks = new Map<string, TaskConfig>();
  const groups = new Map<string, FoundGroup>();
  const add = (task: TaskConfig, overrides: Partial<TaskConfig>): void => {
    const wanted = { ...task, ...overrides };
    const there = tasks.get(task.task);
    if (there !== undefined && !isSameTask(there, wanted)) {
      throw new UserError(
        `Cannot use the tasks: ${task.task} is asked for twice, with different numbers or splits of examples, expected ` +
          "one of the groups or tasks that hold it",
      );
    }
    tasks.set(task.task, there ?? wanted);
  };
  const visit = ({ name, overrides = {} }: GroupMember): string[] => {
    const group = own.some(({ task }) => task === name) ? undefined : GROUPS.find((each) => each.group === name);
    if (group === undefined) {
      add([...own, ...TASKS].find(({ task }) => task === name)!, overrides);
      return [name];
    }
    const place: FoundGroup = foundGroup(group, []);
    groups.set(name, place);
    const leaves = group.members.flatMap((member) =>
      visit({ name: member.name, overrides: { ...overrides, ...member.overrides } })
    );
    groups.set(name, { ...place, leaves });
    return leaves;
  };
  for (const name of expandNames(names, own)) visit({ name });
  return { tasks: [...tasks.values()], groups: [...groups.values()] };
}

function foundGroup(group: TaskGroup, leaves: readonly string[]): FoundGroup {
  return {
    name: group.group,
    alias: group.group_alias ?? group.group,
    version: group.version === undefined ? "N/A" : String(group.version),
    children: group.members.map(({ name }) => name),
    leaves,
    metrics: group.aggregate_metric_list ?? [],
  };
}

function isSameTask(a: TaskConfig, b: TaskConfig): boolean {
  return a.num_fewshot === b.num_fewshot && a.fewshot_split === b.fewshot_split;
}

/** lm-eval's tags that stand for their tasks: those of which all tasks are here. */
const TAGS = ["ai2_arc"];

function expandNames(names: string | readonly string[], own: readonly TaskConfig[]): string[] {
  const words = [names].flat().flatMap((name) => name.split(",")).map((name) => name.trim()).filter((name) =>
    name !== ""
  );
  if (words.length === 0) {
    throw new UserError("Cannot evaluate: no task is named, expected one or more (dnpo evaluate --list shows them)");
  }
  const all = taskNames(own);
  const known = [...all.groups, ...all.tasks];
  const found = words.flatMap((word) => {
    if (known.includes(word)) return [word];
    const tagged = TAGS.includes(word) ? TASKS.filter(({ tag }) => tag?.includes(word)) : [];
    if (tagged.length > 0) return tagged.map(({ task }) => task).sort();
    const pattern = /[*?[]/.test(word) ? globToRegExp(word) : null;
    const matches = pattern === null ? [] : known.filter((name) => pattern.test(name)).sort();
    if (matches.length > 0) return matches;
    throw new UserError(`Cannot find the task ${quote(word)}: ${adviceFor(word, known)}`);
  });
  return [...new Set(found)];
}

/** The most names that an error lists. */
const MOST_NAMES = 5;

function adviceFor(word: string, known: readonly string[]): string {
  const nearest = nearestWord(word, known);
  const similar = known.filter((name) => name !== nearest && (name.includes(word) || word.includes(name)));
  const shown = [...(nearest === undefined ? [] : [nearest]), ...similar].slice(0, MOST_NAMES);
  const kind = /[*?[]/.test(word) ? "no task has such a name" : "there is none of that name";
  return shown.length > 0
    ? `${kind}, expected one such as ${shown.join(", ")}`
    : `${kind}, expected one of ${known.filter((name) => !name.startsWith("mmlu_")).join(", ")}, or a YAML file`;
}
