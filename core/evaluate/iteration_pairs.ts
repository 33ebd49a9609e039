/** Finds the models of each iteration that are compared. @module */
import type { IterationConfig } from "../config/config_types.ts";
import { UserError } from "../error.ts";
import { modelFolderOf } from "../run/model_path.ts";
import type { RunContext } from "../run/run_context.ts";
import { iterationModels, lackOf } from "./iteration_models.ts";

/** The two models of an iteration. */
export interface IterationPair {
  iteration: number;
  /** Their folders. */
  a: string;
  b: string;
}

/** The folders of the iterations' models; `a` is null where it is a model of its own. */
export interface WantedIterations {
  a: ReadonlyMap<number, string> | null;
  /** Of those that were asked for, ascending. */
  b: ReadonlyMap<number, string>;
  /** Those of iterations that were not asked for, but could be. */
  others: ReadonlyMap<number, string>;
}

/** Finds the iterations of run `b`, and of `a` if it is a run. Throws a UserError if one that is asked for is not there. */
export async function wantedIterations(
  { a, b, iterations }: { a: string; b: string; iterations: "all" | readonly number[] },
): Promise<WantedIterations> {
  const [ofA, ofB] = [await iterationModels(a), await iterationModels(b)];
  if (ofB.size === 0) {
    throw new UserError(
      `Cannot compare the iterations of ${b}: ${await lackOf(b)}, expected a folder of \`dnpo train\``,
    );
  }
  const asked = iterations === "all" ? [...ofB.keys()] : [...new Set(iterations)].sort((x, y) => x - y);
  for (const iteration of asked) {
    for (const [run, of] of [[b, ofB], ...ofA.size === 0 ? [] : [[a, ofA] as const]] as const) {
      if (of.has(iteration)) continue;
      throw new UserError(
        `Cannot compare iteration ${iteration} of ${b} with ${a}: ${run} has no model of it, expected one of ` +
          `${[...of.keys()].join(", ")} (--iterations ${[...of.keys()].filter((k) => ofB.has(k)).join(",")})`,
      );
    }
  }
  const others = [...ofB].filter(([iteration]) => !asked.includes(iteration) && (ofA.size === 0 || ofA.has(iteration)));
  return {
    a: ofA.size === 0 ? null : ofA,
    b: new Map(asked.map((iteration) => [iteration, ofB.get(iteration)!])),
    others: new Map(others),
  };
}

/** The models of the iterations in `looked`, and then of those that were asked for. Throws a UserError. */
export async function modelPairs(
  context: RunContext,
  { settings: { quantization }, a, wanted, looked }: {
    settings: IterationConfig;
    a: string;
    wanted: WantedIterations;
    looked: readonly number[];
  },
): Promise<IterationPair[]> {
  const finding = { resolve: (name: string) => context.sources.model(name), onNote: context.onNote, quantization };
  const fixed = wanted.a === null ? await modelFolderOf(a, finding) : null;
  const pairs: IterationPair[] = [];
  const first = looked.map((iteration) => [iteration, wanted.others.get(iteration)!] as const);
  for (const [iteration, folder] of [...first, ...wanted.b]) {
    pairs.push({
      iteration,
      a: fixed ?? await modelFolderOf(wanted.a!.get(iteration)!, finding),
      b: await modelFolderOf(folder, finding),
    });
  }
  return pairs;
}
