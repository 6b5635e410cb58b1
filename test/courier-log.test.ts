/** What a courier's log says of what stops it. */
import { expect, test } from "bun:test";
import { createBreaker } from "../src/mail/courier/breaker.ts";
import { createBreakerLog } from "../src/mail/courier/breaker-log.ts";
import type { Log } from "../src/log.ts";

test("an outage of SMTP is logged at error when it begins and when it ends, and its words when they change", () => {
  const lines: string[] = [];
  const record =
    (level: string) =>
    (fields: Record<string, unknown>): void =>
      void lines.push(`${level} ${String(fields["event"])}`);
  const log = { debug: () => {}, warn: record("warn"), error: record("error") } as unknown as Log;
  const breaker = createBreaker(createBreakerLog(log));
  const outage = (reply: string): void => {
    breaker.trip(reply, 0, 1);
    breaker.probe();
  };
  for (const reply of ["connection refused", "connection refused", "421 full", "421 full"]) outage(reply);
  breaker.close();
  expect(lines).toEqual(["error smtp_unusable", "warn breaker", "warn breaker", "error smtp_unusable_over"]);
});
