/** What a stream's terminal understands besides text. @module */

/** Whether the terminal says of itself that it knows no escape sequences; without the permission to read it, it does not. */
function isDumb(): boolean {
  // Help is shown without any permission, and to ask for one would stop with a question.
  const { state } = Deno.permissions.querySync({ name: "env", variable: "TERM" });
  return state === "granted" && Deno.env.get("TERM") === "dumb";
}

/** Whether a stream is a terminal that moves its cursor. */
export function movesCursor(stream: { isTerminal(): boolean }): boolean {
  return stream.isTerminal() && !isDumb();
}

/** Whether a stream is a terminal that shows colours, and nobody asked for none. */
export function showsColors(stream: { isTerminal(): boolean }): boolean {
  return !Deno.noColor && movesCursor(stream);
}
