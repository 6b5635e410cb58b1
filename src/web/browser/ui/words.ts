/** Numbers, times and the API's names, as people read them. */

const whole = new Intl.NumberFormat("en");
export const count = (n: number): string => whole.format(n);

export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

/** One unit where it is coarse, two where both matter: "0.04 s", "12 s", "4 min 10 s", "3 h 5 min", "2 d 4 h". */
export function duration(seconds: number): string {
  if (seconds < 0.0005) return "0 s";
  if (seconds < 0.9995) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const total = Math.round(seconds);
  if (total < 60) return `${total} s`;
  if (total < 3600) return pair(total, 60, "min", "s");
  if (total < 86_400) return pair(Math.round(total / 60), 60, "h", "min");
  return pair(Math.round(total / 3600), 24, "d", "h");
}

/** Until something happens: a second is fine enough. Null: it is due. */
export function wait(seconds: number): string | null {
  if (seconds <= 0.5) return null;
  const total = Math.ceil(seconds);
  return total < 60 ? `${total} s` : duration(total);
}

function pair(total: number, size: number, large: string, small: string): string {
  const rest = total % size;
  return rest === 0 ? `${Math.floor(total / size)} ${large}` : `${Math.floor(total / size)} ${large} ${rest} ${small}`;
}

export const secondsBetween = (from: string | number, to: string | number): number =>
  (new Date(to).getTime() - new Date(from).getTime()) / 1000;

const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const minute = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/** "12:03:22" today, "4 May 12:03" on another day; in this machine's zone. */
export function moment(iso: string | number): string {
  const at = new Date(iso);
  return at.toDateString() === new Date().toDateString() ? time.format(at) : `${day.format(at)} ${minute.format(at)}`;
}

/** "12:03:22.481", with its day where that is not today's. */
export function exactMoment(iso: string): string {
  const at = new Date(iso);
  const clock = `${time.format(at)}.${String(at.getMilliseconds()).padStart(3, "0")}`;
  return at.toDateString() === new Date().toDateString() ? clock : `${day.format(at)} ${clock}`;
}

export const clock = (iso: string | number): string => minute.format(new Date(iso));

/** "password_reset" -> "password reset". */
export const spaced = (name: string): string => name.replaceAll("_", " ");

export const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

/** What went wrong with a call, for people. */
export function wordsOf(error: unknown): string {
  if (error instanceof DOMException && error.name === "TimeoutError")
    return "The server took too long to answer. Try again in a moment.";
  // What fetch throws when it cannot connect has a browser's words, which help no reader.
  if (error instanceof TypeError) return "The server does not answer. Check your connection and try again.";
  return error instanceof Error ? error.message : String(error);
}
