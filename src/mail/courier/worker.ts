/**
 * The courier: a Worker thread with database connections of its own. It sends what the outbox holds; what passes
 * between it and the main thread is listed in `protocol.ts`: no message and no outcome.
 */
import { readlinkSync } from "node:fs";
import { openSql, poolUseOf } from "../../db/client.ts";
import { purgeBatch } from "../../db/purge.ts";
import { log } from "../../log.ts";
import { createMailers } from "../../mailers/mailers.ts";
import { CHANNEL } from "../outbox.ts";
import { createBreakerLog } from "./breaker-log.ts";
import { createBreaker } from "./breaker.ts";
import { createDispatcher } from "./dispatcher.ts";
import { every } from "./every.ts";
import { createHousekeeping, HOUSEKEEPING_MS } from "./housekeeping.ts";
import { countIn, loadObservers, noObservers, wantsObservers, type Observers } from "./observers.ts";
import { createPresence } from "./presence.ts";
import { previewEmail } from "./preview.ts";
import type { FromCourier, PreviewedEmail, ToCourier } from "./protocol.ts";
import { createRecentAttempts } from "./recent-attempts.ts";
import { createRelayRecord, relaySettingsId } from "./relay-record.ts";
import { createRenderer } from "./renderer.ts";
import { sendsPasswordInClear, smtpSettings } from "./smtp/settings.ts";
import { createSmtpTransport } from "./transport.ts";

declare const self: Worker;

/** A claim that waits longer for a lock is better made anew. */
const STATEMENT_TIMEOUT_MS = 30_000;
const RENEW_MS = 10_000;
const PURGE_MS = 60_000;
/** Pause between batches so that purging does not slow down requests. */
const PURGE_PAUSE_MS = 100;

type Start = Extract<ToCourier, { type: "start" }>;

let loading: Promise<void> | null = null;

self.onmessage = (event: MessageEvent<ToCourier>) => {
  const { data } = event;
  if (data.type !== "start") {
    // It came while the observers were being loaded: by then the handler that knows it is in place.
    void loading?.then(() => self.onmessage?.(event));
  } else if (wantsObservers(data.config)) {
    loading = loadObservers(data.config).then((observers) => start(data, observers));
  } else start(data, noObservers());
};

function start({ config, databaseUrl, smtpUrl }: Start, { inFlight, metrics, tracer }: Observers): void {
  /** The drain disposes of it in reverse order: the dispatcher first, the database last. */
  const stack = new AsyncDisposableStack();
  stack.defer(async () => await tracer?.close());
  const courierId = Bun.randomUUIDv7();
  const sql = openSql(databaseUrl, {
    max: config.courierDatabasePool,
    name: "dundie courier",
    schema: config.databaseSchema,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    planOnce: true,
  });
  stack.defer(() => sql.end({ timeout: 2 }));
  const recent = createRecentAttempts();
  const presence = createPresence({ sql, courierId, recent, log });
  stack.defer(() => presence.remove());
  const smtp = smtpSettings(config, smtpUrl);
  if (sendsPasswordInClear(smtp)) {
    log.warn({ event: "smtp_password_in_clear" }, "SMTP_TLS=off: the password in SMTP_URL is sent without encryption");
  }
  const transport = createSmtpTransport({
    smtp,
    from: config.mailFrom,
  });
  stack.defer(() => transport.close());
  const logBreaker = createBreakerLog(log);
  const breaker = createBreaker((state) => {
    logBreaker(state);
    post({ type: "breaker", state });
    void presence.save(state);
  });
  const mailers = createMailers(config);
  const renderer = createRenderer(config.brand, mailers);
  const dispatcher = createDispatcher({
    sql,
    transport,
    breaker,
    recent,
    relay: createRelayRecord(sql, relaySettingsId(smtp, config.mailFrom), log),
    mailers,
    render: (message) => renderer.render(message),
    courierId,
    pool: config.smtpPool,
    inFlight,
    tracer,
    ...(metrics ? { onOutcome: countIn(metrics) } : {}),
    log,
  });

  // Leases are renewed apart from the presence, so that a locked table of couriers keeps no lease from being renewed.
  stack.use(every(RENEW_MS, async () => void (await dispatcher.leases.renew())));
  stack.use(every(RENEW_MS, () => presence.save(breaker.state)));
  const { leases, reclaim, stuckMs } = dispatcher;
  stack.use(every(HOUSEKEEPING_MS, createHousekeeping({ sql, leases, reclaim, stuckMs, log })));
  const retention = { messageDays: config.messageRetentionDays, auditDays: config.auditRetentionDays };
  stack.use(
    every(PURGE_MS, async () => {
      try {
        while (await purgeBatch(sql, retention)) await Bun.sleep(PURGE_PAUSE_MS);
      } catch (error) {
        log.warn({ event: "purge_failed", err: error });
      }
    }),
  );

  // postgres.js listens again each time the connection closes, also when the first one could not be made, and then calls
  // the second function: what was missed is claimed at once. Another call would add a listener.
  const wake = (): void => dispatcher.wake();
  sql.listen(CHANNEL, wake, wake).catch((error: unknown) => {
    log.warn({ event: "listen_failed", err: error }, "no LISTEN for now: the poll alone wakes this courier");
  });

  self.onmessage = (event: MessageEvent<ToCourier>) => {
    switch (event.data.type) {
      case "nudge":
        return dispatcher.wake(event.data.accepted);
      case "ping":
        return post({ type: "pong", stuckMs: dispatcher.stuckMs() });
      case "preview":
        return void preview(event.data.ticket, event.data.messageId);
      case "metrics":
        return void answerScrape(event.data.ticket);
      case "drain":
        return void drain();
      case "start":
        throw new TypeError("This courier has been started.");
    }
  };

  const preview = async (ticket: number, messageId: string): Promise<void> => {
    const email = await show(messageId).catch((error: unknown) => {
      log.error({ event: "preview_failed", messageId, err: error });
      return null;
    });
    post({ type: "preview", ticket, email });
  };
  const show = async (messageId: string): Promise<PreviewedEmail | null> => {
    const prepared = await previewEmail(sql, messageId, config.resetTokenMinutes);
    if (!prepared) return null;
    const { subject, html, text } = await renderer.render(prepared);
    return { subject, html, text };
  };

  const answerScrape = async (ticket: number): Promise<void> => {
    const text = (await metrics?.render()) ?? "";
    post({ type: "metrics", ticket, metrics: { text, pool: poolUseOf(sql) } });
  };

  // Leases are renewed and expired ones reclaimed until no email is being sent any more.
  stack.defer(() => dispatcher.drain());
  const drain = async (): Promise<void> => {
    await stack.disposeAsync();
    post({ type: "drained" });
  };

  void presence.save(breaker.state);
  post({ type: "ready", courierId, threadId: kernelThreadId() });
  void dispatcher.run();
  // Frees the garbage of compiling now, because an idle process might never collect it.
  void renderer.warm().then(() => Bun.gc(true));
}

function post(message: FromCourier): void {
  self.postMessage(message);
}

/** Only Linux names its threads in the file system (proc(5)). */
function kernelThreadId(): number | null {
  try {
    return Number(readlinkSync("/proc/thread-self").split("/").at(-1));
  } catch {
    return null;
  }
}
