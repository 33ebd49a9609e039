/** Bodies of HTTP answers, read within bounds of size and time. @module */

/** Thrown for a body that is too long or too slow; the message, which goes on after the server's name, tells which. */
export class BodyError extends Error {
  override readonly name = "BodyError";
  /** Whether it is too long, which another request does not change. */
  readonly isTooLong: boolean;

  constructor(message: string, { isTooLong }: { isTooLong: boolean }) {
    super(message);
    this.isTooLong = isTooLong;
  }
}

/** The bounds of a body. */
export interface BodyBounds {
  /** The most bytes, unpacked. */
  maxBytes: number;
  /** The most milliseconds until its end. */
  milliseconds: number;
  /** Ends the reading, which then throws the signal's reason. */
  signal?: AbortSignal | null;
}

/** Reads a body whole. Throws a BodyError beyond a bound, and what the connection throws. */
export async function readBounded(
  { body }: Pick<Response, "body">,
  { maxBytes, milliseconds, signal }: BodyBounds,
): Promise<Uint8Array<ArrayBuffer>> {
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let onAbort = (): void => {};
  const ended = new Promise<never>((_, reject) => {
    const late = new BodyError(`gives no answer that ends within ${milliseconds / 1000} s`, { isTooLong: false });
    timer = setTimeout(() => reject(late), milliseconds);
    onAbort = () => reject(signal!.reason);
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted) onAbort();
  });
  try {
    for (;;) {
      const { value, done } = await Promise.race([reader.read(), ended]);
      if (done) break;
      size += value.length;
      if (size > maxBytes) {
        throw new BodyError(`gives an answer of more than ${maxBytes.toLocaleString("en")} bytes`, { isTooLong: true });
      }
      parts.push(value);
    }
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
    // Where all is read this does nothing; else it closes the connection.
    reader.cancel().catch(() => {});
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The same answer unpacked, if it came packed by gzip or deflate though that was not asked for. */
export function unpacked(response: Response): Response {
  const encoding = response.headers.get("content-encoding")?.trim().toLowerCase();
  if ((encoding !== "gzip" && encoding !== "deflate") || response.body === null) return response;
  const { status, statusText, headers, url } = response;
  const plain = new Headers(headers);
  plain.delete("content-encoding");
  plain.delete("content-length");
  const body = response.body.pipeThrough(new DecompressionStream(encoding));
  return Object.defineProperty(new Response(body, { status, statusText, headers: plain }), "url", { value: url });
}

/** The same answer with its body in memory. Throws as {@linkcode readBounded}. */
export async function boundedResponse(response: Response, bounds: BodyBounds): Promise<Response> {
  const { status, statusText, headers, url } = response;
  const bytes = await readBounded(response, bounds);
  const isEmpty = response.body === null;
  const whole = new Response(isEmpty ? null : bytes, { status, statusText, headers });
  return Object.defineProperty(whole, "url", { value: url });
}
