/** Numbers of things, in words. @module */

/** A word with its number, of which one is no plural: `1 row`, `1,500 rows`, `2 replies`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${Math.round(value).toLocaleString("en-US")} ${value === 1 ? one : many}`;
}
