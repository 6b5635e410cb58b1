/** The certificate's control over its SMTP server, which is a process of its own and keeps a log of its own. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Misbehaviour, SmtpPhase } from "../support/smtp.ts";

/** One misbehaviour, as plain data. The first rule that matches a moment of a conversation applies. */
export interface Rule extends Pick<Misbehaviour, "reply" | "delayMs" | "hangUp" | "silent" | "dripMs"> {
  readonly phase: SmtpPhase;
  /** Only for these; absent: for every recipient. Before RCPT no recipient is known yet. */
  readonly recipients?: readonly string[];
  /** Only while more connections than this are open, the new one included. */
  readonly aboveConnections?: number;
  /** Only on this many connections: the first ones that the server accepts once the rule is there. */
  readonly firstConnections?: number;
  /** Only when the name in EHLO is not a fully qualified domain name (RFC 5321 §2.3.5). */
  readonly heloNotQualified?: true;
  /** Only when the sender's address in MAIL FROM has characters outside ASCII. */
  readonly senderNotAscii?: true;
  /** Applies this often in all, and this often to each recipient. */
  readonly times?: number;
  readonly perRecipient?: number;
  /** Makes the usual reply this many bytes long, by lines of continuation before it. */
  readonly replyBytes?: number;
  /** Withholds the answer until the rule is removed. */
  readonly hold?: true;
  /** Signals a process: `now`, when the moment comes, and `answered`, once the answer has been handed over. */
  readonly signal?: { readonly pid: number; readonly now?: Signal; readonly answered?: Signal };
}

export type Signal = "SIGKILL" | "SIGSTOP";

export type ToServer =
  | { readonly type: "add"; readonly ticket: number; readonly rule: Rule }
  /** Drops the rule and sends the answers that it withheld. */
  | { readonly type: "remove"; readonly ticket: number; readonly rule: number }
  | { readonly type: "refuse" | "open" | "hangUpAll"; readonly ticket: number };

export type FromServer =
  | { readonly type: "listening"; readonly url: string }
  | { readonly type: "done"; readonly ticket: number }
  | { readonly type: "applied"; readonly rule: number }
  | { readonly type: "answered"; readonly accepted: boolean };

/** One line of the server's log. Times are milliseconds since the epoch. */
export type SmtpEvent =
  /** The final dot has arrived: the server has the whole email. */
  | {
      readonly event: "dot";
      readonly email: number;
      readonly at: number;
      readonly messageId: string;
      readonly recipient: string;
      readonly date: string;
      readonly link: string | null;
      /** SHA-256 of the source as it came over the connection. */
      readonly digest: string;
    }
  /** `delivered`: the whole reply was handed to an open connection. Without a reply the server fell silent or hung up. */
  | {
      readonly event: "answer";
      readonly email: number;
      readonly at: number;
      readonly reply: string | null;
      readonly delivered: boolean;
    }
  | { readonly event: "signal"; readonly at: number; readonly pid: number; readonly signal: Signal };

/** A rule that the server follows until it is removed. */
export interface ActiveRule {
  /** Resolves when the rule has applied this often. */
  applied(times?: number): Promise<void>;
  readonly count: number;
  remove(): Promise<void>;
}

export interface FaultySmtp {
  readonly url: string;
  /** Emails that were answered with 250 so far, copies included. */
  readonly accepted: number;
  add(rule: Rule): Promise<ActiveRule>;
  /** Closes all connections and refuses new ones until `open`. */
  refuse(): Promise<void>;
  open(): Promise<void>;
  hangUpAll(): Promise<void>;
  readLog(): Promise<SmtpEvent[]>;
  stop(): Promise<void>;
}

const PROGRAM = fileURLToPath(new URL("./faulty-smtp-process.ts", import.meta.url));
/** How long a scenario waits for a rule to apply: longer than any lease, deadline or pause of the courier. */
const APPLIED_TIMEOUT_MS = 180_000;

export async function startFaultySmtp(logFile: string): Promise<FaultySmtp> {
  const listening = Promise.withResolvers<string>();
  const done = new Map<number, () => void>();
  const counts = new Map<number, { count: number; watchers: Set<() => void> }>();
  let tickets = 0;
  let accepted = 0;

  const receive = (message: FromServer): void => {
    switch (message.type) {
      case "listening":
        return listening.resolve(message.url);
      case "done":
        done.get(message.ticket)?.();
        done.delete(message.ticket);
        return;
      case "applied": {
        const rule = counts.get(message.rule);
        if (!rule) return;
        rule.count += 1;
        for (const look of rule.watchers) look();
        return;
      }
      case "answered":
        if (message.accepted) accepted += 1;
    }
  };

  // The server ends by itself when the certificate is gone, because its end of the IPC channel closes.
  const child = Bun.spawn([process.execPath, PROGRAM, logFile], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    ipc: (message) => receive(message as FromServer),
    onExit: () => listening.reject(new Error("The SMTP server ended.")),
  });
  const tell = (command: { type: "add"; rule: Rule } | { type: "remove"; rule: number } | Plain): Promise<void> => {
    const ticket = (tickets += 1);
    return new Promise((resolve) => {
      done.set(ticket, resolve);
      child.send({ ...command, ticket } satisfies ToServer);
    });
  };

  const url = await listening.promise;
  return {
    url,
    get accepted() {
      return accepted;
    },
    async add(rule) {
      const id = tickets + 1;
      const state = { count: 0, watchers: new Set<() => void>() };
      counts.set(id, state);
      await tell({ type: "add", rule });
      return {
        get count() {
          return state.count;
        },
        applied: (times = 1) =>
          new Promise((resolve, reject) => {
            const look = (): void => {
              if (state.count < times) return;
              state.watchers.delete(look);
              clearTimeout(timer);
              resolve();
            };
            const timer = setTimeout(() => {
              state.watchers.delete(look);
              reject(new Error(`A rule for ${rule.phase} applied ${state.count} times, not ${times}.`));
            }, APPLIED_TIMEOUT_MS);
            state.watchers.add(look);
            look();
          }),
        remove: () => tell({ type: "remove", rule: id }),
      };
    },
    refuse: () => tell({ type: "refuse" }),
    open: () => tell({ type: "open" }),
    hangUpAll: () => tell({ type: "hangUpAll" }),
    readLog: async () =>
      (await readFile(logFile, "utf8"))
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as SmtpEvent),
    async stop() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

type Plain = { type: "refuse" | "open" | "hangUpAll" };
