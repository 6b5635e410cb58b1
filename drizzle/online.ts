/**
 * What a migration must not do while processes of the version before it serve requests: take away or change what they
 * use, refuse what they write, or lock a table for as long as its rows take. docs/CONTRIBUTING.md, "Migrations", says
 * what to do instead.
 */

/** Migrations that break a rule on purpose, each with the reason why no process suffers. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  "0001_order_and_crashes": "No version had been released.",
  "0007_registration_without_account": "No version had been released.",
  "0009_outbox_costs": "No version had been released.",
  "0005_people": "No version had been released. The accounts are locked for about 13 s for each 100,000 of them.",
};

interface Rule {
  readonly breaks: RegExp;
  readonly why: string;
}

const TABLE = String.raw`(?:if (?:not )?exists )?(?:only )?"?(?<table>\w+)"?`;

/** About statements in one line, in lower case. `table` is what they are about: one that is new has no users. */
const RULES: readonly Rule[] = [
  {
    breaks: new RegExp(
      `^alter table ${TABLE} .*?\\bdrop (?:column )?(?:if exists )?(?!if |constraint|not null|default|identity|expression)"?\\w`,
    ),
    why: "drops a column that running processes may use: drop it in the version after the one that stops using it",
  },
  {
    breaks: new RegExp(`^(?:drop table|truncate(?: table)?) ${TABLE}`),
    why: "takes away rows that running processes may use: drop a table in the version after the one that stops using it",
  },
  {
    breaks: new RegExp(`^alter (?:table|index|sequence|type|view) ${TABLE} .*?\\b(?:rename|set schema)\\b`),
    why: "renames what running processes know by its old name: add the new one, and drop the old one a version later",
  },
  {
    breaks: new RegExp(`^alter table ${TABLE} .*?\\balter column \\S+ (?:set data )?type\\b`),
    why: "rewrites every row of the table under a lock: add a column, fill it in batches, and drop the old one later",
  },
  {
    breaks: new RegExp(`^alter table ${TABLE} .*?\\b(?:set not null|drop default)\\b`),
    why: "refuses the rows of running processes, which do not fill the column",
  },
  {
    breaks: new RegExp(`^alter table ${TABLE} .*?\\badd column (?!.*\\b(?:default|generated)\\b).*\\bnot null\\b`),
    why: "refuses the rows of running processes, which do not fill the column: give it a default",
  },
  {
    breaks: new RegExp(
      `^alter table ${TABLE} .*?\\badd column .*(?:\\b(?:big|small)?serial\\b|\\bgenerated\\b|\\bdefault (?!now\\(\\)|current_)[^,]*\\()`,
    ),
    why: "computes a value for every row of the table under a lock: add the column without a default, and fill it in batches",
  },
  {
    breaks: new RegExp(`^alter table ${TABLE} .*?\\badd (?:constraint|primary key|unique|check|foreign key)\\b`),
    why: "may refuse what running processes write, and reads every row under a lock unless it is NOT VALID",
  },
  {
    breaks: new RegExp(`^create unique index .*? on ${TABLE}`),
    why: "may refuse what running processes write, and keeps them from writing while it is built",
  },
  {
    breaks: new RegExp(`^create index .*? on ${TABLE}`),
    why: "keeps running processes from writing to the table while it is built",
  },
  {
    breaks: new RegExp(`^(?:update|delete from) ${TABLE}`),
    why: "locks every row that it changes until the migration ends: change them in batches, outside of a migration",
  },
];

/**
 * @param name of the migration, without `.sql`.
 * @param sql the file.
 * @returns what is wrong, a sentence for each statement.
 */
export function offlineStatements(name: string, sql: string): string[] {
  if (Object.hasOwn(EXCEPTIONS, name)) return [];
  const statements = sql.split("--> statement-breakpoint").flatMap(withoutComments);
  const added = new Set(
    statements.flatMap((text) => new RegExp(`^create table ${TABLE}`).exec(text)?.groups?.["table"] ?? []),
  );
  return statements.flatMap((statement) => {
    for (const { breaks, why } of RULES) {
      const table = breaks.exec(statement)?.groups?.["table"];
      if (table !== undefined && !added.has(table)) return [`${statement.slice(0, 100)}: it ${why}`];
    }
    return [];
  });
}

/** One statement may hold several, separated by semicolons, where a person wrote it. */
const withoutComments = (text: string): string[] =>
  text
    .replaceAll(/--[^\n]*|\/\*.*?\*\//gs, " ")
    .split(";")
    .map((statement) => statement.replaceAll(/\s+/g, " ").trim().toLowerCase())
    .filter((statement) => statement !== "");
