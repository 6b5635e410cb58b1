/**
 * The main thread's handle on the courier thread: nudges it, watches that it makes progress, replaces it when it does
 * not or when it dies, and drains it. A dead courier never reaches a request: the outbox is the database's.
 */
import { pathToFileURL } from "node:url";
import type { Config } from "../../config.ts";
import { insideExecutable } from "../../executable.ts";
import type { Log } from "../../log.ts";
import type { BreakerState } from "./breaker.ts";
import type { FromCourier, PreviewedEmail, ThreadMetrics, ToCourier } from "./protocol.ts";
import { ThreadRequests } from "./thread-requests.ts";
import { faultOf, threadCpuMs } from "./watchdog.ts";

export interface Courier {
  /** Starts the thread. Until then a nudge is ignored: the thread looks at the outbox when it starts. */
  start(places: CourierPlaces): void;
  /**
   * Posts a hint; cheap enough for a microtask before a response.
   * @param accepted requests that waited for one commit: how hard the API is pressed.
   */
  readonly nudge: (accepted: number) => void;
  readonly health: CourierHealth;
  /**
   * The email of a message with a dead link, rendered in the thread; null when there is nothing to show.
   * @throws {Unavailable} when the thread does not answer.
   */
  preview(messageId: string): Promise<PreviewedEmail | null>;
  /** What the thread has counted. @throws {Unavailable} when it does not answer within `METRICS_TIMEOUT_MS`. */
  metrics(): Promise<ThreadMetrics>;
  /** Resolves when nothing is being sent, or after `graceMs`, whichever is first. */
  drain(graceMs: number): Promise<void>;
}

export interface CourierPlaces {
  readonly databaseUrl: string;
  readonly smtpUrl: string;
}

export interface CourierHealth {
  readonly state: "starting" | "running" | "restarting" | "draining" | "stopped";
  readonly breaker: BreakerState["breaker"];
  readonly lastReply: string | null;
}

export interface CourierOptions {
  readonly config: Config;
  readonly log: Log;
  /**
   * Called instead of starting the thread again, when it failed before it was ever ready: its module cannot be loaded,
   * and another try would fail the same way.
   * @param why one line.
   */
  readonly onUnloadable?: ((why: string) => void) | undefined;
  /** @default worker.ts */
  readonly module?: URL | undefined;
}

/** Loading the templates takes under a second of CPU time, of which a busy machine may give a hundredth. */
const READY_TIMEOUT_MS = 120_000;
const PING_INTERVAL_MS = 1_000;
/** A scrape of Prometheus gives up after 10 s, and should tell of the main thread when the other one hangs. */
const METRICS_TIMEOUT_MS = 2_000;
const WORKER = Bun.isStandaloneExecutable
  ? pathToFileURL(insideExecutable("mail/courier/worker.js"))
  : new URL("./worker.ts", import.meta.url);
const RESPAWN_FIRST_MS = 250;
const RESPAWN_MAX_MS = 30_000;

/** The thread that runs now, and what its last answer said. */
interface Thread {
  readonly worker: Worker;
  readonly readyTimer: ReturnType<typeof setTimeout>;
  /** The kernel's id; null until it is ready. */
  id: number | null;
  unanswered: number;
  /** CPU time it had used when it last answered. */
  answeredCpuMs: number | null;
  stuckMs: number;
}

