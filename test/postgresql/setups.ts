/** The set-ups of PostgreSQL that dundie is tried with, as rows of the table in docs/postgresql.md. */
import { join } from "node:path";
import type { Environment } from "../../src/config.ts";
import { migrate } from "../../src/db/migrate.ts";
import type { Certificates } from "../support/certificates.ts";
import { startPgBouncer } from "../support/pgbouncer.ts";
import type { PostgresServer } from "./servers.ts";

export interface Servers {
  /** By Debian's packages, by major version; each with TLS and a certificate for another name. */
  readonly debian: ReadonlyMap<string, PostgresServer>;
  /** The one that comes with dundie, with TLS and a good certificate. */
  readonly embedded: PostgresServer;
  readonly certificates: Certificates;
}

export interface Setup {
  readonly group: "version" | "database" | "pooler" | "role" | "URL";
  /** As the table tells it. */
  readonly name: string;
  /** `works`, or a part of the sentence with which a start is refused. */
  readonly outcome: string;
  /** The connections must be encrypted. */
  readonly encrypted?: true;
  /** Makes it. @param clean what is to be undone is put there. */
  make(servers: Servers, clean: AsyncDisposableStack): Promise<{ url: string; environment?: Environment }>;
}

const ROLE_PASSWORD = "a/b?c#d@e%f";

/** The newest that Debian has here. */
const debianOf = ({ debian }: Servers): PostgresServer => [...debian.values()].at(-1)!;

const as = (url: URL, role: string): URL => {
  const changed = new URL(url);
  changed.username = role;
  changed.password = encodeURIComponent(ROLE_PASSWORD);
  return changed;
};

const withQuery = (url: URL, query: string): string => `${url.href}?${query}`;

/** A database whose sessions begin with these settings. */
const configured =
  (settings: Record<string, string>): Setup["make"] =>
  async (servers) => {
    const url = await servers.embedded.newDatabase();
    const name = url.pathname.slice(1);
    await servers.embedded.administer(async (sql) => {
      for (const [setting, value] of Object.entries(settings)) {
        await sql.unsafe(`alter database ${name} set ${setting} = ${value}`);
      }
    });
    return { url: url.href };
  };

const pooled =
  (settings: readonly string[]): Setup["make"] =>
  async (servers, clean) => {
    const { href } = await debianOf(servers).newDatabase();
    return { url: clean.use(await startPgBouncer(href, settings)).url };
  };

const onEmbedded =
  (urlOf: (url: URL, servers: Servers) => string, environment?: (servers: Servers) => Environment): Setup["make"] =>
  async (servers) => ({
    url: urlOf(await servers.embedded.newDatabase(), servers),
    ...(environment ? { environment: environment(servers) } : {}),
  });

/** The roles of docs/postgresql.md, made by the statements that stand there. */
async function documentedRoles(server: PostgresServer): Promise<URL> {
  const text = await Bun.file(join(import.meta.dir, "../../docs/postgresql.md")).text();
  const [, statements = ""] = /<!-- grants -->\n```sql\n([\s\S]*?)```/.exec(text) ?? [];
  const url = await server.newDatabase();
  await server.administer(async (sql) => {
    // Roles are the server's, and made for the first database.
    const [made] = await sql`select 1 from pg_roles where rolname = 'dundie_app'`;
    const wanted = made ? statements.replaceAll(/^create role .*$/gm, "") : statements;
    await sql.unsafe(wanted.replaceAll("'secret'", `'${ROLE_PASSWORD}'`));
  }, url.pathname.slice(1));
  return url;
}

