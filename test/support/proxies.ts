/** Debian's nginx and Caddy in front of servers, with TLS and under a path, configured by the examples of `docs/deploy.md`. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificates } from "./certificates.ts";
import { freePort, listens } from "./ports.ts";
import { until } from "./waiting.ts";

export type ProxyName = "nginx" | "caddy";

export interface Proxy extends AsyncDisposable {
  /** Without a slash at its end: `https://localhost:1234/auth`. */
  readonly url: string;
}

export interface ProxyOptions {
  /** Where it is to listen. */
  readonly publicUrl: string;
  /** Where the servers behind it listen, on loopback. */
  readonly ports: readonly [number, number];
}

/** @returns null where the proxy or openssl is missing, after saying so. */
export function findProxy(name: ProxyName): string | null {
  const found = Bun.which(name, { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` });
  if (found && Bun.which("openssl")) return found;
  console.warn(`\n*** SKIPPED: no ${name} or no openssl found. Install both to run the tests behind a proxy. ***\n`);
  return null;
}

/** @returns a URL that a proxy can be started at. */
export const publicUrlUnder = (path: string): string => `https://localhost:${freePort()}${path}`;

/** @param program what `findProxy` found. */
export async function startProxy(name: ProxyName, program: string, options: ProxyOptions): Promise<Proxy> {
  const directory = await mkdtemp(join(tmpdir(), `dundie-${name}-`));
  await using cleanUp = new AsyncDisposableStack();
  cleanUp.defer(() => rm(directory, { recursive: true }));
  const certificates = cleanUp.use(await makeCertificates());
  await writeFile(join(directory, "cert.pem"), certificates.good.cert);
  await writeFile(join(directory, "key.pem"), certificates.good.key);
  const { config, args } = await PROXIES[name](directory, options);
  await writeFile(join(directory, "config"), config);
  const child = Bun.spawn([program, ...args], {
    env: { HOME: directory, PATH: process.env["PATH"] ?? "" },
    stdin: "ignore",
    stdout: "ignore",
    stderr: Bun.file(join(directory, "output.log")),
  });
  cleanUp.defer(async () => {
    child.kill("SIGTERM");
    await child.exited;
  });
  const errors = (): string => readFileSync(join(directory, "output.log"), "utf8");
  const port = Number(new URL(options.publicUrl).port);
  await until(() => child.exitCode !== null || listens(port), { seen: errors });
  if (child.exitCode !== null) throw new Error(`${name} did not start:\n${errors()}`);
  const steps = cleanUp.move();
  return { url: options.publicUrl, [Symbol.asyncDispose]: () => steps.disposeAsync() };
}

interface Prepared {
  readonly config: string;
  readonly args: readonly string[];
}

const PROXIES: Readonly<Record<ProxyName, (directory: string, options: ProxyOptions) => Promise<Prepared>>> = {
  nginx: async (directory, { publicUrl, ports: [first, second] }) => {
    const http = await exampleWith("nginx", [
      ["listen 443 ssl;", `listen 127.0.0.1:${new URL(publicUrl).port} ssl;`],
      ["server_name accounts.example.com;", "server_name localhost;"],
      ["/etc/ssl/accounts.example.com.pem", join(directory, "cert.pem")],
      ["/etc/ssl/accounts.example.com.key", join(directory, "key.pem")],
      ["server 127.0.0.1:8001 ", `server 127.0.0.1:${first} `],
      ["server 127.0.0.1:8002 ", `server 127.0.0.1:${second} `],
    ]);
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    const config = `
${process.getuid?.() === 0 ? "user root;" : ""}
worker_processes 1;
pid ${directory}/nginx.pid;
error_log stderr;
events { worker_connections 256; }
http {
  access_log off;
${temporary.map((name) => `  ${name}_temp_path ${directory}/${name};`).join("\n")}
${http}
}
`;
    return { config, args: ["-p", directory, "-c", "config", "-e", "stderr", "-g", "daemon off;"] };
  },

  caddy: async (directory, { publicUrl, ports: [first, second] }) => {
    const { port } = new URL(publicUrl);
    const site = await exampleWith("caddyfile", [
      [
        "accounts.example.com {",
        `localhost:${port} {\n\tbind 127.0.0.1\n\ttls ${directory}/cert.pem ${directory}/key.pem`,
      ],
      ["127.0.0.1:8001", `127.0.0.1:${first}`],
      // The same server twice would be one that is asked twice.
      [" 127.0.0.1:8002", second === first ? "" : ` 127.0.0.1:${second}`],
    ]);
    // Without the administration's port and without certificates of its own.
    const config = `{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n${site}`;
    return { config, args: ["run", "--config", join(directory, "config"), "--adapter", "caddyfile"] };
  },
};

/** The example of `docs/deploy.md` in this language, with what differs in the tests. */
async function exampleWith(language: string, replaced: readonly (readonly [string, string])[]): Promise<string> {
  const page = await Bun.file(new URL("../../docs/deploy.md", import.meta.url)).text();
  const [, example = ""] = new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "s").exec(page) ?? [];
  return replaced.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`The example of docs/deploy.md has no "${from}".`);
    return text.replace(from, to);
  }, example);
}
