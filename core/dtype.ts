/** Storage types of weights, and the conversions from and to float32. @module */

/** A storage type that weights can be read from and saved as, spelled as in safetensors. */
export type Dtype = "F32" | "F16" | "BF16";

/** A storage type as transformers and configs spell it. */
export type DtypeName = "float32" | "float16" | "bfloat16";

/** The names of the storage types in transformers and in configs. */
export const DTYPE_NAMES = ["float32", "float16", "bfloat16"] as const satisfies readonly DtypeName[];

const DTYPES_BY_NAME: Readonly<Record<DtypeName, Dtype>> = { float32: "F32", float16: "F16", bfloat16: "BF16" };

/** The storage type of a name in a config; null if it is no such name. */
export function dtypeOfName(name: unknown): Dtype | null {
  return DTYPE_NAMES.includes(name as DtypeName) ? DTYPES_BY_NAME[name as DtypeName] : null;
}

/** The name of a storage type in a config. */
export function nameOfDtype(dtype: Dtype): DtypeName {
  return DTYPE_NAMES.find((name) => DTYPES_BY_NAME[name] === dtype)!;
}

/** Bytes of one element. */
export const DTYPE_BYTES: Readonly<Record<Dtype, number>> = { F32: 4, F16: 2, BF16: 2 };

/** Whether a safetensors dtype is one that weights can be read from. */
export function isDtype(dtype: string): dtype is Dtype {
  return Object.hasOwn(DTYPE_BYTES, dtype);
}

/** Converts bfloat16 bit patterns to float32, exactly for every pattern. */
export function bf16ToF32(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const out = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = bits[i]! << 16;
  return new Float32Array(out.buffer);
}

/** Converts float32 to bfloat16 bit patterns, rounding to nearest even; NaN stays NaN. */
export function f32ToBf16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const u = bits[i]!;
    // The quiet bit keeps a NaN whose payload is in the dropped half from becoming infinity.
    out[i] = (u & 0x7fffffff) > 0x7f800000 ? (u >>> 16) | 0x40 : (u + 0x7fff + ((u >>> 16) & 1)) >>> 16;
  }
  return out;
}

/** Converts binary16 bit patterns to float32, exactly for every number; NaN stays NaN. */
export function f16ToF32(bits: Uint16Array): Float32Array<ArrayBuffer> {
  return new Float32Array(new Float16Array(bits.buffer, bits.byteOffset, bits.length));
}

/** Converts float32 to binary16 bit patterns, rounding to nearest even; overflow gives infinity, NaN stays NaN. */
export function f32ToF16(values: Float32Array): Uint16Array<ArrayBuffer> {
  return new Uint16Array(new Float16Array(values).buffer);
}

/**
 * Converts little-endian bytes of `dtype` to float32; aligned F32 bytes are not copied, but viewed. Throws a RangeError
 * if they are not whole elements.
 */
export function decodeFloat32(bytes: Uint8Array<ArrayBuffer>, dtype: Dtype): Float32Array<ArrayBuffer> {
  const size = DTYPE_BYTES[dtype];
  if (bytes.byteLength % size !== 0) {
    throw new RangeError(`Cannot decode ${dtype}: length is ${bytes.byteLength} bytes, expected a multiple of ${size}`);
  }
  const aligned = bytes.byteOffset % size === 0 ? bytes : Uint8Array.from(bytes);
  if (dtype === "F32") return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
  const bits = new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / size);
  return dtype === "BF16" ? bf16ToF32(bits) : f16ToF32(bits);
}

/** Converts float32 to little-endian bytes of `dtype`; for F32 the result is a view of `values`, not a copy. */
export function encodeFloat32(values: Float32Array, dtype: Dtype): Uint8Array {
  if (dtype === "F32") return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return new Uint8Array((dtype === "BF16" ? f32ToBf16(values) : f32ToF16(values)).buffer);
}