export const SETUPS: readonly Setup[] = [
  {
    group: "version",
    name: "PostgreSQL 18, as it comes with dundie",
    outcome: "works",
    make: onEmbedded((url) => url.href),
  },
  {
    group: "version",
    name: "PostgreSQL 15 of Debian",
    outcome: "works",
    make: async ({ debian }) => ({ url: (await debian.get("15")!.newDatabase()).href }),
  },
  {
    group: "database",
    name: "an encoding other than UTF8 (LATIN1)",
    outcome: "the encoding of the database is LATIN1",
    make: async ({ embedded }) => ({
      url: (await embedded.newDatabase("encoding 'LATIN1' template template0 lc_collate 'C' lc_ctype 'C'")).href,
    }),
  },
  {
    group: "database",
    name: "`DateStyle = 'SQL, DMY'`, `IntervalStyle = iso_8601`, `TimeZone = 'America/Sao_Paulo'`",
    outcome: "works",
    make: configured({ datestyle: "'SQL, DMY'", intervalstyle: "iso_8601", timezone: "'America/Sao_Paulo'" }),
  },
  {
    group: "database",
    name: "`default_transaction_isolation = 'serializable'`",
    outcome: "works",
    make: configured({ default_transaction_isolation: "'serializable'" }),
  },
  {
    group: "database",
    name: "`bytea_output = escape`, `array_nulls = off`, `extra_float_digits = -15`, `transform_null_equals = on`",
    outcome: "works",
    make: configured({
      bytea_output: "escape",
      array_nulls: "off",
      extra_float_digits: "-15",
      transform_null_equals: "on",
    }),
  },
  {
    group: "database",
    name: "`default_transaction_read_only = on`",
    outcome: "the database is read-only",
    make: configured({ default_transaction_read_only: "on" }),
  },
  {
    group: "database",
    name: "`synchronous_commit = off`",
    outcome: "works",
    make: configured({ synchronous_commit: "off" }),
  },
  {
    group: "database",
    name: "another application beside it, with tables of the same names and a newer row in drizzle's journal",
    outcome: "works",
    async make({ embedded }) {
      const url = await embedded.newDatabase();
      await embedded.administer(async (sql) => {
        await sql`create schema drizzle`;
        await sql`create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`;
        await sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('theirs', 9999999999999)`;
        for (const name of ["user", "session", "message"]) await sql`create table ${sql(name)} (id int)`;
      }, url.pathname.slice(1));
      return { url: url.href };
    },
  },
  {
    group: "database",
    name: "a second dundie beside the first: `DATABASE_SCHEMA=accounts`",
    outcome: "works",
    async make({ embedded }) {
      const url = await embedded.newDatabase();
      await migrate(url.href);
      return { url: url.href, environment: { DATABASE_SCHEMA: "accounts" } };
    },
  },
  {
    group: "database",
    name: "the schema of another version of dundie",
    outcome: "was made by another version of dundie",
    async make({ embedded }) {
      const url = await embedded.newDatabase();
      await migrate(url.href);
      await embedded.administer(
        (sql) => sql`insert into dundie.schema_migration (hash, made_at) values ('of another branch', '2020-01-01')`,
        url.pathname.slice(1),
      );
      return { url: url.href };
    },
  },
  {
    group: "pooler",
    name: "PgBouncer 1.18 of Debian with its defaults (session mode)",
    outcome: "works",
    make: pooled([]),
  },
  {
    group: "pooler",
    name: "PgBouncer in session mode with `default_pool_size = 1`",
    outcome: "no two sessions were to be had",
    make: pooled(["default_pool_size = 1"]),
  },
  {
    group: "pooler",
    name: "PgBouncer in session mode, with the least connections: `DATABASE_POOL=1`, `COURIER_DATABASE_POOL=2`",
    outcome: "works",
    async make(servers, clean) {
      const { url } = await pooled(["default_pool_size = 7"])(servers, clean);
      return { url, environment: { DATABASE_POOL: "1", COURIER_DATABASE_POOL: "2" } };
    },
  },
  {
    group: "pooler",
    name: "PgBouncer in transaction mode",
    outcome: "use its session mode",
    make: pooled(["pool_mode = transaction"]),
  },
  {
    group: "pooler",
    name: "PgBouncer in transaction mode, `server_round_robin = 1`, `ignore_startup_parameters = options`",
    outcome: "use its session mode",
    make: pooled(["pool_mode = transaction", "server_round_robin = 1", "ignore_startup_parameters = options"]),
  },
  {
    group: "pooler",
    name: "PgBouncer in statement mode",
    outcome: "use its session mode",
    make: pooled(["pool_mode = statement"]),
  },
  {
    group: "role",
    name: "the owner of the schema, who may not create others",
    outcome: "works",
    async make({ embedded }) {
      return { url: as(await documentedRoles(embedded), "dundie_owner").href };
    },
  },
  {
    group: "role",
    name: "a role with the grants of this page, `MIGRATE=off`, after `dundie migrate` by the owner",
    outcome: "works",
    async make({ embedded }) {
      const url = await documentedRoles(embedded);
      await migrate(as(url, "dundie_owner").href);
      return { url: as(url, "dundie_app").href, environment: { MIGRATE: "off" } };
    },
  },
  {
    group: "role",
    name: "the same role, `MIGRATE=off`, before `dundie migrate`",
    outcome: 'run "dundie migrate"',
    async make({ embedded }) {
      return { url: as(await documentedRoles(embedded), "dundie_app").href, environment: { MIGRATE: "off" } };
    },
  },
  {
    group: "role",
    name: "the same role, `MIGRATE=on`, before `dundie migrate`",
    outcome: "may not create the tables",
    async make({ embedded }) {
      return { url: as(await documentedRoles(embedded), "dundie_app").href };
    },
  },
  {
    group: "role",
    name: "a role that lacks a grant on one table",
    outcome: "may not DELETE on the table dundie.message",
    async make({ embedded }) {
      const url = await documentedRoles(embedded);
      await migrate(as(url, "dundie_owner").href);
      await embedded.administer((sql) => sql`revoke delete on dundie.message from dundie_app`, url.pathname.slice(1));
      return { url: as(url, "dundie_app").href, environment: { MIGRATE: "off" } };
    },
  },
  {
    group: "URL",
    name: "a socket: `postgres://user:password@/database?host=/var/run/postgresql`",
    outcome: "works",
    make: onEmbedded(
      (url, { embedded: { socketDirectory, port } }) =>
        `${url.href.replace(/@[^/]*/, "@")}?host=${encodeURIComponent(socketDirectory)}&port=${port}`,
    ),
  },
  {
    group: "URL",
    name: "`?sslmode=require&channel_binding=require`, as Neon hands it out",
    outcome: "works",
    encrypted: true,
    make: onEmbedded((url) => withQuery(url, "sslmode=require&channel_binding=require")),
  },
  {
    group: "URL",
    name: "`?application_name=x&connect_timeout=10&pgbouncer=true&keepalives=1`",
    outcome: "works",
    make: onEmbedded((url) => withQuery(url, "application_name=x&connect_timeout=10&pgbouncer=true&keepalives=1")),
  },
  {
    group: "URL",
    name: "`?sslmode=prefer` to a server with TLS",
    outcome: "works",
    encrypted: true,
    make: onEmbedded((url) => withQuery(url, "sslmode=prefer")),
  },
  {
    group: "URL",
    name: "`DATABASE_CA_FILE`",
    outcome: "works",
    encrypted: true,
    make: onEmbedded(
      (url) => url.href,
      ({ certificates }) => ({ DATABASE_CA_FILE: certificates.caFile }),
    ),
  },
  {
    group: "URL",
    name: "`?sslmode=verify-full&sslrootcert=…`",
    outcome: "works",
    encrypted: true,
    make: onEmbedded((url, { certificates }) =>
      withQuery(url, `sslmode=verify-full&sslrootcert=${encodeURIComponent(certificates.caFile)}`),
    ),
  },
  {
    group: "URL",
    name: "`?sslmode=verify-full` to a server whose authority is not known",
    outcome: "leads to no PostgreSQL that can be used",
    make: onEmbedded((url) => withQuery(url, "sslmode=verify-full")),
  },
  {
    group: "URL",
    name: "`?sslmode=verify-full&sslrootcert=…` to a server with the name of another",
    outcome: "leads to no PostgreSQL that can be used",
    make: async (servers) => ({
      url: withQuery(
        await debianOf(servers).newDatabase(),
        `sslmode=verify-full&sslrootcert=${encodeURIComponent(servers.certificates.caFile)}`,
      ),
    }),
  },
  {
    group: "URL",
    name: "`?sslmode=verify-ca&sslrootcert=…` to the same",
    outcome: "works",
    encrypted: true,
    make: async (servers) => ({
      url: withQuery(
        await debianOf(servers).newDatabase(),
        `sslmode=verify-ca&sslrootcert=${encodeURIComponent(servers.certificates.caFile)}`,
      ),
    }),
  },
  {
    group: "URL",
    name: "several hosts, the first of which does not answer",
    outcome: "works",
    make: onEmbedded((url) => url.href.replace("@", "@127.0.0.1:1,")),
  },
  {
    group: "URL",
    name: "several hosts, the first of which is a standby, `?target_session_attrs=read-write`",
    outcome: "works",
    async make(servers, clean) {
      const server = debianOf(servers);
      const url = await server.newDatabase();
      const standby = clean.use(await server.startStandby());
      return { url: withQuery(url, "target_session_attrs=read-write").replace("@", `@127.0.0.1:${standby.port},`) };
    },
  },
  {
    group: "URL",
    name: "a standby alone",
    outcome: "the database is read-only",
    async make(servers, clean) {
      const server = debianOf(servers);
      const url = await server.newDatabase();
      const standby = clean.use(await server.startStandby());
      url.port = String(standby.port);
      return { url: url.href };
    },
  },
  {
    group: "URL",
    name: "`?target_session_attrs=standby`",
    outcome: "has target_session_attrs=standby",
    make: onEmbedded((url) => withQuery(url, "target_session_attrs=standby")),
  },
  {
    group: "URL",
    name: "`?options=-c work_mem=8MB`",
    outcome: "works",
    make: onEmbedded((url) => withQuery(url, "options=-c%20work_mem%3D8MB")),
  },
  {
    group: "URL",
    name: "`?service=main`",
    outcome: "has service, which is not supported",
    make: onEmbedded((url) => withQuery(url, "service=main")),
  },
  {
    group: "URL",
    name: "a wrong password",
    outcome: "password authentication failed",
    make: onEmbedded((url) => url.href.replace(/:[^:@]*@/, ":wrong@")),
  },
  {
    group: "URL",
    name: "a database that does not exist",
    outcome: 'database "absent" does not exist',
    make: onEmbedded((url) => url.href.replace(/\/[^/]*$/, "/absent")),
  },
];
