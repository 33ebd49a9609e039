/** Writes a date as Python's strftime() does in the C locale. @module */
import { TemplateError } from "./template_limits.ts";

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  ...["January", "February", "March", "April", "May", "June"],
  ...["July", "August", "September", "October", "November", "December"],
];

/** The local time in a form. Throws a TemplateError for a letter that is not supported. */
export function strftime(date: Date, format: string): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()];
  const hour12 = date.getHours() % 12 || 12;
  const dayOfYear = Math.round((Date.UTC(year, month, day) - Date.UTC(year, 0, 1)) / 86_400_000) + 1;
  const letter = (form: string): string | undefined => {
    switch (form) {
      case "Y":
        return String(year);
      case "y":
        return two(year % 100);
      case "m":
        return two(month + 1);
      case "d":
        return two(day);
      case "e":
        return String(day).padStart(2, " ");
      case "B":
        return MONTHS[month];
      case "b":
      case "h":
        return MONTHS[month]!.slice(0, 3);
      case "A":
        return DAYS[date.getDay()];
      case "a":
        return DAYS[date.getDay()]!.slice(0, 3);
      case "w":
        return String(date.getDay());
      case "u":
        return String(date.getDay() || 7);
      case "j":
        return String(dayOfYear).padStart(3, "0");
      case "H":
        return two(date.getHours());
      case "I":
        return two(hour12);
      case "M":
        return two(date.getMinutes());
      case "S":
        return two(date.getSeconds());
      case "f":
        return String(date.getMilliseconds() * 1000).padStart(6, "0");
      case "p":
        return date.getHours() < 12 ? "AM" : "PM";
      case "z":
      case "Z":
        // The time has no zone.
        return "";
      case "%":
        return "%";
      case "n":
        return "\n";
      case "t":
        return "\t";
    }
    const whole: Readonly<Record<string, string>> = {
      ...{ D: "%m/%d/%y", x: "%m/%d/%y", F: "%Y-%m-%d", T: "%H:%M:%S", X: "%H:%M:%S", R: "%H:%M" },
      ...{ c: "%a %b %e %H:%M:%S %Y", r: "%I:%M:%S %p" },
    };
    return whole[form] === undefined ? undefined : strftime(date, whole[form]);
  };
  return format.replace(/%(-?)(.?)/gsu, (whole, dash: string, form: string) => {
    const text = letter(form);
    if (text === undefined || form === "") throw new TemplateError(`strftime_now() does not know "${whole}"`);
    return dash === "" ? text : text.replace(/^[0 ]+(?=\d)/, "");
  });
}
