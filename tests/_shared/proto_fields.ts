/** A reader of protocol buffers' messages for the tests, written apart from the writer. @module */

/** A field's number and what it holds: a number, or the bytes of all else. */
export type ProtoField = [field: number, value: bigint | Uint8Array];

/** The fields of a message in wire format. */
export function fieldsOf(bytes: Uint8Array): ProtoField[] {
  const out: ProtoField[] = [];
  let at = 0;
  const varint = (): bigint => {
    let [value, scale] = [0n, 1n];
    for (;; scale *= 128n) {
      const byte = bytes[at++]!;
      value += BigInt(byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = Number(varint());
    if (key % 8 === 0) out.push([Math.floor(key / 8), varint()]);
    else {
      const length = key % 8 === 1 ? 8 : key % 8 === 5 ? 4 : Number(varint());
      out.push([Math.floor(key / 8), bytes.slice(at, at + length)]);
      at += length;
    }
  }
  return out;
}
