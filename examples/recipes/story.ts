/**
 * A verifier for stories without a model: small models repeat themselves, and do not come to an end. The score is the
 * share of three-word runs that occur once, halved where the last sentence is not finished. @module
 */
export default function score({ response }: { response: string }): number {
  const words = response.toLowerCase().match(/[a-z']+/g) ?? [];
  const runs = words.slice(2).map((_, i) => words.slice(i, i + 3).join(" "));
  if (runs.length === 0) return 0;
  const isFinished = /[.!?]["']?\s*$/.test(response);
  return (new Set(runs).size / runs.length) * (isFinished ? 1 : 0.5);
}
