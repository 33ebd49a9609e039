/** SHA-256, by the Web Crypto API, which every platform has. @module */

/** The SHA-256 of texts (as UTF-8) and bytes, joined end to end, in hexadecimal. */
export async function sha256(...parts: readonly (string | Uint8Array<ArrayBuffer>)[]): Promise<string> {
  const bytes = await new Blob([...parts]).arrayBuffer();
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
