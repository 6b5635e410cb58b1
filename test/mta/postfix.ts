/** Debian's Postfix as an instance of its own: its files in a temporary directory, its ports on loopback. */
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../support/ports.ts";
import { until } from "../support/waiting.ts";

export interface Postfix {
  /** Postfix's SMTP server. */
  readonly url: string;
  /** Postfix's postscreen, in front of the same server. */
  readonly postscreenUrl: string;
  /** How many emails are in the mailboxes. */
  readonly delivered: number;
  /** The Message-ID of every email in the mailboxes, duplicates included. */
  deliveredIds(): string[];
  /** What Postfix has logged so far. */
  log(): string;
  /** Replaces settings of `main.cf` and has Postfix read them. */
  configure(settings: Readonly<Record<string, string>>): Promise<void>;
  /** Stops Postfix, which closes its connections, and starts it again. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** The user that Debian's package makes; Postfix drops its privileges to it. */
const MAIL_OWNER = "postfix";
/** `nobody`: the mailboxes belong to it. */
const MAILBOX_USER = 65_534;
const START_TIMEOUT_MS = 30_000;

/** @returns what this machine lacks to run Postfix; null when nothing is missing. */
export function postfixIsMissing(): string | null {
  if (!existsSync("/usr/lib/postfix/sbin/master")) return "Debian's postfix is not installed";
  return process.getuid?.() === 0 ? null : "Postfix starts as root";
}

/** @param settings of `main.cf`, beside those of every instance. */
export async function startPostfix(settings: Readonly<Record<string, string>> = {}): Promise<Postfix> {
  const directory = mkdtempSync(join(tmpdir(), "dundie-postfix-"));
  chmodSync(directory, 0o755);
  for (const name of ["queue", "data", "mail"]) mkdirSync(join(directory, name));
  const owner = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((line) => line.startsWith(`${MAIL_OWNER}:`));
  const mailOwner = Number(owner?.split(":")[2]);
  chownSync(join(directory, "data"), mailOwner, 0);
  // A start after a stop in the middle of a delivery finds half-written queue files, which postsuper reports in the log
  // after it has dropped its privileges. Postfix does not start when it cannot open the log.
  await writeFile(join(directory, "postfix.log"), "");
  chownSync(join(directory, "postfix.log"), mailOwner, 0);
  chownSync(join(directory, "mail"), MAILBOX_USER, MAILBOX_USER);
  const [port, postscreenPort] = [freePort(), freePort()];
  let current = settings;
  await writeFile(join(directory, "mailboxes"), "!/^unknown/ all/\n");
  await writeFile(join(directory, "master.cf"), masterCf(port, postscreenPort));
  const write = () => writeFile(join(directory, "main.cf"), mainCf(directory, current));
  await write();

  const mailbox = join(directory, "mail", "all", "new");
  const log = (): string => readFileSync(join(directory, "postfix.log"), "utf8");
  const postfix = (command: string): void => {
    const { status, stderr } = spawnSync("postfix", ["-c", directory, command], { encoding: "utf8" });
    if (status !== 0) throw new Error(`postfix ${command} failed: ${stderr}\n${log().slice(-2_000)}`);
  };
  const start = async (): Promise<void> => {
    postfix("start");
    running.add(directory);
    await until(() => greets(port), { timeoutMs: START_TIMEOUT_MS, seen: log });
  };
  await start();

  return {
    url: `smtp://127.0.0.1:${port}`,
    postscreenUrl: `smtp://127.0.0.1:${postscreenPort}`,
    get delivered() {
      return existsSync(mailbox) ? readdirSync(mailbox).length : 0;
    },
    deliveredIds() {
      return readdirSync(mailbox).map((name) => {
        const source = readFileSync(join(mailbox, name), "latin1");
        return /^Message-ID:\s*(<[^>]+>)/im.exec(source)?.[1] ?? "an email without Message-ID";
      });
    },
    log,
    async configure(changes) {
      current = { ...current, ...changes };
      await write();
      postfix("reload");
    },
    async restart() {
      postfix("stop");
      await start();
    },
    async stop() {
      postfix("stop");
      running.delete(directory);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** postconf(5). Every address at example.com has a mailbox, and nothing is relayed elsewhere. */
function mainCf(directory: string, settings: Readonly<Record<string, string>>): string {
  const all = {
    compatibility_level: "3.6",
    queue_directory: join(directory, "queue"),
    data_directory: join(directory, "data"),
    mail_owner: MAIL_OWNER,
    inet_interfaces: "127.0.0.1",
    inet_protocols: "ipv4",
    myhostname: "relay.example.net",
    mydestination: "",
    mynetworks: "",
    maillog_file: join(directory, "postfix.log"),
    maillog_file_prefixes: directory,
    virtual_mailbox_domains: "example.com",
    virtual_mailbox_base: join(directory, "mail"),
    virtual_mailbox_maps: `regexp:${join(directory, "mailboxes")}`,
    virtual_uid_maps: `static:${MAILBOX_USER}`,
    virtual_gid_maps: `static:${MAILBOX_USER}`,
    smtpd_relay_restrictions: "reject_unauth_destination",
    smtputf8_enable: "no",
    // Postfix would mail its postmaster about each refused client.
    notify_classes: "",
    ...settings,
  };
  return Object.entries(all)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join("");
}

/** master(5): the services that accept and deliver mail. None of them is chrooted. */
const masterCf = (port: number, postscreenPort: number): string => `
127.0.0.1:${port} inet n - n - - smtpd
127.0.0.1:${postscreenPort} inet n - n - 1 postscreen
smtpd     pass  - - n - - smtpd
dnsblog   unix  - - n - 0 dnsblog
tlsproxy  unix  - - n - 0 tlsproxy
tlsmgr    unix  - - n 1000? 1 tlsmgr
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
error     unix  - - n - - error
retry     unix  - - n - - error
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
`;

async function greets(port: number): Promise<boolean> {
  const greeted = Promise.withResolvers<boolean>();
  try {
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: { data: () => greeted.resolve(true), close: () => greeted.resolve(false) },
    });
    const answer = await Promise.race([greeted.promise, Bun.sleep(5_000).then(() => false)]);
    socket.end("QUIT\r\n");
    return answer;
  } catch {
    return false;
  }
}

const running = new Set<string>();
process.on("exit", () => {
  for (const directory of running) {
    spawnSync("postfix", ["-c", directory, "abort"], { stdio: "ignore" });
    rmSync(directory, { recursive: true, force: true });
  }
});
