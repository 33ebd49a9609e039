/** The ablation: which parts of the method a variant has, where it ends, and how far that is from SPIN. @module */
import { type Mean, meanOf } from "../../evaluate/seed_means.ts";
import { type GroupMeasure, meansOf, type MeasuredGroup } from "./group_measures.ts";
import type { MeasuredRun } from "./measured_runs.ts";
import { type Part, PARTS } from "./parts.ts";

/** A measure of a variant at its end. */
export interface AblationCell {
  measure: GroupMeasure;
  /** The start, if it was measured. */
  start: Mean | null;
  /** The last iteration that has it, and its mean. */
  iteration: number;
  end: Mean;
  /** Its lead on SPIN after the same iteration, over the seeds that both have; null where there is nothing to compare. */
  lead: Mean | null;
}

/** A variant of the ablation. */
export interface AblationRow {
  group: MeasuredGroup;
  part: Part;
  cells: AblationCell[];
}

/** The variants whose settings tell which parts they have, in the paper's order; empty without two different parts. */
export function ablationRows(groups: readonly MeasuredGroup[], measures: readonly GroupMeasure[]): AblationRow[] {
  const known = groups.flatMap((group) => group.part === null ? [] : [{ group, part: group.part }]);
  if (new Set(known.map(({ part }) => part)).size < 2) return [];
  const spins = known.filter(({ part }) => part === "SPIN");
  // Of two of them neither is the one to compare with.
  const base = spins.length === 1 ? spins[0]!.group : null;
  return known.sort((a, b) => PARTS.indexOf(a.part) - PARTS.indexOf(b.part)).map(({ group, part }) => ({
    group,
    part,
    cells: measures.flatMap((measure): AblationCell[] => {
      const means = meansOf(group, measure.key);
      const last = [...means].filter(([iteration]) => iteration >= 0).at(-1);
      if (last === undefined) return [];
      const [iteration, end] = last;
      const lead = base === null || base === group ? null : leadOf(group, base, { key: measure.key, iteration });
      return [{ measure, start: means.get(-1) ?? null, iteration, end, lead }];
    }),
  }));
}

/** The difference after an iteration, seed by seed where the seeds are known. */
function leadOf(
  group: MeasuredGroup,
  base: MeasuredGroup,
  { key, iteration }: { key: string; iteration: number },
): Mean | null {
  const valueOf = ({ rows }: MeasuredRun): number | undefined =>
    rows.find((row) => row.iteration === iteration)?.values[key];
  const isOnly = group.runs.length === 1 && base.runs.length === 1;
  const leads = group.runs.flatMap((run) => {
    const other = base.runs.find(({ seed }) => isOnly || (seed !== null && seed === run.seed));
    const [own, its] = [valueOf(run), other && valueOf(other)];
    return own === undefined || its === undefined ? [] : [own - its];
  });
  return leads.length === 0 ? null : meanOf(leads);
}
