/** How wide the terminal is. @module */

/** Columns of the terminal if `stream` is one, `otherwise` if it is none or says none. */
export function terminalColumns(stream: { isTerminal(): boolean }, otherwise: number): number {
  try {
    // Some pseudo terminals report 0.
    return stream.isTerminal() ? Deno.consoleSize().columns || otherwise : otherwise;
  } catch {
    return otherwise;
  }
}
