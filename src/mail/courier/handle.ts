/**
 * The main thread's handle on the courier thread: starts it, nudges it, watches that it lives, starts it again when
 * it dies, and drains it. A dead courier never reaches a request: the outbox is the database's.
 */
import type { Config } from "../../config.ts";
import { Unavailable } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { BreakerState } from "./breaker.ts";
import type { FromCourier, PreviewedEmail, ToCourier } from "./protocol.ts";

export interface Courier {
  /**
   * Posts a hint; cheap enough for a microtask before a response.
   * @param accepted requests that waited for one commit: how hard the API is pressed.
   */
  nudge(accepted: number): void;
  readonly health: CourierHealth;
  /**
   * The email of a message with a dead link, rendered in the thread; null when there is nothing to show.
   * @throws {Unavailable} when the thread does not answer.
   */
  preview(messageId: string): Promise<PreviewedEmail | null>;
  /** Resolves when nothing is on the wire, or after `graceMs`, whichever is first. */
  drain(graceMs: number): Promise<void>;
}

export interface CourierHealth {
  readonly state: "starting" | "running" | "restarting" | "draining" | "stopped";
  readonly breaker: BreakerState["breaker"];
  readonly lastReply: string | null;
}

export interface CourierOptions {
  readonly config: Config;
  readonly databaseUrl: string;
  readonly smtpUrl: string;
  /** Requests are answered by this process, too: they go first. @default true */
  readonly besideApi?: boolean;
  readonly log: Log;
  /** @default courier.worker.ts */
  readonly module?: URL;
}

/** Loading the templates takes under a second; a thread that says nothing for this long will not. */
const READY_TIMEOUT_MS = 20_000;
const PREVIEW_TIMEOUT_MS = 5_000;
const PING_INTERVAL_MS = 1_000;
/**
 * Unanswered pings in a row, not seconds: one is sent a tick of this thread, so a process that was suspended as a
 * whole has sent none and kills nothing when it wakes.
 */
const MAX_UNANSWERED_PINGS = 10;
const WORKER = new URL("./worker.ts", import.meta.url);
const RESPAWN_FIRST_MS = 250;
const RESPAWN_MAX_MS = 30_000;

export function startCourier(options: CourierOptions): Courier {
  const { config, databaseUrl, smtpUrl, besideApi = true, log, module = WORKER } = options;
  let worker: Worker | null = null;
  let state: CourierHealth["state"] = "starting";
  let breaker: BreakerState = { breaker: "closed", until: null, lastReply: null };
  const previews = new Map<number, (email: PreviewedEmail | null) => void>();
  let tickets = 0;
  let unanswered = 0;
  let deaths = 0;
  let readyTimer: ReturnType<typeof setTimeout> | undefined;
  let respawnTimer: ReturnType<typeof setTimeout> | undefined;
  const drained = Promise.withResolvers<void>();

  const spawn = (): void => {
    const born = new Worker(module.href);
    worker = born;
    unanswered = 0;
    // Before anything is awaited: a worker that failed to load would spin a thread that waits for it.
    born.addEventListener("error", (event) => lost(born, event.message));
    born.addEventListener("close", (event) => lost(born, `exited with ${Reflect.get(event, "code")}`));
    born.addEventListener("message", (event: MessageEvent<FromCourier>) => receive(event.data));
    readyTimer = setTimeout(() => lost(born, "not ready in time"), READY_TIMEOUT_MS);
    send({ type: "start", config, databaseUrl, smtpUrl, besideApi });
  };

  const receive = (message: FromCourier): void => {
    switch (message.type) {
      case "ready":
        clearTimeout(readyTimer);
        if (state !== "draining") state = "running";
        log.info({ event: "courier_ready", courierId: message.courierId });
        return;
      case "pong":
        unanswered = 0;
        deaths = 0;
        return;
      case "breaker":
        breaker = message.state;
        return;
      case "preview":
        previews.get(message.ticket)?.(message.email);
        previews.delete(message.ticket);
        return;
      case "drained":
        return drained.resolve();
    }
  };

  const lost = (dead: Worker, why: string): void => {
    if (dead !== worker) return;
    worker = null;
    clearTimeout(readyTimer);
    dead.terminate();
    if (state === "draining" || state === "stopped") return drained.resolve();
    state = "restarting";
    const pause = Math.min(RESPAWN_MAX_MS, RESPAWN_FIRST_MS * 2 ** Math.min(deaths, 10));
    deaths += 1;
    log.error(
      { event: "courier_lost", why, restartInMs: pause },
      "the courier thread died; its emails stay in the outbox",
    );
    respawnTimer = setTimeout(spawn, pause);
  };

  const send = (message: ToCourier): void => worker?.postMessage(message);

  const watchdog = setInterval(() => {
    if (state !== "running" || !worker) return;
    if (unanswered >= MAX_UNANSWERED_PINGS) return lost(worker, "does not answer");
    unanswered += 1;
    send({ type: "ping" });
  }, PING_INTERVAL_MS);

  spawn();
  return {
    nudge: (accepted) => send({ type: "nudge", accepted }),
    get health() {
      return { state, breaker: breaker.breaker, lastReply: breaker.lastReply };
    },
    preview(messageId) {
      const ticket = (tickets += 1);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          previews.delete(ticket);
          reject(new Unavailable("The courier does not answer just now.", 5));
        }, PREVIEW_TIMEOUT_MS);
        previews.set(ticket, (email) => {
          clearTimeout(timer);
          resolve(email);
        });
        send({ type: "preview", ticket, messageId });
      });
    },
    async drain(graceMs) {
      state = "draining";
      clearInterval(watchdog);
      clearTimeout(respawnTimer);
      if (worker) {
        send({ type: "drain" });
        const grace = setTimeout(() => {
          log.warn({ event: "drain_timeout", graceMs }, "what is on the wire ends with the process");
          drained.resolve();
        }, graceMs);
        await drained.promise;
        clearTimeout(grace);
      }
      state = "stopped";
      worker?.terminate();
      worker = null;
    },
  };
}
