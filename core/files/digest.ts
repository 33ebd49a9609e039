/** SHA-256, as every platform has it. @module */

/** The SHA-256 of texts (as UTF-8) and bytes end to end, in hexadecimal. */
export async function sha256(...parts: readonly (string | Uint8Array<ArrayBuffer>)[]): Promise<string> {
  const bytes = await new Blob([...parts]).arrayBuffer();
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
