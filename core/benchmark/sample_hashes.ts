/** The hashes by which lm-eval tells documents, prompts and targets (0.4.13, `evaluator.py`). @module */
import { sha256 } from "../files/digest.ts";
import type { DocumentRequest } from "./benchmark_task.ts";
import { pythonJson, pythonStr } from "./python_str.ts";

/** The hashes of one document. */
export interface SampleHashes {
  readonly doc_hash: string;
  /** Of the first request's context, or of the text that is scored as a whole. */
  readonly prompt_hash: string;
  readonly target_hash: string;
}

/** The hashes of a document and what is asked for it. */
export async function sampleHashes({ doc, target, asked }: DocumentRequest): Promise<SampleHashes> {
  const prompt = asked.kind === "loglikelihood"
    ? asked.pairs[0]!.context
    : asked.kind === "generate"
    ? asked.context
    : asked.text;
  const [doc_hash, prompt_hash, target_hash] = await Promise.all([
    sha256(pythonJson(doc)),
    sha256(prompt),
    sha256(pythonStr(target)),
  ]);
  return { doc_hash, prompt_hash, target_hash };
}

/** A task's hash: of the hashes of its samples in their order, which are all documents once for each filter. */
export function taskHash(samples: readonly SampleHashes[]): Promise<string> {
  return sha256(samples.map((each) => each.doc_hash + each.prompt_hash + each.target_hash).join(""));
}
