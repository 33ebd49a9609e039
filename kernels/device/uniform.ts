/** Uniform records: one declaration gives byte layout, writer, and the struct the shader must hold. @module */

/** The scalar types a uniform record may have; each takes four bytes. */
export type UniformType = "u32" | "i32" | "f32";

/** Field names with their types, in the order of the shader's `struct Params`. */
export type UniformFields = Readonly<Record<string, UniformType>>;

/** The numbers for each field of a record. */
export type UniformValues<F extends UniformFields> = { readonly [K in keyof F]: number };

/** Bytes of the record, rounded up to WGSL's 16-byte uniform alignment. */
export function uniformBytes(fields: UniformFields): number {
  return Math.max(16, Math.ceil(Object.keys(fields).length / 4) * 16);
}

/** Writes the values into `view` at `offset` (bytes). Throws RangeError for a u32 or i32 that does not fit. */
export function writeUniforms<F extends UniformFields>(
  view: DataView,
  offset: number,
  { fields, values, name }: { fields: F; values: UniformValues<F>; name: string },
): void {
  let at = offset;
  for (const key in fields) {
    const value = values[key]!;
    switch (fields[key]) {
      case "f32":
        view.setFloat32(at, value, true);
        break;
      case "u32":
        if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
          throw new RangeError(
            `Cannot dispatch "${name}": uniform "${key}" is ${value}, expected an unsigned 32-bit integer`,
          );
        }
        view.setUint32(at, value, true);
        break;
      case "i32":
        if (!Number.isInteger(value) || value < -0x80000000 || value > 0x7fffffff) {
          throw new RangeError(`Cannot dispatch "${name}": uniform "${key}" is ${value}, expected a 32-bit integer`);
        }
        view.setInt32(at, value, true);
        break;
    }
    at += 4;
  }
}

/** Throws TypeError unless the WGSL text declares `struct Params` with exactly these fields in this order. */
export function checkUniformStruct(name: string, { code, fields }: { code: string; fields: UniformFields }): void {
  const wanted = Object.entries(fields).map(([key, type]) => `${key}: ${type}`);
  const body = /struct\s+Params\s*\{([^}]*)\}/.exec(code)?.[1];
  const found = (body ?? "").replace(/\/\/[^\n]*/g, "").split(",").map((s) => s.trim().replace(/\s*:\s*/, ": ")).filter(
    Boolean,
  );
  if (found.join() !== wanted.join()) {
    throw new TypeError(
      `Cannot define "${name}": struct Params is {${found.join(", ")}}, expected {${wanted.join(", ")}}`,
    );
  }
}
