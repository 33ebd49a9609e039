/** Groups of tasks, and what they add to their members. @module */
import type { TaskConfig } from "./task_config.ts";

/** How the values of a group's tasks become one. */
export interface GroupMetric {
  readonly metric: string;
  /** Whether a task counts as often as it has documents. */
  readonly weight_by_size: boolean;
}

/** One task or group within a group. */
export interface GroupMember {
  readonly name: string;
  /** What the group changes of it, and of all that is in it. */
  readonly overrides?: Partial<TaskConfig>;
}

/** A group. */
export interface TaskGroup {
  readonly group: string;
  readonly group_alias?: string;
  readonly members: readonly GroupMember[];
  readonly aggregate_metric_list?: readonly GroupMetric[];
  readonly version?: number;
}
