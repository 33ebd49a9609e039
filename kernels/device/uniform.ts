/** Uniform records: one declaration gives the bytes' layout, the writer, and the shader's struct. @module */

/** A list of up to 4·N unsigned integers. Elements of a uniform array are 16 bytes apart, so each holds four. */
export type UniformList = `array<vec4u, ${number}>`;

/** The types a uniform record may have. A scalar takes four bytes. */
export type UniformType = "u32" | "i32" | "f32" | UniformList;

/** Field names with their types, in the order of the shader's `struct Params`. */
export type UniformFields = Readonly<Record<string, UniformType>>;

/** The numbers for each field of a record. A shorter list is filled up with zeros. */
export type UniformValues<F extends UniformFields> = {
  readonly [K in keyof F]: F[K] extends UniformList ? readonly number[] : number;
};

/** Bytes of the record, rounded up to WGSL's 16-byte uniform alignment. */
export function uniformBytes(fields: UniformFields): number {
  let bytes = 0;
  for (const type of Object.values(fields)) {
    const count = listElements(type);
    bytes = count === 0 ? bytes + 4 : align16(bytes) + 16 * count;
  }
  return Math.max(16, align16(bytes));
}

/** Writes the values into `view` at `offset` bytes. Throws RangeError if an integer or a list does not fit. */
export function writeUniforms<F extends UniformFields>(
  view: DataView,
  offset: number,
  { fields, values, name }: { fields: F; values: UniformValues<F>; name: string },
): void {
  let at = offset;
  for (const key in fields) {
    const value: number | readonly number[] = values[key];
    if (typeof value === "number") {
      writeScalar(view, at, { type: fields[key]!, value, key, name });
      at += 4;
      continue;
    }
    const most = 4 * listElements(fields[key]!);
    if (value.length > most) {
      throw new RangeError(
        `Cannot dispatch "${name}": uniform "${key}" has ${value.length} numbers, expected at most ${most}`,
      );
    }
    at = offset + align16(at - offset);
    for (let i = 0; i < most; i++, at += 4) writeScalar(view, at, { type: "u32", value: value[i] ?? 0, key, name });
  }
}

function writeScalar(
  view: DataView,
  at: number,
  { type, value, key, name }: { type: UniformType; value: number; key: string; name: string },
): void {
  switch (type) {
    case "f32":
      view.setFloat32(at, value, true);
      break;
    case "i32":
      if (!Number.isInteger(value) || value < -0x80000000 || value > 0x7fffffff) {
        throw new RangeError(`Cannot dispatch "${name}": uniform "${key}" is ${value}, expected a 32-bit integer`);
      }
      view.setInt32(at, value, true);
      break;
    default:
      if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
        throw new RangeError(
          `Cannot dispatch "${name}": uniform "${key}" is ${value}, expected an unsigned 32-bit integer`,
        );
      }
      view.setUint32(at, value, true);
  }
}

/** The number of vec4u in a list; 0 for a scalar. */
function listElements(type: UniformType): number {
  return type.startsWith("array") ? Number(/\d+(?=>)/.exec(type)![0]) : 0;
}

function align16(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}

/** Throws TypeError unless the WGSL text declares `struct Params` with exactly these fields in this order. */
export function checkUniformStruct(name: string, { code, fields }: { code: string; fields: UniformFields }): void {
  const wanted = Object.entries(fields).map(([key, type]) => `${key}: ${type}`);
  const body = /struct\s+Params\s*\{([^}]*)\}/.exec(code)?.[1] ?? "";
  // A comma within <> does not separate fields.
  const found = body.replace(/\/\/[^\n]*/g, "").split(/,(?![^<]*>)/).map((s) => s.trim().replace(/\s*:\s*/, ": "))
    .filter(
      Boolean,
    );
  if (found.join() !== wanted.join()) {
    throw new TypeError(
      `Cannot define "${name}": struct Params is {${found.join(", ")}}, expected {${wanted.join(", ")}}`,
    );
  }
}
