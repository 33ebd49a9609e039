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

/** Whether the text has an address with a user name or password. */
export function hasCredentials(text: string): boolean {
  return text.search(CREDENTIALS) !== -1;
}

/** The text with `(hidden)` for the user name and password of each address. */
export function maskCredentials(text: string): string {
  return text.replace(CREDENTIALS, "$1(hidden)@");
}
