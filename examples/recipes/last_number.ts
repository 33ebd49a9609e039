/** A verifier for GSM8K: 1 where the last number of a response is the reference's, which stands behind `####`. @module */
export default function score({ response, reference }: { response: string; reference?: unknown }): number {
  const wanted = lastNumber(String(reference ?? ""));
  return wanted !== null && lastNumber(response) === wanted ? 1 : 0;
}

function lastNumber(text: string): number | null {
  const found = text.match(/-?\d[\d,]*(\.\d+)?/g)?.at(-1);
  return found === undefined ? null : Number(found.replaceAll(",", ""));
}
