/** Writing to this process's streams, whose readers may leave. @module */

/** Thrown where nobody reads a stream any more, as after `| head`. */
export class ClosedOutput extends Error {
  override readonly name = "ClosedOutput";
}

/** Returns what writes a text to a stream, all of it. That throws ClosedOutput if nobody reads the stream any more. */
export function print(stream: { writeSync(bytes: Uint8Array): number }): (text: string) => void {
  return (text) => {
    let bytes = new TextEncoder().encode(text);
    try {
      while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
    } catch (error) {
      throw error instanceof Deno.errors.BrokenPipe ? new ClosedOutput(error.message) : error;
    }
  };
}