export function createCourier({ config, log, onUnloadable, module = WORKER }: CourierOptions): Courier {
  const previews = new ThreadRequests<PreviewedEmail | null>();
  const scrapes = new ThreadRequests<ThreadMetrics>();
  const drained = Promise.withResolvers<void>();
  let places: CourierPlaces | null = null;
  let thread: Thread | null = null;
  let state: CourierHealth["state"] = "starting";
  let breaker: BreakerState = { breaker: "closed", until: null, lastReply: null };
  /** Threads that died since the last one that answered. */
  let deaths = 0;
  let everReady = false;
  let respawnTimer: ReturnType<typeof setTimeout> | undefined;
  let watchdog: ReturnType<typeof setInterval> | undefined;

  const spawn = (): void => {
    const worker = new Worker(module.href);
    const readyTimer = setTimeout(() => lost(worker, "not ready in time"), READY_TIMEOUT_MS);
    const spawned: Thread = { worker, readyTimer, id: null, unanswered: 0, answeredCpuMs: null, stuckMs: 0 };
    thread = spawned;
    // Before anything is awaited: a worker that failed to load would spin a thread that waits for it.
    worker.addEventListener("error", (event) => failed(worker, event.message));
    worker.addEventListener("close", (event) => failed(worker, `exited with ${Reflect.get(event, "code")}`));
    worker.addEventListener("message", (event: MessageEvent<FromCourier>) => receive(spawned, event.data));
    if (places) send({ type: "start", config, ...places });
  };

  const receive = (from: Thread, message: FromCourier): void => {
    switch (message.type) {
      case "ready":
        clearTimeout(from.readyTimer);
        everReady = true;
        from.id = message.threadId;
        from.answeredCpuMs = threadCpuMs(from.id);
        if (state !== "draining") state = "running";
        log.info({ event: "courier_ready", courierId: message.courierId, threadId: message.threadId });
        return;
      case "pong":
        from.unanswered = 0;
        from.answeredCpuMs = threadCpuMs(from.id);
        from.stuckMs = message.stuckMs;
        deaths = 0;
        return;
      case "breaker":
        breaker = message.state;
        return;
      case "preview":
        return previews.answer(message.ticket, message.email);
      case "metrics":
        return scrapes.answer(message.ticket, message.metrics);
      case "drained":
        return drained.resolve();
    }
  };

  const watch = (): void => {
    if (state !== "running" || !thread) return;
    const { worker, id, unanswered, answeredCpuMs, stuckMs } = thread;
    const usedMs = unanswered > 0 ? threadCpuMs(id) : null;
    const cpuMs = usedMs === null || answeredCpuMs === null ? null : usedMs - answeredCpuMs;
    const fault = faultOf({ unanswered, cpuMs, stuckMs });
    if (fault) return lost(worker, fault);
    thread.unanswered += 1;
    send({ type: "ping" });
  };

  const failed = (dead: Worker, why: string): void => {
    if (everReady || !onUnloadable || state !== "starting" || dead !== thread?.worker) return lost(dead, why);
    clearTimeout(thread.readyTimer);
    thread = null;
    state = "stopped";
    onUnloadable(why.split("\n")[0] ?? why);
  };

  const lost = (dead: Worker, why: string): void => {
    if (dead !== thread?.worker) return;
    clearTimeout(thread.readyTimer);
    thread = null;
    dead.terminate();
    if (state === "draining" || state === "stopped") return drained.resolve();
    state = "restarting";
    const pause = Math.min(RESPAWN_MAX_MS, RESPAWN_FIRST_MS * 2 ** Math.min(deaths, 10));
    deaths += 1;
    log.error(
      { event: "courier_lost", why, restartInMs: pause },
      "The courier thread died. Its emails stay in the outbox.",
    );
    respawnTimer = setTimeout(spawn, pause);
  };

  const send = (message: ToCourier): void => thread?.worker.postMessage(message);

  return {
    start(given) {
      places = given;
      watchdog = setInterval(watch, PING_INTERVAL_MS);
      spawn();
    },
    nudge: (accepted) => send({ type: "nudge", accepted }),
    get health() {
      return { state, breaker: breaker.breaker, lastReply: breaker.lastReply };
    },
    preview: (messageId) => previews.request((ticket) => send({ type: "preview", ticket, messageId })),
    metrics: () => scrapes.request((ticket) => send({ type: "metrics", ticket }), METRICS_TIMEOUT_MS),
    async drain(graceMs) {
      state = "draining";
      clearInterval(watchdog);
      clearTimeout(respawnTimer);
      if (thread) {
        send({ type: "drain" });
        const grace = setTimeout(() => {
          log.warn(
            { event: "drain_timeout", graceMs },
            "The grace period is over: the courier stops while emails are being sent. Their leases expire, and another courier takes them over.",
          );
          drained.resolve();
        }, graceMs);
        await drained.promise;
        clearTimeout(grace);
      }
      state = "stopped";
      clearTimeout(thread?.readyTimer);
      thread?.worker.terminate();
      thread = null;
    },
  };
}
