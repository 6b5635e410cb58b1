/** Waiting until a condition holds. Where an event tells it, such as `ScriptedSmtp.until`, wait for the event. */

export interface WaitOptions {
  /** @default 20 s */
  readonly timeoutMs?: number;
  /** The pause between two looks. @default 20 ms */
  readonly everyMs?: number;
  /** What was seen, for the error. @default the source text of the condition */
  readonly seen?: () => string;
}

/**
 * Polls until `condition` returns something truthy. @returns it.
 * @throws {Error} after the timeout.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<Exclude<T, false | null | undefined>> {
  const { timeoutMs = TIMEOUT_MS, seen = () => condition.toString() } = options;
  const result = await poll(condition, options);
  if (!result) throw new Error(`Not within ${timeoutMs / 1_000} s: ${seen()}`);
  return result as Exclude<T, false | null | undefined>;
}

/** As {@link until}. @returns false after the timeout. */
export const comesTrue = async (condition: () => unknown, options: WaitOptions = {}): Promise<boolean> =>
  Boolean(await poll(condition, options));

const TIMEOUT_MS = 20_000;

async function poll<T>(condition: () => T | Promise<T>, options: WaitOptions): Promise<T> {
  const { timeoutMs = TIMEOUT_MS, everyMs = 20 } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const result = await condition();
    if (result || performance.now() > deadline) return result;
    await Bun.sleep(everyMs);
  }
}
