/**
 * The courier: a Worker thread with database connections of its own. It sends what the outbox holds; nothing but a
 * hint and its own life and death pass between it and the main thread.
 */
import { hostname } from "node:os";
import type { Brand } from "../../config.ts";
import { openSql } from "../../db/client.ts";
import { purgeBatch } from "../../db/purge.ts";
import { log } from "../../log.ts";
import { createMailers } from "../../mailers/mailers.ts";
import { createBreaker, type BreakerState } from "./breaker.ts";
import { createDispatcher } from "./dispatcher.ts";
import type { FromCourier, PreviewedEmail, ToCourier } from "./protocol.ts";
import { lowerThreadPriority } from "./thread-priority.ts";
import { LOCALES, type Locale } from "../kinds.ts";
import type { PreparedMessage, Mailer } from "../mailer.ts";
import { CHANNEL } from "../outbox.ts";
import { previewEmail } from "./preview.ts";
import { endExpired } from "../transitions.ts";
import { compileEmail, fillEmail, oneLine, type CompiledEmail } from "./render.ts";
import { createSmtpTransport, type OutgoingMail } from "./transport.ts";

declare const self: Worker;

/** A claim that waits longer for a lock is better made anew. */
const STATEMENT_TIMEOUT_MS = 30_000;
const RENEW_MS = 10_000;
const HOUSEKEEPING_MS = 1_000;
const PURGE_MS = 60_000;

self.onmessage = (event: MessageEvent<ToCourier>) => {
  if (event.data.type === "start") start(event.data);
};

function start({ config, databaseUrl, smtpUrl, besideApi }: Extract<ToCourier, { type: "start" }>): void {
  if (besideApi) lowerThreadPriority();
  const courierId = Bun.randomUUIDv7();
  const sql = openSql(databaseUrl, {
    max: config.courierDatabasePool,
    name: "dundie courier",
    schema: config.databaseSchema,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    planEachTime: true,
  });
  const mailers = createMailers(config);
  const renderer = createRenderer(config.brand);
  const transport = createSmtpTransport({
    smtpUrl,
    pool: config.smtpPool,
    from: config.mailFrom,
    messageIdHost: config.mailFrom.address.split("@")[1] ?? "localhost",
  });
  const breaker = createBreaker((state) => {
    log.warn({ event: "breaker", ...state }, "the SMTP circuit breaker moved");
    post({ type: "breaker", state });
    void saveRow(state);
  });
  const dispatcher = createDispatcher({
    sql,
    transport,
    breaker,
    mailers,
    render: (mailer, prepared) => renderer.render(mailer, prepared),
    courierId,
    pool: config.smtpPool,
    log,
  });

  const saveRow = async ({ breaker: position, until, lastReply }: BreakerState): Promise<void> => {
    const seconds = until === null ? null : (until - performance.now()) / 1000;
    await sql`
      insert into courier (id, host, pid, breaker, until, last_reply)
      values (${courierId}, ${hostname()}, ${process.pid}, ${position}, now() + make_interval(secs => ${seconds}), ${lastReply})
      on conflict (id) do update set seen_at = now(), breaker = excluded.breaker, until = excluded.until,
        last_reply = excluded.last_reply`.catch((error: unknown) => {
      log.warn({ event: "courier_row_failed", err: error });
    });
  };

  const beat = setInterval(() => {
    void dispatcher.renew();
    void saveRow(breaker.state);
  }, RENEW_MS);
  const housekeeping = setInterval(() => {
    const failed = (error: unknown): void => log.warn({ event: "housekeeping_failed", err: error });
    dispatcher.abortStale();
    dispatcher.reclaim().catch(failed);
    endExpired(sql).catch(failed);
  }, HOUSEKEEPING_MS);

  const purge = setInterval(() => {
    purgeAll().catch((error: unknown) => log.warn({ event: "purge_failed", err: error }));
  }, PURGE_MS);
  const purgeAll = async (): Promise<void> => {
    while (await purgeBatch(sql, config.messageRetentionDays)) {
      // The pause leaves the disk and the locks to those who are waited for.
      await Bun.sleep(100);
    }
  };

  // postgres.js listens again after a reconnect and calls the second function: what was missed is claimed at once.
  const wake = (): void => dispatcher.wake();
  const listen = (): void => {
    sql.listen(CHANNEL, wake, wake).catch((error: unknown) => {
      log.warn({ event: "listen_failed", err: error }, "no LISTEN for now: the poll alone wakes this courier");
      listenTimer = setTimeout(listen, RENEW_MS);
    });
  };
  let listenTimer: ReturnType<typeof setTimeout> | undefined;
  listen();

  self.onmessage = (event: MessageEvent<ToCourier>) => {
    switch (event.data.type) {
      case "nudge":
        return dispatcher.wake(event.data.accepted);
      case "ping":
        return post({ type: "pong" });
      case "preview":
        return void preview(event.data.ticket, event.data.messageId);
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
    const mailer = prepared && mailers.get(prepared.message.kind);
    if (!prepared || !mailer) return null;
    const { subject, html, text } = await renderer.render(mailer, prepared);
    return { subject, html, text };
  };

  const drain = async (): Promise<void> => {
    await dispatcher.drain();
    clearInterval(beat);
    clearInterval(housekeeping);
    clearInterval(purge);
    clearTimeout(listenTimer);
    transport.close();
    await sql`delete from courier where id = ${courierId}`.catch(() => {});
    await sql.end({ timeout: 2 });
    post({ type: "drained" });
  };

  void saveRow(breaker.state);
  post({ type: "ready", courierId });
  void dispatcher.run();
  // What compiling leaves behind would stay till the heap is full: in a quiet process, for ever.
  void renderer.warm(mailers.values()).then(() => Bun.gc(true));
}

/** Compiles each mailer's template once a locale; an email then costs a replacement. */
function createRenderer(brand: Brand) {
  const compiled = new Map<string, Promise<CompiledEmail>>();
  const compiledFor = (mailer: Mailer, locale: Locale): Promise<CompiledEmail> => {
    const key = `${mailer.kind} ${locale}`;
    const known = compiled.get(key);
    if (known) return known;
    const compiling = compileEmail(mailer.template, locale, brand);
    compiled.set(key, compiling);
    // A failure is not remembered: the next email tries again.
    compiling.catch(() => compiled.delete(key));
    return compiling;
  };
  return {
    async render(mailer: Mailer, prepared: PreparedMessage): Promise<OutgoingMail> {
      const { pinned } = prepared;
      const parts = fillEmail(await compiledFor(mailer, pinned.locale), mailer.values(prepared));
      const to = { name: oneLine(pinned.recipientName), address: pinned.recipient };
      return { id: pinned.id, to, date: pinned.datedAt, ...parts };
    },
    /** Before anybody waits for it, so that the first email of a kind is as quick as the next. */
    async warm(mailers: Iterable<Mailer>): Promise<void> {
      for (const mailer of mailers) {
        for (const locale of LOCALES) await compiledFor(mailer, locale).catch(() => {});
      }
    },
  };
}

function post(message: FromCourier): void {
  self.postMessage(message);
}
