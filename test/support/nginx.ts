/** Debian's nginx in front of a server, with TLS and a path, configured by the example of `docs/operations.md`. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificates } from "./certificates.ts";
import { freePort, listens } from "./ports.ts";
import { until } from "./waiting.ts";

export interface Nginx extends AsyncDisposable {
  /** Without a slash at its end: `https://localhost:1234/auth`. */
  readonly url: string;
}

/** @returns null where nginx or openssl is missing, after saying so. */
export function findNginx(): string | null {
  const found = Bun.which("nginx", { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` });
  if (found && Bun.which("openssl")) return found;
  console.warn("\n*** SKIPPED: no nginx or no openssl found. Install both to run the tests behind a proxy. ***\n");
  return null;
}

/**
 * @param publicUrl where nginx is to listen.
 * @param port where the server behind it listens, on loopback.
 */
export async function startNginx(program: string, publicUrl: string, port: number): Promise<Nginx> {
  const directory = await mkdtemp(join(tmpdir(), "dundie-nginx-"));
  await using cleanUp = new AsyncDisposableStack();
  cleanUp.defer(() => rm(directory, { recursive: true }));
  const certificates = cleanUp.use(await makeCertificates());
  await writeFile(join(directory, "cert.pem"), certificates.good.cert);
  await writeFile(join(directory, "key.pem"), certificates.good.key);
  await writeFile(join(directory, "nginx.conf"), await configOf(directory, new URL(publicUrl), port));
  const child = Bun.spawn([program, "-p", directory, "-c", "nginx.conf", "-e", "error.log", "-g", "daemon off;"], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  cleanUp.defer(async () => {
    child.kill("SIGTERM");
    await child.exited;
  });
  const errors = (): string => readFileSync(join(directory, "error.log"), "utf8");
  await until(() => child.exitCode !== null || listens(Number(new URL(publicUrl).port)), { seen: errors });
  if (child.exitCode !== null) throw new Error(`nginx did not start:\n${errors()}`);
  const steps = cleanUp.move();
  return { url: publicUrl, [Symbol.asyncDispose]: () => steps.disposeAsync() };
}

/** @returns a URL that nginx can be started at. */
export const publicUrlUnder = (path: string): string => `https://localhost:${freePort()}${path}`;

async function configOf(directory: string, { port: listen }: URL, port: number): Promise<string> {
  const page = await Bun.file(new URL("../../docs/operations.md", import.meta.url)).text();
  const [, example = ""] = /```nginx\n(.*?)```/s.exec(page) ?? [];
  const replaced = [
    ["listen 443 ssl;", `listen 127.0.0.1:${listen} ssl;`],
    ["server_name accounts.example.com;", "server_name localhost;"],
    ["/etc/ssl/accounts.example.com.pem", join(directory, "cert.pem")],
    ["/etc/ssl/accounts.example.com.key", join(directory, "key.pem")],
    ["server 127.0.0.1:8000;", `server 127.0.0.1:${port};`],
  ] as const;
  const http = replaced.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`The example of docs/operations.md has no "${from}".`);
    return text.replace(from, to);
  }, example);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `
${process.getuid?.() === 0 ? "user root;" : ""}
worker_processes 1;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log;
events { worker_connections 256; }
http {
  access_log off;
${temporary.map((name) => `  ${name}_temp_path ${directory}/${name};`).join("\n")}
${http}
}
`;
}
