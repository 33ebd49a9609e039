/** Walks over Thrift's compact protocol, in which Parquet's metadata and page headers are written. @module */
import { UserError } from "../../error.ts";
import { ByteReader } from "./byte_reader.ts";

/** The deepest nesting of Thrift structs; real files stay below ten. */
const MAX_DEPTH = 32;

/** The largest number of a field. */
const MAX_FIELD = 32767;

/** Throws a UserError if a struct of Thrift's compact protocol claims more elements than there are bytes. */
export function checkThrift(bytes: Uint8Array): void {
  readStruct(new ByteReader(bytes), 0);
}

/**
 * Reads the integers of a struct by field number (`5.1` is in an inner struct), and its booleans with a question mark
 * (`8.7?`); everything else is only walked. A field that occurs twice, or whose number the package would cut to 32 bits,
 * is refused: the two must not read different things.
 */
export function readStruct(
  reader: ByteReader,
  depth: number,
  prefix = "",
  found = new Map<string, number>(),
): Map<string, number> {
  if (depth > MAX_DEPTH) throw new UserError(`its metadata nests deeper than ${MAX_DEPTH} levels`);
  const seen = new Set<number>();
  let field = 0;
  for (;;) {
    const byte = reader.u8();
    const type = byte & 15;
    if (type === 0) return found;
    field = byte >> 4 ? field + (byte >> 4) : zigZag(reader.varint());
    if (field < 1 || field > MAX_FIELD || seen.has(field)) {
      throw new UserError(
        `its metadata has the field ${field} where it cannot be, expected each of 1 to ${MAX_FIELD} once`,
      );
    }
    seen.add(field);
    walk(reader, { type, depth, key: `${prefix}${field}`, found });
  }
}

function walk(
  reader: ByteReader,
  { type, depth, key, found }: { type: number; depth: number; key: string; found: Map<string, number> },
): void {
  switch (type) {
    case 1:
    case 2:
      found.set(`${key}?`, type === 1 ? 1 : 0);
      return;
    case 3:
      reader.u8();
      return;
    case 4:
    case 5:
    case 6:
      found.set(key, zigZag(reader.varint()));
      return;
    case 7:
      reader.take(8);
      return;
    case 8:
      reader.take(reader.varint());
      return;
    case 9: {
      const byte = reader.u8();
      const size = byte >> 4 === 15 ? reader.varint() : byte >> 4;
      // Each element takes at least one byte.
      if (size > reader.left) {
        throw new UserError(`a list of its metadata has ${size} elements, expected at most ${reader.left}`);
      }
      const elements = byte & 15;
      // Nothing that is in lists is needed.
      const inner = { type: elements <= 2 ? 3 : elements, depth: depth + 1, key: "", found: new Map() };
      for (let i = 0; i < size; i++) walk(reader, inner);
      return;
    }
    case 12:
      readStruct(reader, depth + 1, `${key}.`, found);
      return;
    default:
      throw new UserError(`its metadata has a field of unknown type ${type}`);
  }
}

function zigZag(value: number): number {
  return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
}
