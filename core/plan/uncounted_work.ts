/** What a plan leaves out: work of servers, and of judges that do more than score with a language model. @module */
import { type IterationConfig, type JudgeKind, judgesOf } from "../config/config.ts";

/** Where the judges work whose memory and time are not counted. */
const PLACES: Partial<Record<JudgeKind, string>> = {
  logprob: ", with a model of its own on the device",
  "reward-model": ", with a model of its own on the device",
  self: ", with the policy on the device",
  llm: ", on a server",
};

/** Lines about the stages generate and label of an iteration. Of the judges, only a single `logprob` is counted. */
export function uncountedWork({ generation, labels }: IterationConfig): string[] {
  const isEnsemble = labels.judge === "ensemble";
  const judges = judgesOf(labels).map(({ judge }) => judge)
    .filter((judge) => judge !== "human" && (isEnsemble || judge !== "logprob"));
  return [
    ...(generation.server === undefined ? [] : ["generate: generation.server answers"]),
    ...judges.map((judge) => `label: judge ${judge}${isEnsemble ? " of the ensemble" : ""}${PLACES[judge] ?? ""}`),
  ];
}
