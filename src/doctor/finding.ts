/** What the doctor says of one thing, in one line. */

export const VERDICTS = ["ok", "warning", "fault", "not known"] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface Finding {
  /** What was looked at, such as `database` or `SPF`. */
  readonly subject: string;
  readonly verdict: Verdict;
  /** A sentence without secrets. */
  readonly text: string;
  /** What to do; null where nothing is to be done. */
  readonly advice: string | null;
}

type Make = (subject: string, text: string, advice?: string) => Finding;

const make =
  (verdict: Verdict): Make =>
  (subject, text, advice) => ({ subject, verdict, text, advice: advice ?? null });

export const ok = make("ok");
export const warning = make("warning");
export const fault = make("fault");
export const notKnown = make("not known");

/** Gives up waiting after `ms`; what is waited for may go on. @throws {TimedOut} */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeout.reject(new TimedOut(ms)), ms);
  try {
    return await Promise.race([promise, timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}

export class TimedOut extends Error {
  override readonly name = "TimedOut";
  constructor(ms: number) {
    super(`no answer within ${ms / 1_000} s`);
  }
}
