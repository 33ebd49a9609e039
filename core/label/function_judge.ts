/** The judge that the calling program gives as a function. @module */
import type { LabelsConfig, ResolvedConfig } from "../config/config_types.ts";
import { UserError } from "../error.ts";
import type { RunHooks } from "../run/run_context.ts";
import type { Judge } from "./judge.ts";
import { type Verifier, verifierInputs } from "./verifier_protocol.ts";

/** A judge that scores both answers of a row with `score`. */
export function functionJudge(score: Verifier): Judge {
  return {
    name: "function",
    async score(rows, onDone) {
      const scores = [];
      for (const row of rows) {
        const [human, generated] = verifierInputs(row);
        scores.push({
          human: finite(await score(human), row.row),
          generated: finite(await score(generated), row.row),
        });
        onDone(scores.length);
      }
      return scores;
    },
  };
}

function finite(score: number | boolean, row: number): number {
  if (typeof score === "boolean") return Number(score);
  if (typeof score === "number" && Number.isFinite(score)) return score;
  throw new UserError(
    `Cannot score row ${row} with the given judge: it returned ${score}, expected a finite number`,
  );
}

/**
 * The config with the judge that the hooks give. It judges the iterations whose judge is `function`; if no iteration
 * has that judge, it judges all.
 */
export function withGivenJudge(config: ResolvedConfig, { judge }: Pick<RunHooks, "judge">): ResolvedConfig {
  if (judge === undefined || [config.labels].flat().some((labels) => labels.judge === "function")) return config;
  const given = (labels: LabelsConfig): LabelsConfig => ({ ...labels, judge: "function" });
  const { labels } = config;
  return { ...config, labels: Array.isArray(labels) ? labels.map(given) : given(labels) };
}
