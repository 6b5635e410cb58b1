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
  { timeoutMs = 20_000, everyMs = 20, seen = () => condition.toString() }: WaitOptions = {},
): Promise<Exclude<T, false | null | undefined>> {
  for (const deadline = performance.now() + timeoutMs; ; await Bun.sleep(everyMs)) {
    const result = await condition();
    if (result) return result as Exclude<T, false | null | undefined>;
    if (performance.now() > deadline) throw new Error(`Not within ${timeoutMs / 1_000} s: ${seen()}`);
  }
}
