/** Text from data, files and servers, made safe to show: without control characters and without passwords. @module */

/** Control characters (C0 but newline, C1) and those that turn or hide the direction of text. */
// deno-lint-ignore no-control-regex
const UNSAFE = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+/g;

/** User name and password of an address; a password may hold a `/`, which no address allows. */
const CREDENTIALS =
  /(\bhttps?:[\\/]*|\b[a-z][a-z0-9+.-]*:\/\/)(?:[^\s\\/?#"]*@|[^\s:@/"]*:(?!\d+(?:[/"]|$))[^\s"]*@)/gi;

/** The text with a space for each run of characters that could rewrite a terminal or reverse a line; newlines stay. */
export function printable(text: string): string {
  return text.replace(UNSAFE, " ");
}

/** What an address lies within: it has no white space and no quotes. */
const RUNS = /[^\s"]+/g;

/** The longest run that is searched with the pattern, which takes time quadratic in the run's length. */
const MAX_RUN = 256;

/** From where an address begins in a longer run up to its last `@`, which is more than an address may hide. */
const LONG = /(https?:|:\/\/).*@/is;

/** Whether the text has an address with a user name or password. */
export function hasCredentials(text: string): boolean {
  let found = false;
  for (const [run] of text.matchAll(RUNS)) replaceIn(run, () => String(found = true));
  return found;
}

/** The text with `(hidden)` for the user name and password of each address. It takes time linear in the text. */
export function maskCredentials(text: string): string {
  return text.includes("@") ? text.replace(RUNS, (run) => replaceIn(run, (start) => `${start}(hidden)@`)) : text;
}

/** Replaces each address up to its `@`; `replace` gets how it begins. */
function replaceIn(run: string, replace: (start: string) => string): string {
  if (!run.includes("@")) return run;
  const pattern = run.length > MAX_RUN ? LONG : CREDENTIALS;
  // Beyond the last @ the pattern would be tried in vain at every colon.
  const end = run.lastIndexOf("@") + 1;
  return run.slice(0, end).replace(pattern, (_, start: string) => replace(start)) + run.slice(end);
}
