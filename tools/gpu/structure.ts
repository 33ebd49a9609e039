/** Structures in memory as C lays them out, to be given to a library. @module */

/** A field of a structure: 32 bits, 64 bits, or the address of what it points to. */
export type Field = number | bigint | Uint8Array | null;

const NAME_BYTES = 256;

/** What a library was given the address of, and what must not be collected therefore. */
const kept: Uint8Array[] = [];

/** Runs `body`, and lets go of the structures that were made in it. */
export function lettingGo<T>(body: () => T): T {
  const count = kept.length;
  try {
    return body();
  } finally {
    kept.length = count;
  }
}

/** Where bytes are in memory; 0 for none. They stay there until {@linkcode lettingGo} ends. */
export function addressOf(bytes: Uint8Array | null): bigint {
  if (bytes === null) return 0n;
  kept.push(bytes);
  // Of the buffer, for V8 may move what a small array holds until that is asked for.
  const start = Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes.buffer as ArrayBuffer));
  return start + BigInt(bytes.byteOffset);
}

/** A structure of these fields, each at a multiple of its size. */
export function structure(...fields: readonly Field[]): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(16 * fields.length));
  let at = 0;
  for (const field of fields) {
    if (typeof field === "number") {
      view.setUint32(at, field, true);
      at += 4;
      continue;
    }
    at = Math.ceil(at / 8) * 8;
    view.setBigUint64(at, typeof field === "bigint" ? field : addressOf(field), true);
    at += 8;
  }
  return new Uint8Array(view.buffer, 0, Math.ceil(at / 8) * 8);
}

/** A structure of `size` bytes that a library fills in, with its first fields. */
export function blank(size: number, ...fields: readonly Field[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  bytes.set(structure(...fields));
  return bytes;
}

/** Structures one after another. */
export function array(structures: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(structures.flatMap((each) => [...each]));
}

/** A string with the zero that ends it. */
export function zeroEnded(value: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${value}\0`);
}

/** The string that a library wrote into a field of 256 bytes. */
export function nameAt(bytes: Uint8Array, at: number): string {
  const field = bytes.subarray(at, at + NAME_BYTES);
  return new TextDecoder().decode(field.subarray(0, field.indexOf(0)));
}
