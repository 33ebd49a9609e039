/** Python's numbers: how they are written, rounded and computed with. @module */
import { TemplateError } from "./template_limits.ts";

/** The largest int: Python writes none of more digits either. */
const MAX_DIGITS = 4300;
const MAX_INT = 10n ** BigInt(MAX_DIGITS);

/** An int, if it is not too long. */
export function checkInt(value: bigint): bigint {
  if (value < MAX_INT && value > -MAX_INT) return value;
  throw new TemplateError(`it makes an integer of more than ${MAX_DIGITS} digits`);
}

/** An int as a float. */
export function toFloat(value: bigint | number): number {
  const float = Number(value);
  if (typeof value === "bigint" && !Number.isFinite(float)) {
    throw new TemplateError("int too large to convert to float");
  }
  return float;
}

/** A float without its fraction. */
export function truncate(value: number): bigint {
  if (!Number.isFinite(value)) throw new TemplateError(`cannot convert float ${floatText(value)} to integer`);
  return BigInt(Math.trunc(value));
}

/** A float as Python writes it. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Object.is(value, -0)) return "-0.0";
  const [digits, power] = value.toExponential().split("e") as [string, string];
  const exponent = Number(power);
  if (value !== 0 && (exponent < -4 || exponent >= 16)) return `${digits}e${exponentText(exponent)}`;
  const text = String(value);
  return text.includes(".") ? text : `${text}.0`;
}

/** An exponent with its sign and at least two digits. */
export function exponentText(exponent: number): string {
  return `${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

/** `|value| * 10 ** power`, rounded to the nearest integer, and to an even one in the middle of two. */
function scaled(value: number, power: number): bigint {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, Math.abs(value));
  const raw = bits.getBigUint64(0);
  const biased = Number(raw >> 52n);
  const fraction = raw & ((1n << 52n) - 1n);
  const exponent = Math.max(biased, 1) - 1075;
  let above = biased === 0 ? fraction : fraction | (1n << 52n);
  let below = 1n;
  if (exponent > 0) above <<= BigInt(exponent);
  else below <<= BigInt(-exponent);
  if (power > 0) above *= 10n ** BigInt(power);
  else below *= 10n ** BigInt(-power);
  const whole = above / below;
  const twice = 2n * (above - whole * below);
  return twice > below || (twice === below && whole % 2n === 1n) ? whole + 1n : whole;
}

/** A finite number's absolute value with so many digits after the point. */
export function fixedText(value: number, digits: number): string {
  const text = scaled(value, digits).toString().padStart(digits + 1, "0");
  return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** A finite number's absolute value as `digits + 1` digits and a power of ten. */
export function scientific(value: number, digits: number): { digits: string; exponent: number } {
  if (value === 0) return { digits: "0".repeat(digits + 1), exponent: 0 };
  let exponent = Number(Math.abs(value).toExponential().split("e")[1]);
  let text = scaled(value, digits - exponent).toString();
  // 9.99 is 10.0 with one digit after the point.
  if (text.length > digits + 1) text = scaled(value, digits - ++exponent).toString();
  return { digits: text, exponent };
}

/** A float rounded as Python's round() does: to the nearest, and to an even digit in the middle. */
export function roundFloat(value: number, digits: number): number {
  if (!Number.isFinite(value) || digits > 323) return value;
  if (digits < -308) return value * 0;
  const rounded = scaled(value, digits);
  const size = Number(digits >= 0 ? `${rounded}e-${digits}` : `${rounded}e${-digits}`);
  return value < 0 || Object.is(value, -0) ? -size : size;
}

/** An int rounded to a power of ten, to an even digit in the middle. */
export function roundInt(value: bigint, digits: number): bigint {
  if (digits >= 0) return value;
  if (digits < -MAX_DIGITS) return 0n;
  const unit = 10n ** BigInt(-digits);
  const low = floorDivide(value, unit);
  const twice = 2n * (value - low * unit);
  return (twice > unit || (twice === unit && low % 2n !== 0n) ? low + 1n : low) * unit;
}

/** Division of ints towards minus infinity. */
export function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return quotient * b !== a && (a < 0n) !== (b < 0n) ? quotient - 1n : quotient;
}

/** The floor of a division of floats, and what is left: both have the divisor's sign. */
export function floorFloat(a: number, b: number): { quotient: number; rest: number } {
  let rest = a % b;
  let quotient = (a - rest) / b;
  if (rest !== 0 && (b < 0) !== (rest < 0)) {
    rest += b;
    quotient -= 1;
  } else if (rest === 0) rest = b < 0 ? -0 : 0;
  const floor = Math.floor(quotient);
  return { quotient: quotient - floor > 0.5 ? floor + 1 : floor, rest };
}

/** A power of two numbers. */
export function power(a: bigint | number, b: bigint | number): bigint | number {
  if (typeof a === "bigint" && typeof b === "bigint" && b >= 0n) {
    const bits = BigInt((a < 0n ? -a : a).toString(2).length);
    if (bits > 1n && (bits - 1n) * b > 15_000n) checkInt(MAX_INT);
    if (bits <= 1n) return a === 0n ? (b === 0n ? 1n : 0n) : a === 1n || b % 2n === 0n ? 1n : -1n;
    return checkInt(a ** b);
  }
  const [base, exponent] = [toFloat(a), toFloat(b)];
  if (base === 0 && exponent < 0) throw new TemplateError("0.0 cannot be raised to a negative power");
  if (base < 0 && Number.isFinite(exponent) && !Number.isInteger(exponent)) {
    throw new TemplateError("a power that is a complex number is not supported");
  }
  if (base === 1 || (base === -1 && !Number.isFinite(exponent))) return 1;
  const result = base ** exponent;
  if (!Number.isFinite(result) && Number.isFinite(base) && Number.isFinite(exponent)) {
    throw new TemplateError("numerical result out of range");
  }
  return result;
}

/** A text with its decimal digits of any script as those of ASCII. */
function asciiDigits(text: string): string {
  return text.replace(/(?![0-9])\p{Nd}/gu, (digit) => {
    const point = digit.codePointAt(0)!;
    // A script has its ten in order; some follow one another without a gap.
    let first = point;
    while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first--;
    return String((point - first) % 10);
  });
}

/** The int in a text, as Python's int() reads it; null if it is none. */
export function readInt(text: string, base: number): bigint | null {
  text = asciiDigits(text);
  const match = /^([-+]?)(0[xX]_?|0[oO]_?|0[bB]_?)?([\da-zA-Z]+(?:_[\da-zA-Z]+)*)$/.exec(text);
  if (match === null) return null;
  const [, sign = "", prefix = "", body = ""] = match;
  const bases: Readonly<Record<string, number>> = { x: 16, o: 8, b: 2 };
  const named = prefix === "" ? undefined : bases[prefix[1]!.toLowerCase()];
  if (prefix !== "" && named !== base && base !== 0) {
    return base > 10 ? readDigits(text.replaceAll("_", ""), base) : null;
  }
  if (base === 0 && prefix === "" && /^0[\d_]*[1-9]/.test(body)) return null;
  const size = readDigits(body.replaceAll("_", ""), named ?? (base === 0 ? 10 : base));
  return size === null ? null : sign === "-" ? -size : size;
}

function readDigits(text: string, base: number): bigint | null {
  if (text.length > MAX_DIGITS) checkInt(MAX_INT);
  const [sign, digits] = /^[-+]/.test(text) ? [text[0], text.slice(1)] : ["+", text];
  let value = 0n;
  for (const digit of digits) {
    const size = parseInt(digit, 36);
    if (!(size < base)) return null;
    value = value * BigInt(base) + BigInt(size);
  }
  return sign === "-" ? -value : value;
}

/** The float in a text, as Python's float() reads it; null if it is none. */
export function readFloat(text: string): number | null {
  text = asciiDigits(text);
  const word = /^([-+]?)(inf|infinity|nan)$/i.exec(text);
  if (word) return word[2]!.toLowerCase() === "nan" ? NaN : word[1] === "-" ? -Infinity : Infinity;
  const digits = String.raw`\d+(?:_\d+)*`;
  const form = new RegExp(String.raw`^[-+]?(?:${digits}\.?(?:${digits})?|\.${digits})(?:[eE][-+]?${digits})?$`);
  return form.test(text) ? Number(text.replaceAll("_", "")) : null;
}
