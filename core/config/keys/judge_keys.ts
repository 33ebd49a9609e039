/** Keys of `labels` and of an ensemble's members, with the judges that use them. @module */
import { z } from "zod";
import { type JudgeKind, JUDGES, MEMBER_JUDGES } from "../choices.ts";
import { serverKeys } from "./generation_keys.ts";
import { count, key, named, text } from "./key.ts";

/** How each judge decides. */
export const JUDGE_TEXTS: Readonly<Record<JudgeKind, string>> = {
  human: "the human response is always chosen",
  verifier: "a TypeScript module scores",
  logprob: "a second model scores, by the mean log-probability per token",
  "reward-model": "a sequence-classification model scores",
  llm: "a model behind an OpenAI-compatible server is asked",
  self: "the policy itself is asked, as llm is",
  ensemble: "several judges vote",
  function: "a function that the program calling train() gives",
};

/** Keys of `verifier_permissions`. */
export const verifierPermissionKeys = {
  read: key(z.array(text).exactOptional(), "Files that the verifier may read, and folders with all that is in them."),
  net: key(z.array(text).exactOptional(), "Hosts that the verifier may connect to, name or name:port."),
  env: key(z.array(text).exactOptional(), "Environment variables that the verifier may read."),
};

/** Keys that any judge may have, whether it uses them or not: `--set labels.judge=…` alone can change the judge. */
export const judgeKeys = {
  model: key(
    text.exactOptional(),
    "Model that judges logprob and reward-model score with: a folder, or org/name[@revision] on the hub.",
    {
      of: ["logprob", "reward-model"],
      needed: true,
      hf: ["OnlineDPOConfig.reward_model_path"],
    },
  ),
  reward_label: key(
    z.union([z.string().min(1), z.int().min(0)]).exactOptional(),
    "Output of the score head that judge reward-model goes by, its name in id2label or its index; needed where there " +
      "are several.",
    { of: ["reward-model"] },
  ),
  max_length: key(
    count.exactOptional(),
    "Tokens of prompt and response together that judge reward-model reads, at most; the beginning of a longer text " +
      "is left out, and such texts are counted; default: the judging model's max_position_embeddings.",
    { of: ["reward-model"] },
  ),
  verifier: key(
    text.exactOptional(),
    "TypeScript module of judge verifier, whose default export scores {prompt, response, reference}; that of labels " +
      "itself is also what data.eval's answers are right by, whatever the judge.",
    { of: ["verifier"], needed: true },
  ),
  mode: key(
    z.enum(["score", "pairwise"]).exactOptional(),
    "How judges llm and self judge. score: each response alone, from 1 to 10; pairwise: both in both orders, where " +
      "only a response that wins in both scores 1 to 0, all else is a tie of 0.5.",
    { of: ["llm", "self"], filledIn: "score" },
  ),
  prompt: key(
    text.exactOptional(),
    "File of the text that judges llm and self are asked with: {prompt} and {response}, or {response_a} and " +
      "{response_b} where mode is pairwise, and {reference} if wanted; default: a prompt of our own with its rubric.",
    { of: ["llm", "self"] },
  ),
  base_url: key(
    z.string().min(1).exactOptional(),
    "Address of the OpenAI-compatible server of judge llm, such as http://127.0.0.1:8000/v1.",
    { of: ["llm"], filledIn: "https://api.openai.com/v1", mayDiffer: true },
  ),
  server_model: key(text.exactOptional(), "Name of the judging model on the server of judge llm.", {
    of: ["llm"],
    needed: true,
  }),
  ...serverKeys,
  temperature: key(
    z.number().min(0).exactOptional(),
    "Sampling temperature of judge llm, from 0 on; self is always greedy.",
    {
      of: ["llm"],
      filledIn: 0,
    },
  ),
  max_tokens: key(count.exactOptional(), "Tokens of a verdict of judges llm and self, at most.", {
    of: ["llm", "self"],
    filledIn: 1024,
  }),
  concurrency: key(count.exactOptional(), "Requests at a time, of judge llm; their number changes the speed alone.", {
    of: ["llm"],
    filledIn: 8,
    mayDiffer: true,
  }),
  timeout: key(
    z.number().gt(0).exactOptional(),
    "Seconds after which a request of judge llm is given up and repeated.",
    { of: ["llm"], filledIn: 120, mayDiffer: true },
  ),
  max_invalid: key(
    z.number().min(0).max(1).exactOptional(),
    "Share of verdicts of judges llm and self that may be unreadable, from 0 to 1 (the human response is chosen " +
      "then); with more the stage stops.",
    { of: ["llm", "self"], filledIn: 0.05, mayDiffer: true },
  ),
  input_price: key(
    z.number().min(0).exactOptional(),
    "Price of a million prompt tokens of judge llm, for labels/cost.",
    { of: ["llm"], mayDiffer: true },
  ),
  output_price: key(
    z.number().min(0).exactOptional(),
    "Price of a million tokens of the verdicts of judge llm, for labels/cost.",
    { of: ["llm"], mayDiffer: true },
  ),
  verifier_timeout: key(
    z.number().gt(0).default(60),
    "Seconds that the verifier may take for one response, and to load; then it is ended, and with it the run.",
    { of: ["verifier"], mayDiffer: true },
  ),
  verifier_memory: key(
    count.exactOptional(),
    "MiB that the process may grow by while the verifier loads or scores; then it is ended, and with it the run; " +
      "default: 1024.",
    { of: ["verifier"], mayDiffer: true },
  ),
  verifier_permissions: key(
    named("VerifierPermissions", z.strictObject(verifierPermissionKeys)).exactOptional(),
    "What the verifier may do, at most what the process may; what is not listed is forbidden.",
    { of: ["verifier"], mayDiffer: true },
  ),
  margin: key(
    z.number().min(0).default(0),
    "Lead in score, from 0 on, above which the generated response is chosen over the human one.",
  ),
};

/** Keys that an ensemble's member has besides {@linkcode judgeKeys}. */
export const memberKeys = {
  judge: key(named("MemberKind", z.enum(MEMBER_JUDGES)), "Kind of a judge that votes."),
  weight: key(z.number().gt(0).default(1), "Weight of the judge's vote, above 0."),
};

const member = named("MemberConfig", z.strictObject({ ...memberKeys, ...judgeKeys }));

/** The key of `labels` that says which judge it is. */
export const kindKey = {
  judge: key(
    named("JudgeKind", z.enum(JUDGES)).default("human"),
    `Judge of the responses. ${JUDGES.map((judge) => `${judge}: ${JUDGE_TEXTS[judge]}`).join("; ")}.`,
  ),
};

/** Keys of judge `ensemble` alone. */
export const ensembleKeys = {
  judges: key(
    z.array(member).min(1).exactOptional(),
    "Judges of judge ensemble. Each votes for the response that it scores higher by more than its own margin, or for " +
      "none; a response's score is the sum of its votes' weights as a share of the weights of all judges that gave a " +
      "verdict.",
    { of: ["ensemble"], needed: true },
  ),
};

/** Keys of `labels`. */
export const labelsKeys = { ...kindKey, ...judgeKeys, ...ensembleKeys };
