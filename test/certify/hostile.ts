/** The certifier's handle on its SMTP server, which is a process of its own and keeps a log of its own. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Misbehaviour, SmtpPhase } from "../support/smtp.ts";

/** One misbehaviour, as plain data. The first rule that fits a moment strikes. */
export interface Rule extends Pick<Misbehaviour, "reply" | "delayMs" | "hangUp" | "silent" | "dripMs"> {
  readonly phase: SmtpPhase;
  /** Only for these; absent: for whoever comes. Before RCPT nobody is named yet. */
  readonly recipients?: readonly string[];
  /** Strikes this often in all, and each recipient this often. */
  readonly times?: number;
  readonly perRecipient?: number;
  /** Keeps its answer until the trap is lifted. */
  readonly hold?: true;
  /** Signals a process: `now`, when the moment comes, and once the answer has been handed over. */
  readonly strike?: { readonly pid: number; readonly now?: Signal; readonly answered?: Signal };
}

export type Signal = "SIGKILL" | "SIGSTOP";

export type ToHostile =
  | { readonly type: "set"; readonly ticket: number; readonly rule: Rule }
  /** Drops the rule and lets its held answers go. */
  | { readonly type: "lift"; readonly ticket: number; readonly rule: number }
  | { readonly type: "refuse" | "open" | "hangUpAll"; readonly ticket: number };

export type FromHostile =
  | { readonly type: "listening"; readonly url: string }
  | { readonly type: "done"; readonly ticket: number }
  | { readonly type: "struck"; readonly rule: number }
  | { readonly type: "answered"; readonly accepted: boolean };

/** One line of its log. Times are milliseconds since the epoch. */
export type HostileEvent =
  /** The final dot has arrived: the server has the letter. */
  | {
      readonly event: "dot";
      readonly letter: number;
      readonly at: number;
      readonly messageId: string;
      readonly recipient: string;
      readonly date: string;
      readonly link: string | null;
      /** SHA-256 of the source as it came over the wire. */
      readonly digest: string;
    }
  /** `delivered`: the whole reply was handed to an open connection. No reply: silent, or hung up. */
  | {
      readonly event: "answer";
      readonly letter: number;
      readonly at: number;
      readonly reply: string | null;
      readonly delivered: boolean;
    }
  | { readonly event: "signal"; readonly at: number; readonly pid: number; readonly signal: Signal };

export interface Trap {
  /** Resolves when it has struck this often. */
  struck(times?: number): Promise<void>;
  readonly strikes: number;
  lift(): Promise<void>;
}

export interface HostileSmtp {
  readonly url: string;
  /** Letters that were answered with 250 so far, copies included. */
  readonly accepted: number;
  set(rule: Rule): Promise<Trap>;
  /** Refuses connections, the open ones included, until `open`. */
  refuse(): Promise<void>;
  open(): Promise<void>;
  hangUpAll(): Promise<void>;
  readLog(): Promise<HostileEvent[]>;
  stop(): Promise<void>;
}

const PROGRAM = fileURLToPath(new URL("./hostile-process.ts", import.meta.url));
/** How long a scenario waits for a trap: longer than any lease, deadline or pause of the courier. */
const STRIKE_TIMEOUT_MS = 180_000;

export async function startHostileSmtp(logFile: string): Promise<HostileSmtp> {
  const listening = Promise.withResolvers<string>();
  const done = new Map<number, () => void>();
  const strikes = new Map<number, { count: number; waiting: Set<() => void> }>();
  let tickets = 0;
  let accepted = 0;

  const receive = (message: FromHostile): void => {
    switch (message.type) {
      case "listening":
        return listening.resolve(message.url);
      case "done":
        done.get(message.ticket)?.();
        done.delete(message.ticket);
        return;
      case "struck": {
        const rule = strikes.get(message.rule);
        if (!rule) return;
        rule.count += 1;
        for (const look of rule.waiting) look();
        return;
      }
      case "answered":
        if (message.accepted) accepted += 1;
    }
  };

  // It ends by itself when the certifier is gone: its end of the IPC channel closes.
  const child = Bun.spawn([process.execPath, PROGRAM, logFile], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    ipc: (message) => receive(message as FromHostile),
    onExit: () => listening.reject(new Error("The SMTP server ended.")),
  });
  const tell = (command: { type: "set"; rule: Rule } | { type: "lift"; rule: number } | Plain): Promise<void> => {
    const ticket = (tickets += 1);
    return new Promise((resolve) => {
      done.set(ticket, resolve);
      child.send({ ...command, ticket } satisfies ToHostile);
    });
  };

  const url = await listening.promise;
  return {
    url,
    get accepted() {
      return accepted;
    },
    async set(rule) {
      const id = tickets + 1;
      const mine = { count: 0, waiting: new Set<() => void>() };
      strikes.set(id, mine);
      await tell({ type: "set", rule });
      return {
        get strikes() {
          return mine.count;
        },
        struck: (times = 1) =>
          new Promise((resolve, reject) => {
            const look = (): void => {
              if (mine.count < times) return;
              mine.waiting.delete(look);
              clearTimeout(timer);
              resolve();
            };
            const timer = setTimeout(() => {
              mine.waiting.delete(look);
              reject(new Error(`A trap in ${rule.phase} struck ${mine.count} times, not ${times}.`));
            }, STRIKE_TIMEOUT_MS);
            mine.waiting.add(look);
            look();
          }),
        lift: () => tell({ type: "lift", rule: id }),
      };
    },
    refuse: () => tell({ type: "refuse" }),
    open: () => tell({ type: "open" }),
    hangUpAll: () => tell({ type: "hangUpAll" }),
    readLog: async () =>
      (await readFile(logFile, "utf8"))
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as HostileEvent),
    async stop() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

type Plain = { type: "refuse" | "open" | "hangUpAll" };
