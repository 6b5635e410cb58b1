/**
 * Every set-up of PostgreSQL in docs/postgresql.md: a whole dundie is started on it, and a password reset goes out, or
 * the start is refused with a sentence. `UPDATE_DOCS=1` writes the table.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import type { Environment } from "../../src/config.ts";
import { ConfigError } from "../../src/errors.ts";
import { makeCertificates } from "../support/certificates.ts";
import { startApplication } from "../support/application.ts";
import { findPgBouncer } from "../support/pgbouncer.ts";
import { debianBinaries, debianVersions, startPostgres } from "./servers.ts";
import { SETUPS, type Servers } from "./setups.ts";

const DOCS = join(import.meta.dir, "../../docs/postgresql.md");
const versions = await debianVersions();
const ready = versions.includes("15") && findPgBouncer() !== null && Bun.which("openssl") !== null;
if (!ready) {
  console.warn(
    "\n*** The set-ups of PostgreSQL are NOT tested: install postgresql, pgbouncer and openssl (Debian). ***\n",
  );
}

let servers: Servers;
const clean = new AsyncDisposableStack();

beforeAll(async () => {
  if (!ready) return;
  const certificates = clean.use(await makeCertificates());
  const debian = new Map();
  for (const version of versions) {
    debian.set(
      version,
      clean.use(await startPostgres({ binaries: debianBinaries(version), certificate: certificates.otherName })),
    );
  }
  servers = { certificates, debian, embedded: clean.use(await startPostgres({ certificate: certificates.good })) };
}, 60_000);

afterAll(() => clean.disposeAsync(), 60_000);

test.skipIf(!ready).each(SETUPS.map((setup) => [`${setup.group}: ${setup.name}`, setup] as const))(
  "%s",
  async (_, { make, outcome, encrypted }) => {
    await using cleanup = new AsyncDisposableStack();
    const { url, environment } = await make(servers, cleanup);
    const seen = await tryOut(url, environment, encrypted);
    expect(seen).toContain(outcome);
    // What is refused is told without the password, and names its variable.
    expect(seen).not.toContain(decodeURIComponent(new URL(url.replace(/\/\/(.*@)[^/]*\//, "//$1host/")).password));
  },
  60_000,
);

test("the table in docs/postgresql.md is that of the set-ups that are tried", async () => {
  const text = await Bun.file(DOCS).text();
  const table = [
    "| | set-up | outcome |",
    "|---|---|---|",
    ...SETUPS.map(({ group, name, outcome }, index) => {
      const first = SETUPS[index - 1]?.group !== group;
      return `| ${first ? group : ""} | ${name} | ${outcome === "works" ? "works" : `refused: “… ${outcome} …”`} |`;
    }),
  ].join("\n");
  const updated = text.replace(
    /(<!-- table -->\n)[\s\S]*?(<!-- \/table -->)/,
    (_, begin, end) => `${begin}${table}\n${end}`,
  );
  if (process.env["UPDATE_DOCS"]) await Bun.write(DOCS, updated);
  else expect(text).toBe(updated);
});

/** "works", or the sentences with which it is refused. */
async function tryOut(url: string, environment: Environment = {}, encrypted = false): Promise<string> {
  try {
    await using dundie = await startApplication({ ...environment, DATABASE_URL: url });
    const email = await dundie.addPerson("Pam Beesly");
    expect((await dundie.requestReset(email)).status).toBe(200);
    await dundie.received(email);
    const { status, body } = await dundie.call("GET", "/health");
    expect([status, body["database"]]).toEqual([200, "up"]);
    const [row] = await dundie.running.deps.db.orm.execute("select ssl from pg_stat_ssl where pid = pg_backend_pid()");
    if (encrypted) expect(row?.["ssl"]).toBe(true);
    return "works";
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.join("\n");
    throw error;
  }
}
