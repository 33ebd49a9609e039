/** The language of a text. @module */
import { franc } from "franc";

/** ISO 639-3 codes of franc, and those of ISO 639-1 that lm-eval's language library has for the same languages. */
const LANGUAGES: Readonly<Record<string, string>> = {
  ...{ afr: "af", arb: "ar", bul: "bg", ben: "bn", cat: "ca", ces: "cs", dan: "da", deu: "de", ell: "el", eng: "en" },
  ...{ spa: "es", ekk: "et", pes: "fa", fin: "fi", fra: "fr", guj: "gu", heb: "he", hin: "hi", hrv: "hr", hun: "hu" },
  ...{ ind: "id", ita: "it", jpn: "ja", kan: "kn", kor: "ko", lit: "lt", lvs: "lv", mkd: "mk", mal: "ml", mar: "mr" },
  ...{ npi: "ne", nld: "nl", nob: "no", pan: "pa", pol: "pl", por: "pt", ron: "ro", rus: "ru", slk: "sk", slv: "sl" },
  ...{ som: "so", als: "sq", swe: "sv", swh: "sw", tam: "ta", tel: "te", tha: "th", tgl: "tl", tur: "tr", ukr: "uk" },
  ...{ urd: "ur", vie: "vi", cmn: "zh-cn" },
};

const CODES = Object.keys(LANGUAGES);

/** Letters that one language alone has, of those above that share an alphabet. */
const LETTERS: readonly (readonly [string, RegExp])[] = [["uk", /[іїєґ]/iu], ["ru", /[ыэ]/iu], ["mk", /[ѓќѕљњј]/iu]];

/** Words of English that other languages have not, or seldom. */
const ENGLISH =
  /^(?:the|and|are|were|that|this|with|you|your|from|they|she|my|which|there|their|what|but|would|about|how|it|its)$/;

/** Trigrams tell little of fewer letters than these. */
const SHORT = 120;

/** The ISO 639-1 code of a text's language; null for a text without letters. */
export function languageOf(text: string): string | null {
  const words = text.toLowerCase().match(/\p{L}+/gu);
  if (words === null) return null;
  if (text.length < SHORT && 8 * words.filter((word) => ENGLISH.test(word)).length >= words.length) return "en";
  const found = LANGUAGES[franc(text, { only: CODES, minLength: 1 })] ?? "unknown";
  if (!["bg", "mk", "ru", "uk"].includes(found)) return found;
  return LETTERS.find(([, letters]) => letters.test(text))?.[0] ?? found;
}
