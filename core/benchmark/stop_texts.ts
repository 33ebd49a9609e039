/** Texts at which an answer ends, as lm-eval 0.4.13 cuts it (`models/utils.py`). @module */

/** A task's stop texts, with that of the end-of-sequence token. */
export function stopTexts(until: readonly string[], eosText: string | null): string[] {
  return eosText === null || until.includes(eosText) ? [...until] : [...until, eosText];
}

/** An answer up to the first place of each stop text, one after the other. */
export function cutAtStops(text: string, stops: readonly string[]): string {
  return stops.reduce((rest, stop) => stop === "" ? rest : rest.split(stop, 1)[0]!, text);
}
