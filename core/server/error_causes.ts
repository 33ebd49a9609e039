/** What an error of the network comes from. @module */

/** An error and its causes, the innermost last. */
export function causes(error: unknown): unknown[] {
  const chain = [error];
  for (let inner = error; inner instanceof Error && inner.cause instanceof Error;) chain.push(inner = inner.cause);
  return chain;
}

/** The message of the innermost cause: errors around it say only that there was one, and where. */
export function innermost(error: unknown): string {
  const inner = causes(error).at(-1);
  const text = inner instanceof Error ? inner.message : String(inner);
  // Deno's message begins with the address, which the caller's error says already, and with the layer that failed.
  return text.replace(/^error sending request (?:for url|from \S+ for) .*?\): /, "")
    .replace(/^client error \(\w+\): /, "").replace(/ \(os error \d+\)$/, "");
}
